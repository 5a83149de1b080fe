"""`smartmeter check` with good and bad settings."""

import json
from dataclasses import replace

import pytest

from smartmeter.cli.main import main
from smartmeter.memory import keep_meters
from smartmeter.modbus.line import SerialFormat
from smartmeter.modbus.port import open_port
from smartmeter.models import load_model
from smartmeter.polling.known import KnownMeter
from smartmeter.polling.learned import Learned, Refusal
from smartmeter.simulator import VirtualLine, VirtualMeter
from smartmeter.state import create_state, with_state
from tests.fixtures.postgresql import PASSWORD, USER

LINE = SerialFormat(19200, 8, "E", 1)


@pytest.fixture
def line(tmp_path):
    with VirtualLine(LINE, [VirtualMeter(load_model("SDM530"))], link=tmp_path / "tty") as line:
        yield line


@pytest.fixture
def check(tmp_path, capsys):
    def run(interval="1s", more="", meters=1):
        path = tmp_path / "smartmeter.toml"
        path.write_text(
            f'[[bus]]\nport = "{tmp_path / "tty"}"\nbaudrate = 19200\nparity = "E"\n'
            + "".join(
                f'[[bus.meter]]\nname = "m{n}"\nmodel = "SDM530"\naddress = {n}\ninterval = "{interval}"\n'
                for n in range(1, meters + 1)
            )
            + more
        )
        status = main(["check", "-c", str(path), "--json"])
        report = json.loads(capsys.readouterr().out)
        assert main(["check", "-c", str(path)]) == status
        text = capsys.readouterr().out
        for finding in report["errors"] + report["warnings"] + report["facts"]:
            assert finding in text
        return status, report, text

    return run


def test_good_settings_print_the_plan(check, line):
    status, report, text = check()
    assert status == 0
    assert report["ok"]
    [bus] = report["buses"]
    assert bus["busy_percent"] == pytest.approx(34.1, abs=0.05)
    [planned] = bus["meters"][0]["rounds"]
    assert planned["blocks"] == [
        {"address": 0, "count": 44},
        {"address": 46, "count": 62},
        {"address": 200, "count": 70},
        {"address": 334, "count": 12},
    ]
    assert planned["line_ms"] == 341.25
    assert planned["values"] == 68
    assert "68 values in 4 blocks, 341.3 ms (0+44 46+62 200+70 334+12)" in text
    assert "34.1 % busy" in text


def test_more_than_the_line_can_do_is_an_error(check, line):
    status, report, _ = check(meters=3)
    assert status == 1
    assert any("the line would be 102 % busy" in error for error in report["errors"])


def test_more_than_80_percent_is_a_warning(check, line):
    status, report, _ = check(interval="0.4s")
    assert status == 0
    assert any("85 % busy" in warning for warning in report["warnings"])


def test_a_round_longer_than_its_interval_is_an_error(check, line):
    status, report, _ = check(interval="0.3s")
    assert status == 1
    assert any("341 ms, longer than its shortest interval of 0.3 s" in error for error in report["errors"])


def test_a_fast_interval_that_the_line_cannot_keep_is_a_warning(check, line):
    status, report, _ = check(more='[fast]\ninterval = "0.2s"\n')
    assert status == 0
    assert any("in the fast interval the line would be 171 % busy" in warning for warning in report["warnings"])


def test_a_missing_port_is_an_error(check):
    status, report, _ = check()
    assert status == 1
    assert any("there is no such port" in error for error in report["errors"])


def test_a_port_in_use_is_a_warning(check, line):
    port = open_port(str(line.path), LINE)
    try:
        status, report, _ = check()
    finally:
        port.close()
    assert status == 0
    assert any("another process uses the port" in warning for warning in report["warnings"])


def test_a_journal_without_a_directory_is_an_error(check, line):
    status, report, _ = check(more='[journal]\npath = "missing/smartmeter.db"\n')
    assert status == 1
    assert any("missing does not exist" in error for error in report["errors"])


def test_a_database_that_can_be_reached(check, line, postgresql):
    status, report, _ = check(
        more=f'[postgresql]\nhost = "127.0.0.1"\nport = {postgresql.server.port}\ndatabase = "smartmeter"\n'
        f'user = "{USER}"\npassword = "{PASSWORD}"\n'
    )
    assert status == 0, report
    assert any("PostgreSQL" in fact for fact in report["facts"])


def test_a_database_that_cannot_be_reached_is_an_error(check, line, postgresql):
    status, report, text = check(
        more=f'[postgresql]\nhost = "127.0.0.1"\nport = {postgresql.server.port}\ndatabase = "smartmeter"\n'
        f'user = "{USER}"\npassword = "wrong-password"\n'
    )
    assert status == 1
    assert len(report["errors"]) == 1
    assert "wrong-password" not in text


def test_every_mistake_is_told_at_once(check):
    status, report, _ = check(more="[jurnal]\n[fast]\ninterval = 0\n")
    assert status == 1
    assert len(report["errors"]) == 2
    assert report["buses"] == []


def test_a_model_that_nobody_has_tested_is_told_and_one_that_takes_anothers_place(tmp_path, line, capsys):
    (tmp_path / "models").mkdir()
    own = tmp_path / "models" / "SDM530.toml"
    own.write_text('name = "SDM530"\nlike = "SDM530"\n')
    path = tmp_path / "smartmeter.toml"
    text = f'[[bus]]\nport = "{tmp_path / "tty"}"\n[[bus.meter]]\nmodel = "SDM530"\naddress = 1\n'
    path.write_text(text + '[[bus.meter]]\nmodel = "SDM630"\naddress = 2\n')
    assert main(["check", "-c", str(path), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [meter["model_tested"] for meter in report["buses"][0]["meters"]] == [False, True]
    assert f"model SDM530: {own} takes the place of the program's own" in report["warnings"]
    assert main(["check", "-c", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "  meter sdm530_1: SDM530 at address 1, a model that nobody has tested on a real meter yet\n" in shown
    assert "  meter sdm630_2: SDM630 at address 2\n" in shown


LEARNED = Learned(
    longest=40, refusals=frozenset({Refusal(4, 0, 60)}), absent=frozenset({"frequency"}), turnaround_s=0.05
)


def keep(directory, *known):
    create_state(directory / "smartmeter_state.db")
    with_state(directory / "smartmeter_state.db", keep_meters, known)


def test_what_is_known_of_a_meter_is_shown_and_planned_with(check, line, tmp_path):
    since_us = 1_772_000_000_000_000
    known = KnownMeter("bus1", 1, "4711", "SDM530", LEARNED, since_us, since_us)
    keep(tmp_path, replace(known, serial_number="1", met_us=1), known, replace(known, address=3))
    status, report, text = check(meters=2)
    first, second = report["buses"][0]["meters"]
    assert first["known"] == {
        "serial_number": "4711",
        "since": "2026-02-25T06:13:20+00:00",
        "largest_block": 40,
        "registers_per_request": 40,
        "not_crossed": [{"function": 4, "address": 70, "count": 2}],
        "absent": ["frequency"],
        "padding_refused": False,
        "turnaround_ms": 50,
    }
    assert second["known"] is None
    assert all(block["count"] <= 40 for block in first["rounds"][0]["blocks"])
    assert first["busy_percent"] > second["busy_percent"] + 10
    assert "    serial number 4711, known since 2026-02-25 " in text
    assert "    it answers after 50 ms; the model assumes 20 ms\n" in text
    assert text.count("known since") == 1
    assert status in {0, 1}


def test_what_was_kept_and_cannot_be_read_is_a_warning(check, line, tmp_path):
    (tmp_path / "smartmeter_state.db").write_text("what is this?" * 100)
    status, report, _ = check()
    assert status == 0
    assert any(warning.startswith("what was learned of meters cannot be read: ") for warning in report["warnings"])
