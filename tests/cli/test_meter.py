"""`smartmeter meter replaced`: another meter counts, totals go on."""

from dataclasses import replace

import pytest

from smartmeter.cli.main import main
from smartmeter.memory import keep_meters, known_meters
from smartmeter.polling.known import KnownMeter
from smartmeter.polling.learned import Learned
from smartmeter.state import create_state, with_state
from tests.cli.two_stores import COUNTER, day_energy, fill, readings, run, settings_in


@pytest.fixture
def settings(tmp_path):
    return settings_in(tmp_path)


def replaced(path, *words):
    return main(["meter", "replaced", *words, "-c", str(path)])


def test_a_step_to_another_meter_is_no_energy_and_can_be_undone(settings, postgresql, capsys):
    fill(settings, readings(), postgresql)
    before = day_energy(postgresql)
    # 2:32 in summer time lies between two readings, which differ by 0.1 kWh.
    assert replaced(settings, "house", "--at", "2026-10-25T02:32") == 0
    assert "house: another meter counts from 2026-10-25 02:32:00 on" in capsys.readouterr().out
    assert day_energy(postgresql) == pytest.approx(before - 0.1)
    kind = "SELECT kind FROM smartmeter_counter_flag WHERE measurand = %s"
    assert postgresql.rows(kind, COUNTER) == [("replaced",)]
    assert run(settings, "repair") == 0
    assert "house  the meter was replaced; decided for 8 counters" in capsys.readouterr().out
    assert run(settings, "repair", "--undo", "1") == 0
    assert day_energy(postgresql) == before
    assert postgresql.rows(kind, COUNTER) == []


def test_it_holds_for_what_comes_after_now(settings, capsys):
    fill(settings, readings())
    assert replaced(settings, "house") == 0
    assert run(settings, "repair") == 0
    assert "To decide: 0; decided: 1." in capsys.readouterr().out


def test_a_meter_that_the_settings_do_not_have_is_one_line(settings, capsys):
    assert replaced(settings, "garage") == 1
    assert "there is no meter 'garage'; the settings have house" in capsys.readouterr().err


def test_a_time_that_is_none_is_one_line(settings, capsys):
    with pytest.raises(SystemExit):
        replaced(settings, "house", "--at", "yesterday")
    assert "'yesterday' is no time; write it like 2026-03-01T14:30" in capsys.readouterr().err


def test_what_was_learned_of_a_meter_is_forgotten(settings, capsys):
    assert main(["meter", "forget", "house", "-c", str(settings)]) == 0
    assert capsys.readouterr().out == "house: nothing is known of it\n"
    state = settings.with_name("smartmeter_state.db")
    create_state(state)
    known = KnownMeter("bus1", 1, "4711", "SDM530", Learned(longest=44), 1, 2)
    with_state(state, keep_meters, [known, replace(known, serial_number="4712"), replace(known, address=2)])
    assert main(["meter", "forget", "house", "-c", str(settings)]) == 0
    assert capsys.readouterr().out == "house: what was learned of it is forgotten\n"
    assert with_state(state, known_meters) == [replace(known, address=2)]
    assert main(["meter", "forget", "garage", "-c", str(settings)]) == 1
