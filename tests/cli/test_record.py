"""`smartmeter record`, on virtual lines, and what `simulate --replay` makes of it."""

import asyncio
import json
import os
import re
import signal
import subprocess
import threading
import time
from contextlib import suppress

import pytest

from smartmeter.cli.main import main
from smartmeter.cli.record_asking import MADE_UP_NUMBER
from smartmeter.modbus.connection import open_connection
from smartmeter.modbus.counters import LineCounters
from smartmeter.modbus.crc import append_crc
from smartmeter.modbus.line import SerialFormat
from smartmeter.modbus.ports import parse_port
from smartmeter.modbus.trace import Direction
from smartmeter.models import load_model
from smartmeter.polling.learned import Learned
from smartmeter.polling.round import read_round
from smartmeter.recording.exchanges import exchanges
from smartmeter.recording.file import read_recording
from smartmeter.recording.parts import Frame
from smartmeter.recording.recording import MeterAsked
from smartmeter.settings.model import MeterSettings
from smartmeter.simulator import Faults, Quirks, VirtualLine, VirtualMeter
from smartmeter.simulator.replay import Replay
from smartmeter.simulator.terminal import close_terminal, open_terminal
from tests.cli.test_simulate import COMMAND, PATIENCE_S, simulating

LINE = SerialFormat(115200)
SERIAL_NUMBER = 0x5A5B5C5D
SETTINGS = """
[[bus]]
name = "{name}"
port = "{port}"
baudrate = 115200
parity = "N"
[[bus.meter]]
name = "house"
model = "SDM530"
address = 1
"""


@pytest.fixture
def line(tmp_path):
    meters = [
        VirtualMeter(load_model("SDM530"), 1, clock=lambda: 1e6),
        VirtualMeter(load_model("SDM230"), 2, serial_number=SERIAL_NUMBER, quirks=Quirks(refuse_undefined=True)),
    ]
    with VirtualLine(LINE, meters, tmp_path / "port", turnaround_s=0.001) as plugged:
        plugged.meters = meters
        yield plugged


def record(line, *arguments):
    return main(["record", "--port", str(line.path), "--baudrate", "115200", *map(str, arguments)])


def values(capsys, port, *arguments):
    capsys.readouterr()
    assert main(["read", "--json", "--port", str(port), *map(str, arguments)]) == 0
    return json.loads(capsys.readouterr().out)["values"]


@pytest.mark.parametrize("where", ["--link", "--tcp", "--udp"])
def test_a_recorded_meter_is_read_again(tmp_path, capsys, line, where):
    file = tmp_path / "a.jsonl.gz"
    expected = values(capsys, line.path, "--baudrate", 115200)
    assert record(line, "--model", "SDM530", "--rounds", 2, "-o", file) == 0
    told = capsys.readouterr().out
    assert "sdm530_1, round 2 of 2: 68 values" in told
    assert re.search(rf"Wrote {file}: (\d+) requests, \1 of them answered. It has the meters' values and serial", told)
    place = tmp_path / "replayed" if where == "--link" else 0
    with simulating("--replay", file, where, place) as (_, said):
        assert said.startswith(f"{file}: SDM530 at address 1 on ")
        port = re.search(r"--port (\S+)", said)[1]
        options = ("--baudrate", 115200) if where == "--link" else ()
        assert values(capsys, port, *options) == expected


def test_the_settings_say_what_is_recorded(tmp_path, capsys, line):
    settings, file = tmp_path / "smartmeter.toml", tmp_path / "a.jsonl"
    settings.write_text(SETTINGS.format(name="cellar", port=line.path))
    assert main(["record", "-c", str(settings), "-o", str(file)]) == 0
    assert "house, round 1 of 1: 68 values" in capsys.readouterr().out
    header = read_recording(file).header
    assert (header.kind, header.serial, header.meters) == ("rtu", LINE, (MeterAsked(1, "SDM530"),))
    assert str(line.path) not in file.read_text()


def test_of_several_buses_one_is_chosen(tmp_path, capsys, line):
    settings, file = tmp_path / "smartmeter.toml", tmp_path / "a.jsonl"
    other = SETTINGS.format(name="attic", port="/dev/nowhere").replace("house", "flat")
    settings.write_text(SETTINGS.format(name="cellar", port=line.path) + other)
    assert main(["record", "-c", str(settings), "-o", str(file)]) == 1
    assert "a recording is of one bus; name it with --bus, one of cellar, attic" in capsys.readouterr().err
    assert main(["record", "-c", str(settings), "-o", str(file), "--bus", "cellar"]) == 0


def test_registers_of_a_meter_that_nobody_knows(tmp_path, capsys, line):
    file = tmp_path / "a.jsonl"
    assert record(line, "--address", 2, "--registers", "4:0-79, 3:0-9", "--block", 50, "-o", file) == 0
    assert re.search(r"address 2: \d+ registers read, \d+ refused", capsys.readouterr().out)
    recording = read_recording(file)
    assert recording.header.meters == (MeterAsked(2, None),)
    asked = [exchange.request.pdu for exchange in exchanges(recording)]
    assert {pdu[0] for pdu in asked} == {3, 4}
    # Whatever else may say what it is.
    identification = load_model("SDM230").identification
    assert bytes((3, 0xFC, 0, 0, 2)) in asked
    assert identification.serial_number.address == 0xFC00
    # Enough to read it by, once its registers are known.
    model = line.meters[1].model
    names = frozenset(name for name, register in model.registers.items() if register.end <= 80)
    meter = MeterSettings("it", model, 2, dict.fromkeys(names, 1))
    with VirtualLine(LINE, [], tmp_path / "replayed", replay=Replay(recording)) as replayed:
        result = asyncio.run(read_from(replayed.path, meter))
    assert result.values.keys() == names
    assert all(result.values[name] is not None for name in names)


async def read_from(path, meter):
    connection = await open_connection(parse_port(str(path)), LINE, 0.1, LineCounters())
    try:
        return await read_round(meter, LINE, frozenset(meter.intervals_us), Learned(), connection.read)
    finally:
        connection.close()


@pytest.mark.parametrize("options", [("--model", "SDM230"), ("--registers", "3:64512-64513")])
def test_serial_numbers_stay_at_home(tmp_path, capsys, line, options):
    number = SERIAL_NUMBER.to_bytes(4, "big")
    file = tmp_path / "a.jsonl"
    assert record(line, "--address", 2, *options, "-o", file) == 0
    assert number.hex() in file.read_text()
    assert record(line, "--address", 2, *options, "-o", file, "--anonymous", "--force") == 0
    assert number.hex() not in file.read_text()
    assert MADE_UP_NUMBER.to_bytes(4, "big").hex() in file.read_text()
    assert "It has the meters' values, and nothing of this machine" in capsys.readouterr().out
    # Frames are told by their checksums.
    replies = [reply.content for exchange in exchanges(read_recording(file)) for reply in exchange.replies]
    assert any(isinstance(reply, Frame) and MADE_UP_NUMBER.to_bytes(4, "big") in reply.pdu for reply in replies)


def test_a_silent_meter_is_recorded_as_one(tmp_path, capsys, line):
    line.meters[0].faults = Faults(silent=True)
    file = tmp_path / "a.jsonl"
    assert record(line, "--timeout", 0.05, "-o", file, "--rounds", 3) == 0
    told = capsys.readouterr()
    assert "no answer" in told.err
    assert "round 2" not in told.out
    assert "0 of them answered" in told.out
    assert record(line, "--timeout", 0.05, "--address", 9, "--registers", "3:0-99", "-o", tmp_path / "b") == 0
    assert "address 9 gave no good answer; check wiring, the address, and how" in capsys.readouterr().err


def test_over_a_network(tmp_path, capsys):
    file = tmp_path / "a.jsonl"
    with simulating("--tcp", 0, "--model", "SunSpec-203") as (_, said):
        where = re.search(r" port (\d+);", said)[1]
        options = ("--port", f"tcp://127.0.0.1:{where}", "--model", "SunSpec-203", "-o", str(file))
        assert main(["record", *options]) == 0
    recording = read_recording(file)
    assert (recording.header.kind, recording.header.serial) == ("tcp", None)
    with simulating("--replay", file, "--link", tmp_path / "replayed") as (_, said):
        assert "SunSpec-203 at address 1 on " in said
        assert 200 < values(capsys, tmp_path / "replayed", "--model", "SunSpec-203")["voltage_l1"] < 260


def test_listening_records_what_others_say(tmp_path, capsys):
    terminal, file = open_terminal(), tmp_path / "a.jsonl"
    asked = append_crc(bytes((1, 4, 0, 0, 0, 2)))
    answered = append_crc(bytes((1, 4, 4, 0x43, 0x66, 0x33, 0x4D)))

    def talk():
        for _ in range(20):
            for data in (asked, answered):
                time.sleep(0.02)
                with suppress(BlockingIOError):
                    os.write(terminal.line_fd, data)

    talker = threading.Thread(target=talk)
    talker.start()
    try:
        arguments = ("--port", str(terminal.path), "--listen", "--duration", "0.5", "-o", str(file))
        assert main(["record", *arguments]) == 0
    finally:
        talker.join()
        close_terminal(terminal)
    assert "Listening on " in capsys.readouterr().out
    recording = read_recording(file)
    assert recording.header.meters == ()
    assert {piece.direction for piece in recording.pieces} == {Direction.HEARD}
    assert {exchange.request.pdu for exchange in exchanges(recording)} == {asked[1:-2]}
    with VirtualLine(LINE, [], tmp_path / "replayed", replay=Replay(recording)) as replayed:
        capsys.readouterr()
        main(["read", "--port", str(replayed.path), "--baudrate", "115200", "--timeout", "0.05"])
    assert "no answer" in capsys.readouterr().err


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
def test_listening_may_be_ended_at_any_time(tmp_path, ending):
    terminal, file = open_terminal(), tmp_path / "a.jsonl.gz"
    command = [*COMMAND[:-1], "record", "--port", str(terminal.path), "--listen", "-o", str(file)]
    try:
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline().startswith("Listening on ")
            os.write(terminal.line_fd, b"\x01\x02\x03")
            give_up_s = time.monotonic() + PATIENCE_S
            while not read_recording(file).pieces and time.monotonic() < give_up_s:
                time.sleep(0.01)
            process.send_signal(ending)
            assert process.wait(PATIENCE_S) == (0 if ending is signal.SIGINT else -ending)
    finally:
        close_terminal(terminal)
    assert b"".join(piece.data for piece in read_recording(file).pieces) == b"\x01\x02\x03"


def test_silence_is_told(tmp_path, capsys, line):
    assert record(line, "--listen", "--duration", 0.05, "-o", tmp_path / "a.jsonl") == 0
    assert "no request was understood; is the line set like that" in capsys.readouterr().out
    assert main(["simulate", "--replay", str(tmp_path / "a.jsonl")]) == 1
    assert "holds no request to any meter; there is nothing to replay" in capsys.readouterr().err


def test_a_mistake_leaves_no_file_and_replaces_none(tmp_path, capsys):
    file = tmp_path / "a.jsonl"
    file.write_text("precious")
    assert main(["record", "--port", "/dev/nowhere", "-o", str(file)]) == 1
    assert "is there already; --force replaces it, -o names another file" in capsys.readouterr().err
    assert main(["record", "--port", "/dev/nowhere", "-o", str(file), "--force"]) == 1
    assert file.read_text() == "precious"
    assert main(["record", "--port", "/dev/nowhere", "-o", str(tmp_path / "b"), "--listen"]) == 1
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--registers", "3:0-9"), "--registers is of one meter; name its --port and --address"),
        (("--port", "x", "--bus", "y"), "--bus is of the settings; leave it out with --port"),
        (("--port", "x", "--duration", "5"), "--duration is of --listen"),
        (("--port", "x", "--listen", "--anonymous"), "--listen asks nothing and writes what it hears"),
        (("--port", "tcp://127.0.0.1:1", "--listen"), "a network does not let us hear others"),
        (("--port", "x", "--registers", "6:0-9"), "'6:0-9' does not fit; registers are like 4:0-199"),
        (("--port", "x", "--registers", "3:9-0"), "'3:9-0' does not fit"),
        (("--port", "x", "--registers", "3:0-65536"), "'3:0-65536' does not fit"),
        (("--port", "x", "--block", "126"), "'126' does not fit; it is a number from 1 to 125"),
    ],
)
def test_mistakes_are_named(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    try:
        status = main(["record", *arguments])
    except SystemExit as exited:
        status = exited.code
    assert status != 0
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
