import math
from dataclasses import astuple, replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartmeter.alarms.judge import AlarmState, Sample, judge
from smartmeter.alarms.rules import Rule
from smartmeter.alarms.state_json import state_from_json, state_to_json
from smartmeter.clock import Moment, elapsed_us

SECOND_US = 1_000_000
START_US = 1_790_000_100_000_000
NO_VALUES = (None, math.nan, math.inf, -math.inf)
# Above 253, back at 252, after 30 s each; more than 25 s between two values prove nothing.
RULE = Rule("high", "measurand", "house", "voltage_l1", "above", 253.0, 1.0, 30 * SECOND_US, 25 * SECOND_US)
AT_ONCE = replace(RULE, hold_us=0)


def moment(at_s, *, boot="first", set_by_s=0):
    """So long after the start; a later boot counts its monotonic time from 0 again, but is late enough."""
    monotonic_us = int(at_s * SECOND_US)
    return Moment(START_US + monotonic_us + set_by_s * SECOND_US, boot, monotonic_us)


def every_10_s(*values):
    return [Sample(moment(10 * number), value) for number, value in enumerate(values)]


def judge_all(rule, samples, state=AlarmState()):  # noqa: B008
    """The state at the end, and the events with the numbers of their samples."""
    events = []
    for number, sample in enumerate(samples):
        state, event = judge(rule, state, sample)
        if event is not None:
            events.append((number, event))
    return state, events


def kinds(rule, samples):
    return [(number, event.kind) for number, event in judge_all(rule, samples)[1]]


# Examples


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param([250, 253, 253, 253, 253, 253], [], id="at the limit"),
        pytest.param([250, 254, 254, 254], [], id="not for long enough"),
        pytest.param([250, 254, 254, 254, 254], [(4, "begun")], id="for exactly long enough"),
        pytest.param([254, 254, 254, 253, 254, 254, 254], [], id="back at the limit in between"),
        pytest.param([254, 254, 254, 252.5, 254, 254, 254], [], id="back within the hysteresis in between"),
        pytest.param([254] * 4 + [252] * 4, [(3, "begun"), (7, "ended")], id="for exactly long enough back"),
        pytest.param([254] * 4 + [252] * 3, [(3, "begun")], id="not for long enough back"),
        pytest.param([254] * 4 + [252.1] * 10, [(3, "begun")], id="within the hysteresis"),
        pytest.param([254] * 4 + [252, 252, 252, 252.1, 252, 252, 252], [(3, "begun")], id="not inside in between"),
        pytest.param([254] * 4 + [252, 252, 252, 254, 252, 252, 252], [(3, "begun")], id="beyond in between"),
        pytest.param(
            [254] * 4 + [252] * 4 + [254] * 4, [(3, "begun"), (7, "ended"), (11, "begun")], id="another one follows"
        ),
        pytest.param([254, None, 254, None, None], [], id="what is missing proves nothing"),
        pytest.param([254, None, 254, math.nan, 254], [(4, "begun")], id="what is missing takes nothing away"),
    ],
)
def test_when_it_begins_and_ends(values, expected):
    assert kinds(RULE, every_10_s(*values)) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([254], [(0, "begun")]),
        ([254, 252.5, 252], [(0, "begun"), (2, "ended")]),
        ([254, 252, 254], [(0, "begun"), (1, "ended"), (2, "begun")]),
        ([253, 252], []),
    ],
)
def test_without_a_hold_one_value_decides(values, expected):
    assert kinds(AT_ONCE, every_10_s(*values)) == expected


def test_a_hold_shorter_than_the_interval_is_over_at_the_second_value():
    rule = replace(RULE, hold_us=3 * SECOND_US)
    assert kinds(rule, every_10_s(254, 254, 252, 252)) == [(1, "begun"), (3, "ended")]


def test_what_the_events_say():
    _, events = judge_all(RULE, every_10_s(250, 254, 256, 255, 254, 258, 252.5, 252, 251, 250, 249))
    begun, ended = (event for _, event in events)
    assert astuple(begun)[2:] == (START_US + 40 * SECOND_US, START_US + 10 * SECOND_US, 254, 256, 30 * SECOND_US)
    # It was back inside at the seventh sample: that was decided half a minute later, but is no part of it.
    assert astuple(ended)[2:] == (START_US + 100 * SECOND_US, START_US + 10 * SECOND_US, 249, 258, 60 * SECOND_US)
    assert begun.rule is ended.rule is RULE


def test_without_a_hold_the_events_say_the_same():
    _, events = judge_all(AT_ONCE, every_10_s(254, 256, 252))
    begun, ended = (event for _, event in events)
    assert astuple(begun)[2:] == (START_US, START_US, 254, 254, 0)
    assert astuple(ended)[2:] == (START_US + 20 * SECOND_US, START_US, 252, 256, 20 * SECOND_US)


def test_the_time_after_a_return_that_did_not_last_is_part_of_it():
    _, events = judge_all(RULE, every_10_s(254, 254, 254, 254, 252, 252, 254, 252, 252, 252, 252))
    assert [event.lasted_us for _, event in events] == [30 * SECOND_US, 70 * SECOND_US]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ([0, 25, 50], [2]),
        ([0, 25.000001, 50], []),
        ([0, 25.000001, 50, 55.000001], [3]),
        ([0, 20, 60, 80, 89], []),
        ([0, 20, 60, 80, 90], [4]),
    ],
)
def test_a_gap_has_the_run_begin_anew(seconds, expected):
    rising = [Sample(moment(at_s), 254.0) for at_s in seconds]
    assert kinds(RULE, rising) == [(number, "begun") for number in expected]
    # And likewise when it ends.
    on, _ = judge_all(AT_ONCE, [Sample(moment(-10), 254.0)])
    _, events = judge_all(RULE, [Sample(each.moment, 252.0) for each in rising], on)
    assert [number for number, _ in events] == expected


def test_after_a_gap_the_alarm_is_from_the_first_sample_that_proves_it():
    _, [(_, begun)] = judge_all(RULE, [Sample(moment(0), 270.0), *(Sample(moment(at), 254.0) for at in (60, 80, 90))])
    assert begun.since_us == START_US + 60 * SECOND_US
    assert begun.worst == 254.0
    assert begun.lasted_us == 30 * SECOND_US


def test_an_alarm_that_is_on_stays_on_over_a_gap_and_lasts_on():
    samples = [*every_10_s(254, 254, 254, 254), *(Sample(moment(at), 252.0) for at in (1000, 2000, 2020, 2030))]
    _, events = judge_all(RULE, samples)
    assert [(number, event.kind, event.lasted_us) for number, event in events] == [
        (3, "begun", 30 * SECOND_US),
        (7, "ended", 2000 * SECOND_US),
    ]


def test_another_boot_proves_nothing_of_the_time_between():
    samples = [Sample(moment(at, boot="first" if at < 25 else "second"), 254.0) for at in range(0, 60, 10)]
    _, [(number, begun)] = judge_all(RULE, [*samples, Sample(moment(60, boot="second"), 254.0)])
    assert (number, begun.since_us) == (6, START_US + 30 * SECOND_US)


def test_an_alarm_stays_on_over_a_restart_of_the_machine_and_ends_after_it():
    samples = every_10_s(254, 254, 254, 254)
    samples += [Sample(moment(at, boot="second"), 252.0) for at in (35, 45, 55, 65)]
    _, [_, (number, ended)] = judge_all(RULE, samples)
    assert (number, ended.lasted_us) == (7, 35 * SECOND_US)


def test_a_return_before_a_restart_of_the_machine_does_not_count_on_after_it():
    samples = every_10_s(254, 254, 254, 254, 252, 252)
    samples += [Sample(moment(at, boot="second"), 252.0) for at in (60, 70, 80, 90)]
    _, [_, (number, ended)] = judge_all(RULE, samples)
    assert (number, ended.lasted_us) == (9, 60 * SECOND_US)


def test_a_clock_that_is_behind_after_a_restart_takes_nothing_away():
    samples = every_10_s(254, 254, 254, 254)
    samples += [Sample(moment(at, boot="second", set_by_s=-9999), 254.0) for at in (0, 20)]
    state, _ = judge_all(RULE, samples)
    assert state.lasted_us == 50 * SECOND_US


def test_the_monotonic_time_of_another_boot_is_not_compared():
    samples = [Sample(moment(1000), 254.0)] + [Sample(moment(at, boot="second"), 254.0) for at in (5, 15, 25, 35)]
    assert kinds(RULE, samples) == [(4, "begun")]


@pytest.mark.parametrize("phase", ["quiet", "rising", "on", "falling"])
@pytest.mark.parametrize("value", [1.0, 252.0, 252.5, 999.0])
def test_what_comes_late_changes_nothing(phase, value):
    values = {"quiet": [250], "rising": [250, 254], "on": [254] * 4, "falling": [254] * 4 + [252]}[phase]
    samples = every_10_s(*values)
    state, _ = judge_all(RULE, samples)
    assert state.phase == phase
    late = replace(samples[-1].moment, monotonic_us=samples[-1].moment.monotonic_us - 1)
    for rule in (RULE, AT_ONCE):
        assert judge(rule, state, Sample(late, value)) == (state, None)


def set_clock(samples, first, by_s):
    """The wall clock is set before this sample."""
    by_us = by_s * SECOND_US
    return [
        *samples[:first],
        *(replace(each, moment=replace(each.moment, time_us=each.moment.time_us + by_us)) for each in samples[first:]),
    ]


def told(events):
    """All but the stamps."""
    return [(number, event.kind, event.value, event.worst, event.lasted_us) for number, event in events]


@pytest.mark.parametrize("by_s", [-86400, -15, 15, 86400])
def test_it_does_not_matter_when_the_clock_is_set(by_s):
    samples = every_10_s(250, 254, 255, 254, 256, 254, 252, 251, 252, 250, 250, 254, 254, 254, 254)
    _, events = judge_all(RULE, samples)
    assert [event.kind for _, event in events] == ["begun", "ended", "begun"]
    for first in range(len(samples)):
        assert told(judge_all(RULE, set_clock(samples, first, by_s))[1]) == told(events)


def test_the_stamps_are_those_of_the_samples_whatever_the_clock_did():
    _, [(_, begun)] = judge_all(RULE, set_clock(every_10_s(254, 254, 254, 254), 2, -3600))
    assert begun.since_us == START_US
    assert begun.time_us == START_US - 3570 * SECOND_US


def test_an_alarm_is_judged_on_by_the_new_limit():
    on, _ = judge_all(RULE, every_10_s(254, 254, 254, 254))
    _, event = judge(replace(RULE, limit=260.0, hold_us=0), on, Sample(moment(40), 255.0))
    assert (event.kind, event.worst, event.lasted_us) == ("ended", 255.0, 40 * SECOND_US)


def test_nothing_is_known_at_first():
    assert judge(RULE, AlarmState(), Sample(moment(0), 250.0)) == (AlarmState(last=moment(0)), None)
    assert AlarmState().phase == "quiet"


# Properties

VALUES = st.sampled_from([*NO_VALUES, 200.0, 252.0, 252.1, 252.9, 253.0, 253.1, 254.0, 260.0])
# Long runs on the same side, or hardly anything would ever begin.
RUNS = st.lists(st.tuples(st.sampled_from([250.0, 252.5, 256.0]), st.integers(1, 12)), max_size=10)
STEPS_S = st.sampled_from([*([10] * 24), -3, 0, 1, 5, 20, 25, 26, 40])


@st.composite
def rules(draw, sides=("above", "below")):
    side = draw(st.sampled_from(sides))
    hold_s = draw(st.sampled_from([0, 7, 30, 60]))
    hysteresis = draw(st.sampled_from([0.0, 1.0]))
    return replace(RULE, side=side, hold_us=hold_s * SECOND_US, hysteresis=hysteresis)


@st.composite
def series(draw, most_boots=3):
    """Samples at uneven times, a few of them late, or after a restart of the machine, which may set the clock."""
    values = draw(st.lists(VALUES, max_size=20))
    for value, length in draw(RUNS):
        at = draw(st.integers(0, len(values)))
        values[at:at] = [value] * length
    steps_s = draw(st.lists(STEPS_S, min_size=len(values), max_size=len(values)))
    restarts = draw(st.sets(st.integers(0, len(values)), max_size=most_boots - 1))
    samples, at_s, boot, set_by_s = [], 0, 0, 0
    for number, (value, step_s) in enumerate(zip(values, steps_s, strict=True)):
        if number in restarts:
            boot += 1
            set_by_s += draw(st.integers(-100, 100))
        at_s += step_s
        samples.append(Sample(moment(at_s, boot=str(boot), set_by_s=set_by_s), value))
    return samples


def valued(samples):
    """The numbers of the samples that count: with a value, and not late within their boot."""
    numbers = []
    for number, (at, value) in enumerate((each.moment, each.value) for each in samples):
        if value is None or not math.isfinite(value):
            continue
        last = samples[numbers[-1]].moment if numbers else None
        if last is None or last.boot != at.boot or last.monotonic_us <= at.monotonic_us:
            numbers.append(number)
    return numbers


def run_before(rule, samples, numbers, place, holds):
    """The earliest place from which on the values up to `place` all hold without a gap; None if this one does not."""
    if not holds(samples[numbers[place]].value):
        return None
    while place:
        before, after = (samples[numbers[each]] for each in (place - 1, place))
        same_boot = before.moment.boot == after.moment.boot
        near = after.moment.monotonic_us - before.moment.monotonic_us <= rule.gap_us
        if not (holds(before.value) and same_boot and near):
            break
        place -= 1
    return place


def expected_events(rule, samples):
    """What the rule says, worked out from the whole series, looking back from each sample."""
    sign = 1 if rule.side == "above" else -1
    numbers = valued(samples)
    events, since = [], None
    for place, number in enumerate(numbers):
        is_on = since is not None

        def holds(value, is_on=is_on):
            if is_on:
                return sign * value <= sign * rule.limit - rule.hysteresis
            return sign * value > sign * rule.limit

        first = run_before(rule, samples, numbers, place, holds)
        if first is None:
            continue
        at, run = samples[number].moment, samples[numbers[first]].moment
        if at.monotonic_us - run.monotonic_us < rule.hold_us:
            continue
        begin = first if since is None else since
        seen = [samples[each] for each in numbers[begin : place + 1]]
        counted = [samples[each].moment for each in numbers[begin : (first if is_on else place) + 1]]
        events.append(
            (
                number,
                "ended" if is_on else "begun",
                at.time_us,
                seen[0].moment.time_us,
                samples[number].value,
                sign * max(sign * each.value for each in seen),
                sum(elapsed_us(before, after) for before, after in pairwise(counted)),
            )
        )
        since = None if is_on else first
    return events


def flat(events):
    return [(number, event.kind, *astuple(event)[2:]) for number, event in events]


@given(rules(), series())
def test_the_events_are_those_that_the_whole_series_shows(rule, samples):
    assert flat(judge_all(rule, samples)[1]) == expected_events(rule, samples)


@given(rules(), series())
def test_begin_and_end_take_turns(rule, samples):
    state, events = judge_all(rule, samples)
    assert [event.kind for _, event in events] == (["begun", "ended"] * len(events))[: len(events)]
    assert (state.phase in ("on", "falling")) == (len(events) % 2 == 1)


@given(rules(), series(), st.data())
def test_samples_without_a_value_change_nothing_wherever_they_are(rule, samples, data):
    holes = data.draw(st.lists(st.tuples(st.integers(0, len(samples)), st.sampled_from(NO_VALUES), STEPS_S)))
    with_holes = list(samples)
    for at, nothing, step_s in holes:
        near = with_holes[max(0, at - 1)].moment if with_holes else moment(0)
        with_holes.insert(at, Sample(replace(near, monotonic_us=near.monotonic_us + step_s * SECOND_US), nothing))
    state, events = judge_all(rule, samples)
    state_with_holes, events_with_holes = judge_all(rule, with_holes)
    assert state_with_holes == state
    assert [event for _, event in events_with_holes] == [event for _, event in events]


SETTINGS = st.lists(st.tuples(st.integers(0, 80), st.integers(-100, 100) | st.integers(-(10**9), 10**9)))
BAND = st.floats(252.0, 253.0, exclude_min=True, exclude_max=True)


@given(rules(), st.lists(BAND, min_size=20), st.booleans())
def test_within_the_hysteresis_there_is_at_most_one_event(rule, values, begins_beyond):
    rule = replace(rule, hysteresis=1.0, limit=253.0 if rule.side == "above" else 252.0)
    crossing = [260.0 if rule.side == "above" else 240.0] * 10 if begins_beyond else []
    _, events = judge_all(rule, every_10_s(*crossing, *values))
    assert [event.kind for _, event in events] == ["begun"] * begins_beyond


@given(rules(), series(most_boots=1), SETTINGS)
def test_setting_the_clock_changes_nothing_but_the_stamps(rule, samples, settings):
    set_samples = samples
    for first, by_s in settings:
        set_samples = set_clock(set_samples, first, by_s)
    _, events = judge_all(rule, samples)
    _, set_events = judge_all(rule, set_samples)
    assert told(set_events) == told(events)
    assert [event.time_us for _, event in set_events] == [set_samples[at].moment.time_us for at, _ in events]


@given(rules(), series(), SETTINGS)
def test_setting_the_clock_changes_no_event_over_restarts_either(rule, samples, settings):
    set_samples = samples
    for first, by_s in settings:
        set_samples = set_clock(set_samples, first, by_s)
    assert kinds(rule, set_samples) == kinds(rule, samples)
    assert all(event.lasted_us >= 0 for _, event in judge_all(rule, set_samples)[1])


@given(rules(), series())
def test_it_only_begins_when_all_values_of_the_hold_were_beyond(rule, samples):
    for number, event in judge_all(rule, samples)[1]:
        if event.kind == "ended":
            continue
        at = samples[number].moment
        counted = [samples[each] for each in valued(samples[: number + 1]) if samples[each].moment.boot == at.boot]
        during = [each for each in counted if at.monotonic_us - each.moment.monotonic_us < rule.hold_us]
        assert all(
            (each.value > 253) if rule.side == "above" else (each.value < 253) for each in [*during, samples[number]]
        )
        # And the hold was seen from its beginning.
        assert any(at.monotonic_us - each.moment.monotonic_us >= rule.hold_us for each in counted)


@given(rules(sides=["above"]), series())
def test_below_is_above_in_the_mirror(rule, samples):
    mirrored = replace(rule, side="below", limit=-rule.limit)
    turned = [replace(each, value=None if each.value is None else -each.value) for each in samples]
    _, events = judge_all(rule, samples)
    _, mirrored_events = judge_all(mirrored, turned)
    assert [
        (number, replace(event, rule=rule, value=-event.value, worst=-event.worst)) for number, event in mirrored_events
    ] == events


@given(rules(), series(), st.data())
def test_keeping_the_state_changes_nothing_at_any_moment(rule, samples, data):
    at = data.draw(st.integers(0, len(samples)))
    before, first = judge_all(rule, samples[:at])
    kept = state_from_json(state_to_json(before))
    assert kept == before
    after, second = judge_all(rule, samples[at:], kept)
    state, events = judge_all(rule, samples)
    assert after == state
    assert [*first, *((at + number, event) for number, event in second)] == events


@given(rules(), series())
def test_worst_is_the_extreme_of_what_was_seen_since_it_began(rule, samples):
    extreme = max if rule.side == "above" else min
    numbers = valued(samples)
    begun_at = None
    for number, event in judge_all(rule, samples)[1]:
        if event.kind == "begun":
            begun_at = run_before(rule, samples, numbers, numbers.index(number), rule.is_beyond)
        seen = [samples[each].value for each in numbers[begun_at : numbers.index(number) + 1]]
        assert event.worst == extreme(seen)


@given(rules(), series(most_boots=1))
def test_two_beginnings_are_at_least_two_holds_apart(rule, samples):
    """One for which it must have been back, and one for which it must have been beyond again."""
    begun = [samples[number].moment for number, event in judge_all(rule, samples)[1] if event.kind == "begun"]
    assert all(elapsed_us(before, after) >= 2 * rule.hold_us for before, after in pairwise(begun))


@given(rules(), series())
def test_nothing_is_kept_of_an_alarm_that_is_quiet(rule, samples):
    state, _ = judge_all(rule, samples)
    numbers = valued(samples)
    assert state.last == (samples[numbers[-1]].moment if numbers else None)
    if state.phase == "quiet":
        assert state == AlarmState(last=state.last)
