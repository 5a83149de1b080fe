"""Whether an alarm begins or ends, value by value.

A value beyond the limit may be the beginning of an alarm; it is one when `hold_us` have passed and no value since then
was back. It ends in the same way: when all values for `hold_us` were inside the limit by the hysteresis. What was not
seen proves nothing: after a gap, and after a restart of the machine, such a run of values begins anew. An alarm that is
on stays on meanwhile.

How long a thing lasts is measured by the monotonic clock within a boot; the wall clock only stamps.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

from smartmeter.alarms.rules import Rule
from smartmeter.clock import Moment, elapsed_us

Phase = Literal["quiet", "rising", "on", "falling"]
EventKind = Literal["begun", "ended"]


@dataclass(frozen=True, slots=True)
class Sample:
    """A value of the rule's quantity, in the unit of its limit, and when it was taken.

    None, NaN and infinity are no value.
    """

    moment: Moment
    value: float | None


@dataclass(frozen=True, slots=True)
class AlarmState:
    """What is known of an alarm after some samples.

    "rising": beyond the limit, not yet for long enough. "on": it has begun. "falling": it is on, and the values are
    back, not yet for long enough. `last` is the last sample with a value, `run` the first one of the run of values that
    is under way (rising, falling; else None).

    `since_us`: UTC in microseconds since 1970-01-01 of the first sample beyond the limit; `worst`: the value farthest
    beyond it, in its unit; `lasted_us`: microseconds from the first sample beyond the limit to `last`. All three are 0
    while it is quiet.
    """

    phase: Phase = "quiet"
    last: Moment | None = None
    run: Moment | None = None
    since_us: int = 0
    worst: float = 0.0
    lasted_us: int = 0


@dataclass(frozen=True, slots=True)
class Event:
    """An alarm has begun or ended.

    `time_us` and `since_us`: UTC in microseconds since 1970-01-01 of the sample that decided it, and of the first one
    beyond the limit, as they were stamped: if the clock was set meanwhile, their difference is not `lasted_us`.

    `value` is that of the deciding sample, `worst` the one farthest beyond the limit so far. `lasted_us`, at least 0:
    from the first sample beyond the limit to the deciding one if it has begun, to the first one back inside if it has
    ended.
    """

    kind: EventKind
    rule: Rule
    time_us: int
    since_us: int
    value: float
    worst: float
    lasted_us: int


def judge(rule: Rule, state: AlarmState, sample: Sample) -> tuple[AlarmState, Event | None]:
    """What follows from one more sample. One without a value, or older than the last of its boot, changes nothing."""
    value = sample.value
    if value is None or not math.isfinite(value) or _is_older(sample.moment, state.last):
        return state, None
    if state.phase in ("quiet", "rising"):
        return _while_off(rule, state, sample.moment, value)
    return _while_on(rule, state, sample.moment, value)


def _while_off(rule: Rule, state: AlarmState, moment: Moment, value: float) -> tuple[AlarmState, Event | None]:
    if not rule.is_beyond(value):
        return AlarmState(last=moment), None
    run, worst = moment, value
    if state.run is not None and _is_unbroken(rule, state.last, moment):
        run, worst = state.run, rule.worse(state.worst, value)
    lasted_us = elapsed_us(run, moment)
    if lasted_us < rule.hold_us:
        return AlarmState("rising", moment, run, run.time_us, worst, lasted_us), None
    event = Event("begun", rule, moment.time_us, run.time_us, value, worst, lasted_us)
    return AlarmState("on", moment, None, run.time_us, worst, lasted_us), event


def _while_on(rule: Rule, state: AlarmState, moment: Moment, value: float) -> tuple[AlarmState, Event | None]:
    worst = rule.worse(state.worst, value)
    lasted_us = state.lasted_us + (0 if state.last is None else elapsed_us(state.last, moment))
    if not rule.is_inside(value):
        return replace(state, phase="on", last=moment, run=None, worst=worst, lasted_us=lasted_us), None
    run = moment
    if state.run is not None and _is_unbroken(rule, state.last, moment):
        run = state.run
    inside_us = elapsed_us(run, moment)
    if inside_us < rule.hold_us:
        return replace(state, phase="falling", last=moment, run=run, worst=worst, lasted_us=lasted_us), None
    event = Event("ended", rule, moment.time_us, state.since_us, value, worst, lasted_us - inside_us)
    return AlarmState(last=moment), event


def _is_older(moment: Moment, last: Moment | None) -> bool:
    """Whether it lies before the last one by the clock of their boot. Of different boots nothing tells."""
    return last is not None and moment.boot == last.boot and moment.monotonic_us < last.monotonic_us


def _is_unbroken(rule: Rule, last: Moment | None, moment: Moment) -> bool:
    """Whether the values are close enough for a run to go on from the last one to this one."""
    return last is not None and last.boot == moment.boot and elapsed_us(last, moment) <= rule.gap_us
