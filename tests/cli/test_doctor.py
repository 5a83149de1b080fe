"""`smartmeter doctor` against a virtual line."""

import json

import pytest

from smartmeter.cli.main import main
from smartmeter.modbus.line import SerialFormat
from smartmeter.models import load_model
from smartmeter.simulator import Faults, VirtualLine, VirtualMeter

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
    head, meter, counted, first, beyond, timeout, end = captured.out.splitlines()
    assert head == f"bus line: {line.path}, 115200 8N1, time-out 0.5 s"
    assert meter == "  meter sdm530_1: SDM530 at address 1"
    assert counted.split() == ["20", "requests,", "20", "answers"]
    assert first.startswith("    answers begin after ")
    assert beyond.startswith("    exchanges take, beyond their time on the line, ")
    assert timeout.startswith("    a time-out of ")
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


@pytest.mark.parametrize("option", ["--requests", "--patience", "--listen"])
def test_options_that_cannot_be_are_refused(option, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["doctor", option, "some"])
    assert ended.value.code == 2
    assert "'some' is no number" in capsys.readouterr().err
