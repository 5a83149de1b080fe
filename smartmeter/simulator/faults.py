"""What virtual meters and lines do otherwise than the paper says: lasting quirks, and faults that come and go."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Literal

from smartmeter.simulator.frames import RTU, Framing

# Seconds, or from and to.
Turnaround = float | tuple[float, float]

# CRC-16/MODBUS notices every damage of so few bits in a frame: noise never makes a wrong value.
MOST_FLIPPED_BITS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """What a meter does by its nature.

    `max_registers`: longer requests are refused (None: as the model's paper says) with exception `refusal`.
    `refuse_undefined`: so are, with exception 2, requests that touch a register that is not defined, else it reads as
    0. `absent`: measurands of the model that this meter does not have. `needs_silence`: requests that come before 3.5
    characters of silence are ignored, as the standard allows. `turnaround_s`: None is the line's, over a network none.
    """

    max_registers: int | None = None
    refusal: Literal[2, 3] = 2
    refuse_undefined: bool = False
    absent: frozenset[str] = frozenset()
    needs_silence: bool = False
    turnaround_s: Turnaround | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """What goes wrong, of one meter or of all on a line, until another set of faults is put in its place.

    Of the answers that are due the first of `every` are struck, counted from the moment that the faults were put in
    place. `silent`: no answer. `exception`: this exception code instead of the answer. `late_s`: the answer comes so
    much later. `noise`: the probability, 0 to 1, that one to three bits of the answer are flipped. `cut_bytes`: the
    answer's last bytes are missing. `most_bytes`: the answer breaks off after so many bytes, as that of a meter whose
    supply is too weak for longer ones. `foreign_address`: the answer carries this address. `wrong_byte_count`: added to
    the byte count of the answer. `stray_zeros`: so many zero bytes come before the answer. `garbage`: these bytes come
    instead of the answer. `echo` (of a line only): every request comes back first, as from an adapter that hears
    itself. `twice`: the answer comes two times.

    Over a network only: `wrong_transaction`: added to the transaction id.
    `hang_up`: the connection is closed after the answer, or what `cut_bytes` leaves of it. On Modbus TCP there are
    these, `silent`, `exception`, `late_s`, `twice`, `cut_bytes`, `garbage`, `foreign_address` and
    `wrong_byte_count`.
    """

    silent: bool = False
    exception: int | None = None
    late_s: float = 0.0
    noise: float = 0.0
    cut_bytes: int = 0
    most_bytes: int | None = None
    foreign_address: int | None = None
    wrong_byte_count: int = 0
    stray_zeros: int = 0
    garbage: bytes = b""
    echo: bool = False
    twice: bool = False
    every: int = 1
    wrong_transaction: int = 0
    hang_up: bool = False


NO_FAULTS = Faults()


def striking_faults() -> Callable[[Faults], Faults]:
    """A function that is asked once for every answer: which of the faults in place strike it."""
    in_place, answers = NO_FAULTS, 0

    def strike(faults: Faults) -> Faults:
        nonlocal in_place, answers
        if faults is not in_place:
            in_place, answers = faults, 0
        answers += 1
        return faults if (answers - 1) % faults.every == 0 else NO_FAULTS

    return strike


def turnaround(turnaround_s: Turnaround, rng: Random) -> float:
    """How many seconds a meter takes this time."""
    return rng.uniform(*turnaround_s) if isinstance(turnaround_s, tuple) else turnaround_s


def spoil(frame: bytes, faults: Faults, rng: Random, framing: Framing = RTU) -> bytes:
    """An answer frame after the faults have been at it. Faults that are no matter of its bytes are not for here."""
    if faults.garbage:
        return faults.garbage
    spoiled = bytearray(frame)
    opened = framing.open(frame) if faults.wrong_byte_count or faults.foreign_address is not None else None
    if opened is not None:
        spoiled = bytearray(framing.close(*spoil_content(*opened, faults)))
    if faults.noise and rng.random() < faults.noise:
        for bit in rng.sample(range(8 * len(spoiled)), rng.randint(1, MOST_FLIPPED_BITS)):
            spoiled[bit // 8] ^= 1 << bit % 8
    whole = max(0, len(spoiled) - faults.cut_bytes)
    return bytes(faults.stray_zeros) + bytes(spoiled[:whole][: faults.most_bytes])


def spoil_content(address: int, pdu: bytes, faults: Faults) -> tuple[int, bytes]:
    """Address and protocol data unit of an answer after the faults have been at them."""
    if faults.wrong_byte_count:
        pdu = bytes((pdu[0], (pdu[1] + faults.wrong_byte_count) % 256)) + pdu[2:]
    return address if faults.foreign_address is None else faults.foreign_address, pdu
