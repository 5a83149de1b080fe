"""The latest values, and who hears of new ones."""

import pytest

from smartmeter.live import LatestValue, Live
from smartmeter.reading import Reading


def reading(time_us, meter="house", **values):
    return Reading(meter, time_us, "boot", time_us, values)


def test_of_each_measurand_the_last_reading_that_had_it_counts():
    live = Live()
    live.publish(reading(1, voltage_l1=230.0, frequency=50.0))
    live.publish(reading(2, voltage_l1=None))
    live.publish(reading(3, meter="flat", frequency=49.9))
    assert {meter: dict(values) for meter, values in live.latest.items()} == {
        "house": {"voltage_l1": LatestValue(None, 2), "frequency": LatestValue(50.0, 1)},
        "flat": {"frequency": LatestValue(49.9, 3)},
    }
    assert len(live.latest["house"]) == 2


def test_what_was_never_read_has_no_value():
    live = Live()
    live.publish(reading(1, voltage_l1=230.0))
    assert live.latest["house"].get("frequency") is None
    with pytest.raises(KeyError):
        live.latest["house"]["frequency"]


def test_listeners_hear_every_reading_while_they_listen():
    live, heard = Live(), []
    live.publish(reading(1))
    with live.listening(heard.append):
        live.publish(reading(2))
    live.publish(reading(3))
    assert heard == [reading(2)]
