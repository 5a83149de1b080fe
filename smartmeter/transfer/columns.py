"""Which column of a foreign table holds what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from smartmeter.measurands import find_measurand
from smartmeter.transfer.errors import TransferError

# The original's, ours, and what people and spreadsheets call it.
TIME_NAMES = ("ts", "time", "timestamp", "zeit", "zeitstempel")
METER_NAME = "meter"
_SHOWN_NAMES = 6


@dataclass(frozen=True, slots=True)
class Columns:
    """Where in a row the time is, the meter's name (None: nowhere), and each measurand, by id.

    `left_out`: the names of the columns that hold none of these.
    """

    names: tuple[str, ...]
    time: int
    meter: int | None
    measurands: Mapping[str, int]
    left_out: tuple[str, ...]


def find_columns(names: Sequence[str], where: str) -> Columns:
    """The columns by their names, German or English, in any case; of two for one measurand the first.

    Raises TransferError if there is none for the time or none for a measurand; `where` names the table in it.
    """
    plain = [name.strip().lower() for name in names]
    time = next((plain.index(name) for name in TIME_NAMES if name in plain), None)
    if time is None:
        raise TransferError(
            f"{where}: no column is called {_or(TIME_NAMES)}; the columns must have names, and there are "
            f"{_shortened(names)}"
        )
    meter = plain.index(METER_NAME) if METER_NAME in plain else None
    measurands: dict[str, int] = {}
    left_out = []
    for index, name in enumerate(plain):
        measurand = find_measurand(name)
        if index in (time, meter):
            continue
        if measurand is None or measurand.id in measurands:
            left_out.append(names[index].strip())
        else:
            measurands[measurand.id] = index
    if not measurands:
        raise TransferError(
            f"{where}: no column is called like a measurand, in English (voltage_l1) or German (spannung_l1); there "
            f"are {_shortened(names)}"
        )
    return Columns(tuple(names), time, meter, measurands, tuple(left_out))


def _or(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"


def _shortened(names: Sequence[str]) -> str:
    shown = [name.strip()[:40] or "''" for name in names[:_SHOWN_NAMES]]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
