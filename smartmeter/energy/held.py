"""The state of the guard as stores keep it: the last accepted reading in columns, held ones as a short text."""

import json

from smartmeter.energy.guard import Point, State


def held_text(state: State) -> str | None:
    """The held readings as JSON, `[[time_us, value], …]`; None if there are none."""
    return json.dumps([[point.time_us, point.value] for point in state.held]) if state.held else None


def state_from(last_us: int, last_value: float, held: str | None) -> State:
    """The state that was kept."""
    points = () if held is None else tuple(Point(time_us, value) for time_us, value in json.loads(held))
    return State(Point(last_us, last_value), points)
