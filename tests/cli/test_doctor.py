"""`smartmeter doctor` against a virtual line."""

import json

import pytest

from smartmeter.cli.main import main
from smartmeter.memory import keep_meters
from smartmeter.modbus.line import SerialFormat
from smartmeter.models import load_model
from smartmeter.polling.known import KnownMeter
from smartmeter.polling.learned import Learned
from smartmeter.simulator import Faults, VirtualLine, VirtualMeter
from smartmeter.state import create_state, with_state

LINE = SerialFormat(115200, 8, "N", 1)
QUICK = ["--requests", "20", "--patience", "0.3", "--listen", "0.02"]


@pytest.fixture
def line(tmp_path):
    with VirtualLine(LINE, [VirtualMeter(load_model("SDM530"))], tmp_path / "port", turnaround_s=0.002) as virtual:
        yield virtual


def options(line):
    return [*QUICK, "--port", str(line.path), "--baudrate", str(LINE.baudrate), "--parity", LINE.parity]


def test_a_line_that_is_well(line, capsys):
    assert main(["doctor", *options(line)]) == 0
    captured = capsys.readouterr()
    head, meter, counted, first, beyond, timeout, learned, end = captured.out.splitlines()
    assert head == f"bus line: {line.path}, 115200 8N1, time-out 0.5 s"
    assert meter == "  meter sdm530_1: SDM530 at address 1"
    assert counted.split() == ["20", "requests,", "20", "answers"]
    assert first.startswith("    answers begin after ")
    assert beyond.startswith("    exchanges take, beyond their time on the line, ")
    assert timeout.startswith("    a time-out of ")
    assert learned.startswith("    the largest block that it has answered: ")
    assert end == "ok: nothing is wrong"
    assert captured.err == ""


def test_a_fault_has_evidence_and_advice(line, capsys):
    line.faults = Faults(echo=True)
    assert main(["doctor", *options(line)]) == 1
    lines = capsys.readouterr().out.splitlines()
    at = lines.index("fault: line: The adapter echoes: every request comes back before its answer.")
    assert lines[at + 1] == "    20 of 20 (100 %) came back"
    assert lines[at + 2].startswith("    sent 01 04 00 00 00 02 71 cb, received 01 04 00 00 00 02 71 cb 01 04 04 ")
    assert lines[at + 3].startswith("    -> Switch the adapter's echo off")


def test_a_note_is_no_fault(line, capsys):
    line.faults = Faults(stray_zeros=1)
    assert main(["doctor", *options(line)]) == 0
    assert "note: line: Stray bytes lie before answers" in capsys.readouterr().out


def test_json_for_programs(line, tmp_path, capsys):
    settings = tmp_path / "smartmeter.toml"
    settings.write_text(
        f'[[bus]]\nport = "{line.path}"\nbaudrate = {LINE.baudrate}\ntimeout = "0.15s"\n'
        '[[bus.meter]]\nname = "house"\nmodel = "SDM530"\naddress = 1\n'
        '[[bus.meter]]\nname = "gone"\nmodel = "SDM230"\naddress = 9\n'
    )
    assert main(["doctor", "-c", str(settings), *QUICK, "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    (bus,) = document["buses"]
    assert (document["ok"], bus["format"]) == (False, "115200 8N1")
    house, gone = bus["meters"]
    assert (house["requests"], house["answers"], house["failures"]) == (20, 20, {})
    assert house["first_byte_s"].keys() == house["beyond_line_s"].keys() == {"p50", "p90", "p99", "max"}
    assert house["suggested_timeout_s"] >= 0.1
    assert (gone["answers"], gone["suggested_timeout_s"]) == (0, None)
    (finding,) = bus["findings"]
    assert finding.keys() == {"kind", "weight", "where", "what", "evidence", "advice"}
    assert (finding["kind"], finding["where"]) == ("nothing_there", "gone")


def test_what_the_daemon_has_learned_is_shown(line, tmp_path, capsys):
    settings = tmp_path / "smartmeter.toml"
    settings.write_text(
        f'timezone = "UTC"\n[[bus]]\nport = "{line.path}"\nbaudrate = {LINE.baudrate}\n'
        '[[bus.meter]]\nname = "house"\nmodel = "SDM530"\naddress = 1\n'
    )
    since_us = 1_772_000_000_000_000
    learned = Learned(longest=40, turnaround_s=0.05)
    create_state(tmp_path / "smartmeter_state.db")
    known = KnownMeter("bus1", 1, "4711", "SDM530", learned, since_us, since_us)
    with_state(tmp_path / "smartmeter_state.db", keep_meters, (known,))
    assert main(["doctor", "-c", str(settings), *QUICK]) == 0
    lines = [text.strip() for text in capsys.readouterr().out.splitlines()]
    at = lines.index("the daemon has learned of it:")
    assert lines[at + 1 : at + 4] == [
        "serial number 4711, known since 2026-02-25 06:13",
        "the largest block that it has answered: 40 registers",
        "it answers after 50 ms; the model assumes 20 ms",
    ]
    assert main(["doctor", "-c", str(settings), *QUICK, "--json"]) == 0
    (meter,) = json.loads(capsys.readouterr().out)["buses"][0]["meters"]
    assert (meter["known"]["serial_number"], meter["known"]["turnaround_ms"]) == ("4711", 50)


def test_what_was_kept_and_cannot_be_read_keeps_nobody_from_examining(line, tmp_path, capsys):
    settings = tmp_path / "smartmeter.toml"
    settings.write_text(
        f'[[bus]]\nport = "{line.path}"\nbaudrate = {LINE.baudrate}\n'
        '[[bus.meter]]\nname = "house"\nmodel = "SDM530"\naddress = 1\n'
    )
    (tmp_path / "smartmeter_state.db").write_text("what is this?" * 100)
    assert main(["doctor", "-c", str(settings), *QUICK]) == 0
    assert "what was learned of meters cannot be read: " in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--requests", "--patience", "--listen"])
def test_options_that_cannot_be_are_refused(option, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["doctor", option, "some"])
    assert ended.value.code == 2
    assert "'some' is no number" in capsys.readouterr().err
