"""What is known of a meter, as it is kept across restarts: by bus, address and serial number.

As text it is one JSON object, with the fields of `Learned` and a few more.
"""

import json
import math
from dataclasses import dataclass, fields, replace

from smartmeter.models import Model
from smartmeter.polling.learned import Learned, Refusal
from smartmeter.polling.plan import Gap

# "MODBUS application protocol specification V1.1b3", sections 4.4, 6.3 and 6.4.
_FUNCTIONS = (3, 4)
_ADDRESSES = 0x10000
_MOST_REGISTERS = 125
# No time-out in the settings is longer.
_LONGEST_TURNAROUND_S = 60.0


@dataclass(frozen=True, slots=True)
class KnownMeter:
    """A meter that was met, and what was learned of it.

    `serial_number` is empty if the model has none or it cannot be read; then bus, address and `model` tell the meter.
    `since_us` is when the first of it was learned, `met_us` when the meter was last found where it had not been before,
    after a start of the program say; both UTC microseconds.
    """

    bus: str
    address: int
    serial_number: str
    model: str
    learned: Learned
    since_us: int
    met_us: int


_KEPT = {"model", "since_us", "met_us"} | {field.name for field in fields(Learned)}


def known_to_json(known: KnownMeter) -> str:
    """What is known, without bus, address and serial number."""
    learned = known.learned
    kept = {
        "model": known.model,
        "since_us": known.since_us,
        "met_us": known.met_us,
        "longest": learned.longest,
        "crossed": sorted([gap.function, gap.start, gap.end] for gap in learned.crossed),
        "refusals": sorted([refusal.function, refusal.address, refusal.count] for refusal in learned.refusals),
        "absent": sorted(learned.absent),
        "padding_refused": learned.padding_refused,
        "turnaround_s": learned.turnaround_s,
    }
    return json.dumps(kept, separators=(",", ":"), allow_nan=False)


def known_from_json(bus: str, address: int, serial_number: str, text: str) -> KnownMeter:
    """What was kept of the meter with this serial number. Raises ValueError unless all of it can be so."""
    try:
        kept = json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(kept, dict) or kept.keys() != _KEPT:
        raise ValueError(f"not exactly the fields {', '.join(sorted(_KEPT))}")
    learned = Learned(
        longest=_whole(kept["longest"], 0, _MOST_REGISTERS),
        crossed=frozenset(Gap(*_run(one, _ADDRESSES)) for one in _list(kept["crossed"])),
        refusals=frozenset(Refusal(*_run(one, _MOST_REGISTERS)) for one in _list(kept["refusals"])),
        absent=frozenset(_text(one) for one in _list(kept["absent"])),
        padding_refused=_truth(kept["padding_refused"]),
        turnaround_s=None if kept["turnaround_s"] is None else _seconds(kept["turnaround_s"]),
    )
    since_us, met_us = (_whole(kept[key], 0, 1 << 62) for key in ("since_us", "met_us"))
    return KnownMeter(
        _text(bus), _whole(address, 1, 0xFF), _text(serial_number), _text(kept["model"]), learned, since_us, met_us
    )


def learned_of(known: KnownMeter, model: Model) -> Learned:
    """What was learned, as far as it fits the model as it is now: its file may have changed."""
    if any(measurand not in model.registers for measurand in known.learned.absent):
        return replace(known.learned, absent=known.learned.absent & model.registers.keys())
    return known.learned


def _run(kept: object, last: int) -> tuple[int, int, int]:
    """Function, address, and an end or a count up to `last`."""
    function, address, third = _list(kept) if isinstance(kept, list) and len(kept) == 3 else (0, 0, 0)  # noqa: PLR2004
    return _whole(function, *_FUNCTIONS), _whole(address, 0, _ADDRESSES - 1), _whole(third, 1, last)


def _whole(kept: object, least: int, most: int) -> int:
    if isinstance(kept, bool) or not isinstance(kept, int) or not least <= kept <= most:
        raise ValueError(f"{kept!r} is no whole number from {least} to {most}")
    return kept


def _seconds(kept: object) -> float:
    if isinstance(kept, bool) or not isinstance(kept, int | float):
        raise ValueError(f"{kept!r} is no number")  # noqa: TRY004 - what was kept is wrong, not the caller
    if not math.isfinite(kept) or not 0 <= kept <= _LONGEST_TURNAROUND_S:
        raise ValueError(f"{kept!r} is no turnaround in seconds")
    return float(kept)


def _truth(kept: object) -> bool:
    if not isinstance(kept, bool):
        raise ValueError(f"{kept!r} is neither true nor false")  # noqa: TRY004 - as above
    return kept


def _text(kept: object) -> str:
    if not isinstance(kept, str):
        raise ValueError(f"{kept!r} is no text")  # noqa: TRY004 - as above
    return kept


def _list(kept: object) -> list[object]:
    if not isinstance(kept, list):
        raise ValueError(f"{kept!r} is no list")  # noqa: TRY004 - as above
    return kept
