"""Files of recordings: what goes in comes out, and nothing else is taken for one."""

import gzip
import json
import math
import os
import re
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartmeter.modbus.line import AsciiFormat, SerialFormat
from smartmeter.modbus.trace import Direction
from smartmeter.recording.file import RecordingError, read_recording, recording_to
from smartmeter.recording.lines import header_line, piece_line
from smartmeter.recording.recording import Header, MeterAsked, Piece, Recording

LINE = SerialFormat(9600)
HEADER = Header("rtu", LINE, (MeterAsked(1, "SDM530"), MeterAsked(247, None)), "0.1.0", "2026-01-02T03:04:05+00:00")
PIECES = (Piece(0, Direction.SENT, b"\x01\x04"), Piece(21_000, Direction.RECEIVED, b"\x01\x84\x02"))

formats = st.builds(
    SerialFormat,
    st.integers(50, 4_000_000),
    st.sampled_from((7, 8)),
    st.sampled_from(("N", "E", "O")),
    st.sampled_from((1, 2)),
)
meters = st.builds(MeterAsked, st.integers(1, 247), st.none() | st.text(max_size=10))
texts = st.text(max_size=10)
headers = st.one_of(
    st.builds(Header, st.just("rtu"), formats, st.lists(meters, max_size=3).map(tuple), texts, texts),
    st.builds(Header, st.sampled_from(("tcp", "rtu+tcp", "rtu+udp")), st.none() | formats),
)
pieces = st.builds(Piece, st.integers(0, 10**15), st.sampled_from(Direction), st.binary(max_size=300))


def text_of(header=HEADER, recorded=PIECES):
    return "".join(f"{line}\n" for line in (header_line(header), *map(piece_line, recorded)))


def written(directory, text, name="a.jsonl"):
    path = directory / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@given(headers, st.lists(pieces, max_size=5))
def test_what_is_written_is_read(header, recorded):
    with tempfile.TemporaryDirectory() as directory:
        path = written(Path(directory), text_of(header, recorded))
        assert read_recording(path) == Recording(header, tuple(recorded))


@given(st.lists(pieces, min_size=1, max_size=3), st.data())
def test_a_file_that_breaks_off_gives_what_is_whole(recorded, data):
    text = text_of(recorded=recorded).encode()
    first = text.index(b"\n") + 1
    end = data.draw(st.integers(first, len(text)))
    with tempfile.TemporaryDirectory() as directory:
        read = read_recording(written(Path(directory), text[:end])).pieces
    # A last line that lacks nothing but its end counts.
    whole = text[:end].count(b"\n") - 1
    assert read in (tuple(recorded[:whole]), tuple(recorded[: whole + 1]))


def test_an_ascii_line_is_one_again(tmp_path):
    header = Header("ascii", AsciiFormat(9600, 7, "E", 1))
    assert type(read_recording(written(tmp_path, text_of(header))).header.serial) is AsciiFormat


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_a_tap_writes_as_it_comes(tmp_path, name):
    path = tmp_path / name
    began_s = time.monotonic()
    with recording_to(path, HEADER) as tap:
        assert read_recording(path) == Recording(HEADER, ())
        tap(Direction.SENT, began_s + 3.25, b"\x01\x02")
        tap(Direction.RECEIVED, began_s + 3.5, b"\x03")
        first, second = read_recording(path).pieces
    assert (first.direction, first.data, second.data) == (Direction.SENT, b"\x01\x02", b"\x03")
    assert math.isclose(second.time_us - first.time_us, 250_000, abs_tol=1)
    assert first.time_us <= 3_250_000
    assert read_recording(path).pieces == (first, second)
    if name.endswith(".gz"):
        assert gzip.decompress(path.read_bytes()).count(b"\n") == 3


def test_a_file_that_is_there_stays(tmp_path):
    path = written(tmp_path, "precious")
    with pytest.raises(RecordingError, match="is there already; --force replaces it"), recording_to(path, HEADER):
        pass
    assert path.read_text() == "precious"


def test_where_nothing_can_be_made_is_an_error(tmp_path):
    with (
        pytest.raises(RecordingError, match="cannot be written: No such file"),
        recording_to(tmp_path / "no" / "where.jsonl", HEADER),
    ):
        pass


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
def test_a_full_disk_is_told_at_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "open", lambda self, _mode: os.fdopen(os.open("/dev/full", os.O_WRONLY), "wb"))
    with (
        pytest.raises(RecordingError, match="is not complete: No space left"),
        recording_to(tmp_path / "a", HEADER) as tap,
    ):
        tap(Direction.SENT, time.monotonic(), b"\x01")


FIRST = header_line(HEADER)


def changed(**values):
    return json.dumps({**json.loads(FIRST), **values})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: this is no recording; `smartmeter record` makes them"),
        ('port = "/dev/ttyUSB0"\n', "line 1: this is no recording"),
        ("[1]\n", "line 1: this is no recording"),
        (b"\xff\xfe\n", "line 1: this is no text; the file is damaged"),
        (changed(version=2), "line 1: version 2 of recordings is not known; a newer Smartmeter may read it"),
        (changed(kind="can"), 'line 1: "kind" must be one of rtu, ascii, tcp, rtu+tcp, rtu+udp'),
        (changed(serial=None), 'line 1: "serial" must be how the line is set, such as "9600 8N1"'),
        (changed(serial="9600"), 'line 1: "serial" must be how the line is set'),
        (changed(meters=[{"address": 0, "model": None}]), 'line 1: "meters" must be a list of objects'),
        (changed(meters=7), 'line 1: "meters" must be a list'),
        (changed(program=1), 'line 1: "program" must be a text'),
        (f'{FIRST}\n{{"us": 1, "sent": "01"}}\nnonsense\n', "line 3: this is no JSON; the line is damaged"),
        (f"{FIRST}\n\n[]\n", "line 3: this is no JSON object"),
        (f'{FIRST}\n{{"us": -1, "sent": "01"}}\n', 'line 2: "us" must be microseconds'),
        (f'{FIRST}\n{{"us": true, "sent": "01"}}\n', 'line 2: "us" must be microseconds'),
        (f'{FIRST}\n{{"us": 1}}\n', "line 2: it must have one of sent, received, heard"),
        (f'{FIRST}\n{{"us": 1, "sent": "01", "heard": "02"}}\n', "line 2: it must have one of"),
        (f'{FIRST}\n{{"us": 1, "sent": "0"}}\n', 'line 2: "sent" must be bytes, in hexadecimal digits'),
        (f'{FIRST}\n{{"us": 1, "sent": 5}}\n', 'line 2: "sent" must be bytes'),
        (FIRST.encode() + b'\n{"us": 1, "sent": "\xff"}\n', "line 2: this is no text"),
    ],
)
def test_what_is_no_recording_is_told_with_its_line(tmp_path, text, message):
    path = written(tmp_path, text)
    with pytest.raises(RecordingError, match=re.escape(f"{path}, {message}")):
        read_recording(path)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(RecordingError, match="cannot be read: No such file"):
        read_recording(tmp_path / "none.jsonl")
    with pytest.raises(RecordingError, match="is damaged, or no gzip file"):
        read_recording(written(tmp_path, text_of(), "a.gz"))


def test_blanks_and_unknown_keys_are_no_matter(tmp_path):
    path = written(tmp_path, f'{changed(more=1)}\n\n{{"us": 1, "sent": "01 02", "note": "x"}}\n')
    assert read_recording(path).pieces == (Piece(1, Direction.SENT, b"\x01\x02"),)
