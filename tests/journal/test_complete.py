import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartmeter.journal.complete import CompleteValues

names = st.lists(st.text(min_size=1), unique=True, max_size=6).map(tuple)


@given(names, st.integers(0, 3), st.data())
def test_is_the_mapping_of_the_measurands_to_the_values(measurands, start, data):
    values = data.draw(st.tuples(*(st.floats(allow_nan=False) for _ in measurands)))
    complete = CompleteValues(measurands, (None,) * start + values, start)
    assert dict(complete) == dict(zip(measurands, values, strict=True))
    assert list(complete) == list(measurands)
    assert list(complete.values()) == list(values)
    assert len(complete) == len(measurands)
    assert repr(complete) == repr(dict(complete))


def test_what_is_not_there_is_a_key_error():
    complete = CompleteValues(("voltage_l1",), (230.1,), 0)
    assert complete["voltage_l1"] == 230.1
    assert complete.get("voltage_l2") is None
    with pytest.raises(KeyError):
        complete["voltage_l2"]
