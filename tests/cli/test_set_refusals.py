"""What `smartmeter set` refuses, what meters refuse of it, and what opens them."""

import re
import struct

import pytest

from smartmeter.cli.main import main
from smartmeter.configuring import carry_out
from smartmeter.simulator import Faults, Quirks
from tests.configuring.setting import line_of, meter_of, set_on, writes


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Virtual meters need no time after a reset."""
    monkeypatch.setattr(carry_out, "COMMAND_S", 0.02)


def test_an_address_that_is_taken_is_refused(capsys):
    meter, other = meter_of("SDM630"), meter_of("SDM630", 5)
    with line_of(meter, other) as line:
        assert set_on(line, meter, "address=5", "--yes") == 1
        assert writes(line) == []
    assert "address 5: another meter answers there already" in capsys.readouterr().err


def test_a_value_that_cannot_be_is_refused_before_the_line_is_needed(tmp_path, capsys):
    words = ["set", "--port", str(tmp_path / "none"), "--model", "SDM630", "address=300", "--yes"]
    assert main(words) == 1
    assert capsys.readouterr().err == "smartmeter: address cannot be '300'; it can be 1 to 247\n"


def test_two_meters_at_the_new_address_are_noticed_by_their_noise(capsys):
    meter, one, other = meter_of("SDM630"), meter_of("SDM630", 5), meter_of("SDM630", 5)
    one.holding["address"] = 7
    with line_of(meter, one, other) as line:
        assert set_on(line, meter, "address=5", "--yes") == 1
        assert writes(line) == []


@pytest.mark.parametrize(
    ("model", "holding", "words", "told"),
    [
        ("SDM120", {}, ["baudrate=9600"], "hold its button for 3 seconds, until the display shows -SET-"),
        ("SDM320", {}, ["baudrate=2400"], "hold its button for 5 seconds"),
        (
            "SDM630",
            {"cannot_store": True},
            ["parity=E"],
            "it could not store the value (exception 5); try again; it is N",
        ),
        ("SDM630", {"password": 4711}, ["system_type=3P4W"], "no password opened it (1000, 0000); give its own with"),
        ("SDM72DMV2", {"password": 4711}, ["system_type=1P2W"], "no password opened it (1000)"),
        ("SDM630", {"password": 4711}, ["system_type=3P4W", "--password", "12"], "(0012, 1000, 0000)"),
        ("SDM630", {"keeps": {"parity"}}, ["parity=E"], "said that it took it, and still is N; perhaps it shows"),
        ("SDM630", {"keeps": {"demand_period"}}, ["demand_period=5"], "said that it took it, and still is 60 min"),
        ("EM340", {}, ["baudrate=9600"], "the EM340 cannot be set: no paper that its file knows of tells how"),
        ("EM340", {}, [], "the EM340 cannot be set"),
        ("SDM630", {}, ["baud=9600"], "no parameter 'baud'; did you mean baudrate?"),
        ("SDM530", {}, ["pulse_constant=1"], "the SDM530 has no parameter 'pulse_constant'"),
        ("SDM530", {}, ["baudrate=38400"], "it can be 2400, 4800, 9600"),
        ("SDM630", {}, ["baudrate=2400", "parity=E"], "one NAME=VALUE at a time"),
        ("SDM630", {}, ["house", "parity=E"], "--port describes the meter already"),
    ],
)
def test_refusals_are_told_in_the_owner_s_words(model, holding, words, told, capsys):
    meter = meter_of(model, **holding)
    with line_of(meter) as line:
        assert set_on(line, meter, *words, "--yes") == 1
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


def test_a_value_that_the_meter_does_not_know_is_told(capsys):
    """An SDM230-2T that somebody takes for an SDM320, which has more speeds."""
    meter = meter_of("SDM230-2T")
    with line_of(meter) as line:
        assert set_on(line, meter, "baudrate=38400", "--yes", taken_for="SDM320") == 1
    assert (
        "the value is not in its list (exception 3), although the paper of the SDM320 has it" in capsys.readouterr().err
    )
    assert meter.holding["baudrate"] == 2


def test_a_parameter_that_the_meter_does_not_have_is_told(capsys):
    meter = meter_of("SDM120M", in_set_mode=True)
    with line_of(meter) as line:
        assert set_on(line, meter, "resettable_energy=reset", "--yes", taken_for="SDM72DM") == 1
    assert "it does not have this parameter (exception 2); is it a SDM72DM?" in capsys.readouterr().err


def test_the_owner_s_password_opens_it():
    meter = meter_of("SDM630", password=4711)
    with line_of(meter) as line:
        assert set_on(line, meter, "system_type=3P4W", "--yes", "--password", "4711") == 0
        assert [register for _, register, _ in writes(line)] == [0x18, 0x0A]
    assert meter.holding["system_type"] == 3


def test_the_second_password_of_the_factory_opens_it():
    meter = meter_of("SDM630", password=0)
    with line_of(meter) as line:
        assert set_on(line, meter, "system_type=3P4W", "--yes") == 0
        passwords = [struct.unpack(">f", data)[0] for _, register, data in writes(line) if register == 0x18]
    assert passwords == [1000.0, 0.0]


def test_what_is_open_needs_no_password():
    meter = meter_of("SDM630")
    meter.write(0x18, struct.pack(">f", 1000))
    with line_of(meter) as line:
        assert set_on(line, meter, "system_type=3P4W", "--yes") == 0
        assert [register for _, register, _ in writes(line)] == [0x0A]


def test_a_silent_meter_is_not_written_to(capsys):
    meter = meter_of("SDM630")
    meter.faults = Faults(silent=True)
    with line_of(meter) as line:
        assert set_on(line, meter, "demand_period=15", "--yes") == 1
        assert writes(line) == []
    assert "no answer; nothing was written" in capsys.readouterr().err


def test_a_reset_that_is_refused_is_told(capsys):
    meter = meter_of("SDM72DM", cannot_store=True)
    with line_of(meter) as line:
        assert set_on(line, meter, "resettable_energy=reset", "--yes") == 1
    assert (
        "could not store the value (exception 5); try again; what it should reset is as before"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize("word", ["pulse_constant=10", "pulse_energy=import_active", "max_demand=reset"])
def test_what_means_something_else_in_the_first_generation_is_refused_there(word, capsys):
    meter = meter_of("SDM630")
    meter.quirks = Quirks(absent=frozenset({"code"}))
    with line_of(meter) as line:
        assert set_on(line, meter, word, "--yes") == 1
        assert writes(line) == []
    error = capsys.readouterr().err
    assert "meters of the first generation" in error
    assert "its code (register 0xfc02) should be 0x0070 and is 0x0000" in error


def test_a_meter_that_refuses_to_say_its_code_is_of_the_first_generation(capsys):
    meter = meter_of("SDM630")
    meter.quirks = Quirks(absent=frozenset({"code"}), refuse_undefined=True)
    with line_of(meter) as line:
        assert set_on(line, meter, "pulse_constant=10", "--yes") == 1
    assert "exception 2" in capsys.readouterr().err


@pytest.mark.parametrize("taken_for", ["SDM630", "SDM530", "SDM630MCT"])
@pytest.mark.parametrize("model", ["SDM72DM", "SDM72DMV2"])
def test_an_sdm72_that_is_taken_for_another_keeps_its_password(model, taken_for, capsys):
    meter = meter_of(model)
    with line_of(meter) as line:
        assert set_on(line, meter, "system_type=3P3W", "--yes", taken_for=taken_for) == 1
        assert writes(line) == []
    assert re.search(rf"by its code that it is no {taken_for} but [\w ]*{model}", capsys.readouterr().err)
