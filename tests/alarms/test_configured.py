from collections import Counter

import pytest

from smartmeter.alarms.configured import rules_of
from smartmeter.alarms.en50160 import en50160_rules
from smartmeter.alarms.rules import Rule
from smartmeter.settings.load import load_settings

METERS = """
[[bus]]
port = "/dev/ttyUSB0"
[[bus.meter]]
name = "house"
model = "SDM530"
address = 1
interval = "10s"
[bus.meter.intervals]
frequency = "5m"
voltage_thd_l1 = "never"
[[bus.meter]]
name = "pump"
model = "SDM530"
address = 2
interval = "2s"
measurands = ["voltage_l1", "active_energy_import"]
"""
MINUTE_US = 60_000_000


@pytest.fixture
def rules(tmp_path):
    def rules(text, sinks=("postgresql",)):
        path = tmp_path / "smartmeter.toml"
        path.write_text(text.replace("METERS", METERS, 1) if "METERS" in text else METERS + text)
        return rules_of(load_settings(path), sinks)

    return rules


def test_without_alarms_there_are_no_rules(rules):
    assert rules("") == ()


def test_the_set_is_for_each_meter_what_is_read_of_it(rules):
    found = rules('alarms = "en50160"\nMETERS\n[[alarm]]\nname = "full"\ndisk = 90\n')
    house = {"frequency": 5 * MINUTE_US, "voltage_thd_l2": 10_000_000, "voltage_thd_l3": 10_000_000}
    house |= {f"voltage_l{phase}": 10_000_000 for phase in (1, 2, 3)}
    expected = [*en50160_rules("house", house), *en50160_rules("pump", {"voltage_l1": 2_000_000})]
    assert list(found[:-1]) == expected
    assert Counter(rule.subject for rule in found) == {"house": 10, "pump": 2, "": 1}
    assert found[-1].name == "full"
    assert len({rule.key for rule in found}) == len(found)


def test_a_rule_without_a_meter_is_one_for_each_that_has_the_measurand(rules):
    text = '[[alarm]]\nname = "{}"\nmeasurand = "{}"\n{}\n'
    voltage = rules(text.format("a", "voltage_l1", 'above = 253.5\nhysteresis = 1.5\nfor = "90s"'))
    assert voltage == (
        Rule("a", "measurand", "house", "voltage_l1", "above", 253.5, 1.5, 90_000_000, MINUTE_US),
        Rule("a", "measurand", "pump", "voltage_l1", "above", 253.5, 1.5, 90_000_000, MINUTE_US),
    )
    frequency = rules(text.format("b", "frequency", "below = 49.5"))
    assert frequency == (Rule("b", "measurand", "house", "frequency", "below", 49.5, 0.0, MINUTE_US, 15 * MINUTE_US),)


def test_a_rule_for_one_meter(rules):
    text = '[[alarm]]\nname = "a"\nmeter = "pump"\n'
    assert [rule.subject for rule in rules(text + 'measurand = "voltage_l1"\nabove = 1\n')] == ["pump"]
    (silent,) = rules(text + 'silent = "5m"\n')
    assert silent == Rule("a", "silence", "pump", None, "above", 300.0, 0.0, 0, 10 * MINUTE_US)


def test_what_the_program_sees_of_itself(rules):
    text = '[[alarm]]\nname = "s"\nsilent = "1m"\n[[alarm]]\nname = "b"\nbehind = "1h"\n'
    text += '[[alarm]]\nname = "d"\ndisk = 90\nhysteresis = 2\n[[alarm]]\nname = "e"\nday_energy = 30\nmeter = "pump"\n'
    text += '[postgresql]\nhost = "h"\ndatabase = "d"\nuser = "u"\n'
    gap_us = 10 * MINUTE_US
    assert rules(text) == (
        Rule("s", "silence", "house", None, "above", 60.0, 0.0, 0, gap_us),
        Rule("s", "silence", "pump", None, "above", 60.0, 0.0, 0, gap_us),
        Rule("b", "backlog", "postgresql", None, "above", 3600.0, 0.0, 0, gap_us),
        Rule("d", "disk", "", None, "above", 90.0, 2.0, MINUTE_US, gap_us),
        Rule("e", "day_energy", "pump", "active_energy_import", "above", 30.0, 0.0, 0, gap_us),
    )
    assert "b" not in {rule.name for rule in rules(text, sinks=())}
