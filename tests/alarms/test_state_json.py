import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartmeter.alarms.judge import AlarmState
from smartmeter.alarms.state_json import state_from_json, state_to_json
from smartmeter.clock import Moment

MOMENTS = st.builds(Moment, st.integers(), st.text(), st.integers())
SINCE = st.integers()
WORST = st.floats(allow_nan=False, allow_infinity=False)
LASTED = st.integers(min_value=0)


@st.composite
def runs(draw):
    last = draw(MOMENTS)
    run = Moment(draw(st.integers()), last.boot, draw(st.integers()))
    return AlarmState(draw(st.sampled_from(["rising", "falling"])), last, run, draw(SINCE), draw(WORST), draw(LASTED))


STATES = (
    st.builds(AlarmState, last=st.none() | MOMENTS)
    | st.builds(AlarmState, st.just("on"), MOMENTS, st.none(), SINCE, WORST, LASTED)
    | runs()
)

LAST = {"time_us": 1_790_000_100_000_000, "boot": "b", "monotonic_us": 5}
QUIET = {"phase": "quiet", "last": None, "run": None, "since_us": 0, "worst": 0.0, "lasted_us": 0}
ON = {"phase": "on", "last": LAST, "run": None, "since_us": 7, "worst": 254.5, "lasted_us": 9}
RISING = {**ON, "phase": "rising", "run": LAST}


@given(STATES)
def test_what_is_kept_comes_back(state):
    assert state_from_json(state_to_json(state)) == state


def test_how_it_is_kept():
    assert json.loads(state_to_json(AlarmState())) == QUIET
    on = AlarmState("on", Moment(1_790_000_100_000_000, "b", 5), None, 7, 254.5, 9)
    assert json.loads(state_to_json(on)) == ON


@pytest.mark.parametrize("kept", [QUIET, {**QUIET, "last": LAST}, ON, RISING, {**RISING, "phase": "falling"}])
def test_what_is_whole_is_read(kept):
    assert json.loads(state_to_json(state_from_json(json.dumps(kept)))) == kept


def test_a_whole_number_is_a_number():
    assert state_from_json(json.dumps({**ON, "worst": 254})).worst == 254.0


@pytest.mark.parametrize(
    "text",
    ["", "on", "null", "[]", '"on"', "5", "{}", "[" * 100_000, json.dumps(ON)[:-1], json.dumps(ON) + "x", "1" * 5000],
    ids=lambda text: text[:12],
)
def test_what_is_no_state_at_all_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        state_from_json(text)


@pytest.mark.parametrize(
    ("kept", "change"),
    [
        (ON, {"phase": "loud"}),
        (ON, {"phase": None}),
        (ON, {"phase": ["on"]}),
        (ON, {"more": 1}),
        (ON, {"since_us": 7.0}),
        (ON, {"since_us": "7"}),
        (ON, {"since_us": None}),
        (ON, {"since_us": True}),
        (ON, {"worst": None}),
        (ON, {"worst": "254"}),
        (ON, {"worst": True}),
        (ON, {"worst": float("nan")}),
        (ON, {"worst": float("inf")}),
        (ON, {"worst": 10**400}),
        (ON, {"lasted_us": 1.5}),
        (ON, {"lasted_us": -1}),
        (ON, {"last": None}),
        (ON, {"last": 5}),
        (ON, {"last": {}}),
        (ON, {"last": {**LAST, "more": 1}}),
        (ON, {"last": {**LAST, "boot": 5}}),
        (ON, {"last": {**LAST, "boot": None}}),
        (ON, {"last": {**LAST, "time_us": 1.5}}),
        (ON, {"last": {**LAST, "monotonic_us": "5"}}),
        (ON, {"run": LAST}),
        (RISING, {"run": None}),
        (RISING, {"run": {**LAST, "boot": "another"}}),
        (QUIET, {"since_us": 7}),
        (QUIET, {"worst": 1.0}),
        (QUIET, {"lasted_us": 9}),
        (QUIET, {"run": LAST}),
    ],
)
def test_what_is_malformed_or_contradicts_itself_is_refused(kept, change):
    with pytest.raises(ValueError, match="not the state of an alarm"):
        state_from_json(json.dumps({**kept, **change}))


@pytest.mark.parametrize("field", ON)
def test_every_field_is_needed(field):
    kept = {name: value for name, value in ON.items() if name != field}
    with pytest.raises(ValueError, match="not the state of an alarm"):
        state_from_json(json.dumps(kept))
