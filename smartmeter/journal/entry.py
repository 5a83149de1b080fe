"""A reading and its place in the journal."""

from dataclasses import dataclass

from smartmeter.reading import Reading


@dataclass(frozen=True, slots=True)
class Entry:
    """`sequence` grows with every reading of a journal; numbers may be missing, none comes twice."""

    sequence: int
    reading: Reading
