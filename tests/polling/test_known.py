import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartmeter.models import load_model
from smartmeter.polling.known import KnownMeter, known_from_json, known_to_json, learned_of
from smartmeter.polling.learned import Learned, Refusal
from smartmeter.polling.plan import Gap

MODEL = load_model("SDM530")
functions = st.sampled_from([3, 4])
addresses = st.integers(0, 0xFFFF)
everything_learned = st.builds(
    Learned,
    longest=st.integers(0, 125),
    crossed=st.frozensets(st.builds(Gap, functions, addresses, st.integers(1, 0x10000)), max_size=5),
    refusals=st.frozensets(st.builds(Refusal, functions, addresses, st.integers(1, 125)), max_size=5),
    absent=st.frozensets(st.sampled_from(sorted(MODEL.registers)), max_size=5),
    padding_refused=st.booleans(),
    turnaround_s=st.none() | st.floats(0, 10),
)
meters = st.builds(
    KnownMeter,
    st.text(min_size=1),
    st.integers(1, 247),
    st.text("0123456789"),
    st.just("SDM530"),
    everything_learned,
    st.integers(0, 1 << 60),
    st.integers(0, 1 << 60),
)
KNOWN = KnownMeter("bus1", 1, "4711", "SDM530", Learned(longest=44, turnaround_s=0.02), 1, 2)


@given(meters)
def test_what_is_kept_is_what_was_known(known):
    assert known_from_json(known.bus, known.address, known.serial_number, known_to_json(known)) == known


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


@given(st.sampled_from(sorted(json.loads(known_to_json(KNOWN)))), json_values)
def test_whatever_stands_in_a_field_it_is_possible_or_a_value_error(field, value):
    text = json.dumps(json.loads(known_to_json(KNOWN)) | {field: value})
    try:
        known = known_from_json("bus1", 1, "4711", text)
    except ValueError:
        return
    assert known_from_json("bus1", 1, "4711", known_to_json(known)) == known


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "nonsense",
        "[" * 100_000,
        known_to_json(KNOWN)[:-1],
        known_to_json(KNOWN).replace('"longest":44', '"longest":126'),
        known_to_json(KNOWN).replace('"longest":44', '"longest":true'),
        known_to_json(KNOWN).replace('"turnaround_s":0.02', '"turnaround_s":NaN'),
        known_to_json(KNOWN).replace('"turnaround_s":0.02', '"turnaround_s":-1'),
        known_to_json(KNOWN).replace('"crossed":[]', '"crossed":[[4,1]]'),
        known_to_json(KNOWN).replace('"refusals":[]', '"refusals":[[6,1,2]]'),
        known_to_json(KNOWN).replace('"absent":[]', '"absent":[1]'),
        known_to_json(KNOWN).replace('"absent":[]', '"absent":[],"more":1'),
    ],
)
def test_damaged_and_foreign_text_is_a_value_error(text):
    assert text != known_to_json(KNOWN)
    with pytest.raises(ValueError, match=r".+"):
        known_from_json("bus1", 1, "4711", text)


def test_what_the_models_file_no_longer_has_cannot_be_absent():
    learned = Learned(absent=frozenset({"frequency", "gone"}))
    assert learned_of(replace(KNOWN, learned=learned), MODEL).absent == {"frequency"}
