"""The state of an alarm as it is kept across restarts: one JSON object with the fields of `AlarmState`."""

import json
import math
from dataclasses import asdict, fields
from typing import get_args

from smartmeter.alarms.judge import AlarmState, Phase
from smartmeter.clock import Moment

_FIELDS = {field.name for field in fields(AlarmState)}
_MOMENT_FIELDS = {field.name for field in fields(Moment)}
_PHASES: tuple[Phase, ...] = get_args(Phase)


def state_to_json(state: AlarmState) -> str:
    """The state as text; moments are objects of their fields."""
    return json.dumps(asdict(state), separators=(",", ":"), allow_nan=False)


def state_from_json(text: str) -> AlarmState:
    """The state that was kept. Raises ValueError unless it is one that `judge` can have left."""
    try:
        kept = json.loads(text)
    except RecursionError as error:
        raise ValueError("not the state of an alarm: nested too deeply") from error
    found = _object(kept, _FIELDS)
    state = AlarmState(
        phase=_phase(found["phase"]),
        last=_moment(found["last"]),
        run=_moment(found["run"]),
        since_us=_integer(found["since_us"]),
        worst=_number(found["worst"]),
        lasted_us=_integer(found["lasted_us"]),
    )
    if not _is_possible(state):
        raise ValueError(f"not the state of an alarm: its fields contradict each other in {text}")
    return state


def _is_possible(state: AlarmState) -> bool:
    if state.phase == "quiet":
        return state == AlarmState(last=state.last)
    if state.last is None or state.lasted_us < 0:
        return False
    if state.phase == "on":
        return state.run is None
    return state.run is not None and state.run.boot == state.last.boot


def _object(kept: object, names: set[str]) -> dict[str, object]:
    if not isinstance(kept, dict) or kept.keys() != names:
        raise ValueError(f"not the state of an alarm: {kept!r} has not the fields {', '.join(sorted(names))}")
    return kept


def _phase(kept: object) -> Phase:
    for phase in _PHASES:
        if kept == phase:
            return phase
    raise ValueError(f"not the state of an alarm: there is no phase {kept!r}")


def _moment(kept: object) -> Moment | None:
    if kept is None:
        return None
    found = _object(kept, _MOMENT_FIELDS)
    return Moment(_integer(found["time_us"]), _text(found["boot"]), _integer(found["monotonic_us"]))


def _text(kept: object) -> str:
    if isinstance(kept, str):
        return kept
    raise ValueError(f"not the state of an alarm: {kept!r} is no boot")


def _integer(kept: object) -> int:
    # JSON's true is an int to isinstance.
    if isinstance(kept, int) and not isinstance(kept, bool):
        return kept
    raise ValueError(f"not the state of an alarm: {kept!r} is no whole number")


def _number(kept: object) -> float:
    if isinstance(kept, int | float) and not isinstance(kept, bool):
        try:
            number = float(kept)
        except OverflowError as error:
            raise ValueError(f"not the state of an alarm: {kept!r} is too large") from error
        if math.isfinite(number):
            return number
    raise ValueError(f"not the state of an alarm: {kept!r} is no number")
