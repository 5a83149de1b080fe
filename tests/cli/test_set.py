"""`smartmeter set` against virtual meters on a serial line: what is taken, refused, verified and taken back."""

import struct

import pytest

from smartmeter.configuring import carry_out
from smartmeter.modbus.line import SerialFormat
from smartmeter.models import load_model, model_names
from smartmeter.simulator import Faults, HoldingQuirks, Quirks
from tests.configuring.setting import line_of, meter_of, set_on, writes

EVERYTHING = [
    (model, name) for model in model_names() for name in load_model(model).setup.parameters if name != "address"
]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Virtual meters need no time after a reset."""
    monkeypatch.setattr(carry_out, "COMMAND_S", 0.02)


def other_value(meter, name):
    """A value of the parameter that the meter does not have, and the number for it."""
    parameter = meter.model.setup.parameters[name]
    choices = parameter.values or {str(number): number for number in (parameter.least, parameter.most)}
    return next((text, int(held)) for text, held in choices.items() if meter.holding[name] != held)


@pytest.mark.parametrize(("model", "name"), EVERYTHING)
def test_every_parameter_of_every_model_is_written_and_read_back(model, name, capsys):
    meter = meter_of(model, in_set_mode=True)
    parameter = meter.model.setup.parameters[name]
    text, number = ("reset", None) if parameter.write_only else other_value(meter, name)
    before = meter.values_at(meter.clock())
    with line_of(meter) as line:
        assert set_on(line, meter, f"{name}={text}", "--yes") == 0
        written = writes(line)
    told = capsys.readouterr().out
    if parameter.write_only:
        assert "Written and answered." in told
        after = meter.values_at(meter.clock())
        assert all(after[id_] < before[id_] for id_ in parameter.seen_in if before[id_])
    else:
        assert f"Written and read back: {text}" in told
        assert meter.holding[name] == number
    assert [register for _, register, _ in written if register == parameter.address] == [parameter.address]
    opened = parameter.needs == "unlock"
    assert len(written) == 1 + opened
    assert all(unit == 1 for unit, *_ in written)


@pytest.mark.parametrize("model", [name for name in model_names() if load_model(name).setup.parameters])
def test_the_address_of_every_model(model, capsys):
    meter = meter_of(model, in_set_mode=True)
    with line_of(meter) as line:
        assert set_on(line, meter, "address=77", "--yes") == 0
    assert "it counts once the meter was switched off and on" in capsys.readouterr().out
    assert meter.address == 1
    meter.restart()
    assert meter.address == 77


@pytest.mark.parametrize("model", [name for name in model_names() if name.startswith("SDM72")])
def test_no_sdm72_is_ever_sent_a_write_to_its_password(model):
    meter = meter_of(model)
    with line_of(meter) as line:
        for name, parameter in meter.model.setup.parameters.items():
            if name != "address":
                set_on(line, meter, f"{name}={next(iter(parameter.values))}", "--yes")
                set_on(line, meter, f"{name}={list(parameter.values)[-1]}", "--yes", "--password", "4711")
        written = writes(line)
    assert written or not meter.model.setup.parameters
    assert not any(register <= 0x18 < register + len(data) // 2 for _, register, data in written)
    assert meter.holding.password == 1000


def test_the_frame_is_the_one_of_the_paper():
    meter = meter_of("SDM630")
    meter.holding["demand_period"] = 15
    with line_of(meter) as line:
        assert set_on(line, meter, "demand_period=60", "--yes") == 0
        frames = [request.frame for request in line.requests]
    assert bytes.fromhex("01 10 00 02 00 02 04 42 70 00 00 67 D5") in frames


def test_nothing_is_written_if_it_is_so_already(capsys):
    meter = meter_of("SDM630")
    with line_of(meter) as line:
        assert set_on(line, meter, "baudrate=9600", "--yes") == 0
        assert writes(line) == []
    assert "baudrate is 9600 already; nothing is written" in capsys.readouterr().out


def test_what_waits_for_a_restart_is_told_again(capsys):
    meter = meter_of("SDM630")
    with line_of(meter) as line:
        set_on(line, meter, "baudrate=19200", "--yes")
        capsys.readouterr()
        assert set_on(line, meter, "baudrate=19200", "--yes") == 0
    assert "19200 already; nothing is written\nIt counts once the meter was switched off" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("baudrate=19200", SerialFormat(19200)),
        ("baudrate=2400", SerialFormat(2400)),
        ("parity=E", SerialFormat(9600, 8, "E", 1)),
        ("parity=O", SerialFormat(9600, 8, "O", 1)),
    ],
)
def test_a_line_that_changes_at_once_is_followed(word, expected, capsys):
    meter = meter_of("SDM630", effect="at once")
    with line_of(meter) as line:
        assert set_on(line, meter, word, "--yes") == 0
    told = capsys.readouterr().out
    assert "it counts already" in told
    assert meter.format == expected
    name, _, value = word.partition("=")
    assert f"--{name} {value}" in told


@pytest.mark.parametrize("effect", ["at once", "restart"])
def test_of_stop_bits_nobody_can_tell_when_they_count(effect, capsys):
    meter = meter_of("SDM630", effect=effect)
    with line_of(meter) as line:
        assert set_on(line, meter, "parity=N2", "--yes") == 0
    assert "N2; it counts already, or once the meter was switched off and on." in capsys.readouterr().out


def test_an_address_that_changes_at_once_is_followed(capsys):
    meter = meter_of("SDM230", effect="at once")
    with line_of(meter) as line:
        assert set_on(line, meter, "address=200", "--yes") == 0
        assert [unit for unit, *_ in writes(line)] == [1]
    told = capsys.readouterr().out
    assert "Written and read back: 200; it counts already." in told
    assert "--address 200" in told


def test_what_is_taken_in_spite_of_a_refusal_is_taken(capsys):
    meter = meter_of("SDM72DMV2", grumbles=True)
    meter.write(0x0E, struct.pack(">f", 1000))
    with line_of(meter) as line:
        assert set_on(line, meter, "system_type=1P2W", "--yes") == 0
    told = capsys.readouterr().out
    assert "exception 1 (illegal function); but it took it" in told
    assert "Written and read back: 1P2W" in told


def test_what_is_neither_old_nor_new_is_taken_back(capsys):
    meter = meter_of("SDM630")
    meter.holding.quirks = HoldingQuirks(stores_instead=_Once(demand_period=8))
    with line_of(meter) as line:
        assert set_on(line, meter, "demand_period=15", "--yes") == 1
        assert [data for _, _, data in writes(line)] == [struct.pack(">f", value) for value in (15, 60)]
    assert "the meter took 8 min instead; 60 min was written back, and is there again" in capsys.readouterr().err
    assert meter.holding["demand_period"] == 60


def test_what_cannot_be_taken_back_is_told(capsys):
    meter = meter_of("SDM630", stores_instead={"demand_period": 8})
    with line_of(meter) as line:
        assert set_on(line, meter, "demand_period=15", "--yes") == 1
    assert "60 min could not be written back: it is 8 min now" in capsys.readouterr().err


class _Once(dict):
    """Gives each of its values once."""

    def get(self, key, default=None):
        return self.pop(key, default)


def test_a_write_without_an_answer_is_looked_at_and_never_repeated(capsys):
    meter = meter_of("SDM630")
    with line_of(meter) as line:
        # Read, written, read back: the second answer is lost.
        meter.striking = _losing(1)
        assert set_on(line, meter, "demand_period=15", "--yes") == 0
        assert len(writes(line)) == 1
    assert "no answer; but it took it" in capsys.readouterr().out
    assert meter.holding["demand_period"] == 15


def _losing(*numbers):
    """What strikes a meter's answers if these of them, counted from 0, are lost."""
    count = iter(range(1000))
    return lambda faults: Faults(silent=True) if next(count) in numbers else faults


def test_a_meter_that_falls_silent_after_the_write_is_told(capsys):
    meter = meter_of("SDM630")
    with line_of(meter) as line:
        meter.striking = _losing(*range(1, 100))
        assert set_on(line, meter, "demand_period=15", "--yes") == 1
        assert len(writes(line)) == 1
    assert "it was written, and then the meter did not answer; look at it again later" in capsys.readouterr().err


def test_a_meter_that_cannot_be_found_after_the_change_is_told(capsys):
    meter = meter_of("SDM630")
    with line_of(meter) as line:
        meter.striking = _losing(*range(1, 100))
        assert set_on(line, meter, "baudrate=2400", "--yes") == 1
    assert "answers neither as before nor as it should now; switch it off and on" in capsys.readouterr().err


def test_the_reset_of_an_sdm72_is_answered_as_another_unit_and_counts(capsys):
    meter = meter_of("SDM72DM")
    with line_of(meter) as line:
        assert set_on(line, meter, "resettable_energy=reset", "--yes") == 0
        assert writes(line) == [(1, 0xF010, b"\0\3")]
    told = capsys.readouterr().out
    assert "Written and answered." in told
    assert "active_energy_resettable_total: " in told


def test_a_reset_without_an_answer_is_seen_in_the_counters(capsys):
    meter = meter_of("SDM72DM")
    with line_of(meter) as line:
        meter.striking = _losing(3)
        assert set_on(line, meter, "resettable_energy=reset", "--yes") == 0
        assert len(writes(line)) == 1
    assert "no answer; but it took it" in capsys.readouterr().out


def test_the_list_shows_how_the_meter_is_set(capsys):
    meter = meter_of("SDM630", 3, SerialFormat(19200, 8, "E", 1))
    meter.quirks = Quirks(absent=frozenset({"code"}))
    with line_of(meter) as line:
        assert set_on(line, meter) == 0
        assert writes(line) == []
    told = capsys.readouterr().out
    shown = {row.split()[0]: row.split()[1] for row in told.splitlines()[2:]}
    assert shown == {
        "address": "3",
        "baudrate": "19200",
        "parity": "E",
        "demand_period": "60",
        "system_type": "1P2W",
        "pulse_width": "60",
        "pulse_constant": "cannot",
        "pulse_energy": "cannot",
        "max_demand": "-",
    }
