"""The virtual line as a program sees it: through a real pseudo-terminal, with real time."""

import os
import select
import statistics
import struct
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from smartmeter.modbus.crc import append_crc
from smartmeter.modbus.line import SerialFormat
from smartmeter.modbus.port import open_port
from smartmeter.models import load_model
from smartmeter.simulator import NO_FAULTS, Counts, Delivery, Faults, VirtualLine, VirtualMeter
from smartmeter.simulator.terminal import LinkError

LINE = SerialFormat(38400, 8, "E", 1)
TURNAROUND_S = 0.002
PATIENCE_S = 5.0


def meter(address=1, **what):
    return VirtualMeter(load_model("SDM530"), address, clock=lambda: 1e6, **what)


def request(count=12, address=1):
    return append_crc(struct.pack(">BBHH", address, 4, 0, count))


def answer(count=12):
    return append_crc(bytes((1, 4, 2 * count)) + meter().read(4, 0, count))


@contextmanager
def opened(line):
    port = os.open(line.path, os.O_RDWR | os.O_NOCTTY)
    try:
        yield port
    finally:
        os.close(port)


def receive(port, size, patience_s=PATIENCE_S):
    """Up to `size` bytes, and when the last of them came."""
    received, at_s = b"", None
    while len(received) < size and select.select([port], [], [], patience_s)[0]:
        at_s = time.monotonic()
        received += os.read(port, size - len(received))
    return received, at_s


def ask(port, frame, size):
    os.write(port, frame)
    return receive(port, size)[0]


def wait_until(true):
    deadline_s = time.monotonic() + PATIENCE_S
    while not true() and time.monotonic() < deadline_s:
        time.sleep(0.001)


def open_files():
    return len(list(Path("/dev/fd").iterdir()))


def virtual_line(*meters, form=LINE, **what):
    return VirtualLine(form, meters or [meter()], **{"turnaround_s": TURNAROUND_S} | what)


def test_a_request_is_answered_and_recorded():
    before_s = time.monotonic()
    with virtual_line() as line, opened(line) as port:
        assert ask(port, request(), 29) == answer()
        (recorded,) = line.requests
        assert recorded.frame == request()
        assert before_s < recorded.time_s < time.monotonic()
        assert recorded.silence_kept
        assert recorded.answered
        assert line.counts == Counts(requests=1, answers=1)


def test_the_timing_is_that_of_a_line():
    form, turnaround_s = SerialFormat(19200, 8, "E", 1), 0.02
    late_s = []
    with virtual_line(form=form, turnaround_s=turnaround_s) as line, opened(line) as port:
        for count in (2, 12, 44, 70) * 5:
            time.sleep(2 * form.silence_s)
            os.write(port, request(count))
            _, at_s = receive(port, 5 + 2 * count)
            exchange_s = (8 + 5 + 2 * count) * form.character_s + form.silence_s + turnaround_s
            late_s.append(at_s - line.requests[-1].time_s - exchange_s)
    assert abs(statistics.median(late_s)) < 0.0005
    # It may wait for a busy machine, but it never hurries.
    assert min(late_s) > -0.0004


def test_silence_before_a_request_is_measured():
    form = SerialFormat(2400)
    with virtual_line(form=form) as line, opened(line) as port:
        ask(port, request(2), 9)
        ask(port, request(2), 9)
        time.sleep(2 * form.silence_s)
        ask(port, request(2), 9)
        assert [recorded.silence_kept for recorded in line.requests] == [True, False, True]
        assert line.counts.early == 1


def test_characters_come_one_by_one_if_asked_for():
    form = SerialFormat(1200)
    with virtual_line(form=form, delivery=Delivery(chunk_bytes=1)) as line, opened(line) as port:
        os.write(port, request(2))
        times = [receive(port, 1)[1] for _ in range(9)]
        steps = [after - before for before, after in pairwise(times)]
        assert statistics.median(steps) == pytest.approx(form.character_s, abs=0.001)


def test_faults_can_be_switched_while_it_runs():
    faulty = meter()
    with virtual_line(faulty) as line, opened(line) as port:
        line.faults = replace(line.faults, silent=True)
        os.write(port, request())
        assert receive(port, 29, 0.1)[0] == b""
        line.faults = NO_FAULTS
        faulty.faults = Faults(foreign_address=9)
        assert ask(port, request(), 29)[0] == 9
        faulty.faults = NO_FAULTS
        assert ask(port, request(), 29) == answer()
        line.faults = Faults(echo=True)
        assert ask(port, request(), 37) == request() + answer()


def test_a_late_answer_comes_when_nobody_waits_for_it_any_more():
    with virtual_line(faults=Faults(late_s=0.15)) as line, opened(line) as port:
        os.write(port, request())
        assert receive(port, 29, 0.1)[0] == b""
        assert receive(port, 29)[0] == answer()


def test_a_program_may_close_the_port_and_another_open_it():
    with virtual_line() as line:
        for _ in range(2):
            with opened(line) as port:
                assert ask(port, request(), 29) == answer()


def test_without_a_reader_characters_are_lost_and_the_line_lives_on():
    fast = SerialFormat(4_000_000)
    with virtual_line(form=fast, faults=Faults(echo=True)) as line, opened(line) as port:
        for number in range(1, 51):
            os.write(port, b"U" * 4000)
            wait_until(lambda number=number: line.counts.requests >= number)
        assert len(receive(port, 50 * 4000, 0.1)[0]) < 50 * 4000
        line.faults = NO_FAULTS
        assert ask(port, request(), 29) == answer()


def test_the_link_leads_to_the_port_and_goes_with_it(tmp_path):
    link = tmp_path / "meter"
    with virtual_line(link=link) as line:
        assert line.path == link
        with opened(line) as port:
            assert ask(port, request(), 29) == answer()
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_links_place_is_an_error_and_stays(tmp_path):
    link = tmp_path / "meter"
    link.write_text("precious")
    files = open_files()
    with pytest.raises(LinkError), virtual_line(link=link):
        pass
    assert link.read_text() == "precious"
    assert open_files() == files


def test_a_pulled_adapter_ends_reading_and_writing(tmp_path):
    link = tmp_path / "meter"
    with virtual_line(link=link) as line, opened(line) as port:
        line.unplug()
        assert not link.is_symlink()
        try:
            assert os.read(port, 1) == b""
        except OSError as error:
            assert error.errno == 5  # noqa: PT017  # Linux gives end of file, others EIO
        with pytest.raises(OSError, match="Input/output error"):
            os.write(port, request())


def test_an_adapter_that_is_plugged_in_again_has_another_number_and_the_same_link(tmp_path):
    link = tmp_path / "meter"
    with virtual_line(link=link) as line:
        first = link.resolve()
        with opened(line) as port:
            ask(port, request(), 29)
        line.unplug()
        line.plug()
        assert link.resolve() != first
        with opened(line) as port:
            assert ask(port, request(), 29) == answer()
        assert line.counts.requests == 2


def test_unplugging_loses_what_is_under_way():
    with virtual_line(turnaround_s=0.2) as line:
        with opened(line) as port:
            os.write(port, request())
            time.sleep(0.05)
        line.unplug()
        line.unplug()
        line.plug()
        line.plug()
        with opened(line) as port:
            assert receive(port, 29, 0.4)[0] == b""


def test_nothing_is_left_behind():
    files = open_files()
    with virtual_line() as line, opened(line) as port:
        ask(port, request(), 29)
    assert open_files() == files
    assert not [thread for thread in threading.enumerate() if thread.name == "virtual line"]


def test_a_line_that_waits_uses_no_processor_time():
    with virtual_line() as line, opened(line) as port:
        ask(port, request(), 29)
        before_s = time.process_time()
        time.sleep(0.3)
        assert time.process_time() - before_s < 0.01


@pytest.mark.parametrize("form", [SerialFormat(9600), SerialFormat(19200, 8, "E", 1), SerialFormat(2400, 8, "O", 2)])
def test_a_line_that_is_not_set_is_as_the_program_sets_the_port(form):
    others = [SerialFormat(rate, 8, parity, 1) for rate in (2400, 9600, 19200) for parity in "NEO"]
    with virtual_line(meter(format=form), form=None) as line:
        for set_to in (form, *others, form):
            port = open_port(str(line.path), set_to)
            os.set_blocking(port.fileno(), True)
            alike = (set_to.baudrate, set_to.parity) == (form.baudrate, form.parity)
            try:
                heard = ask_for(port.fileno(), request(), 29, patience_s=PATIENCE_S if alike else 0.1)
            finally:
                port.close()
            assert (heard == answer()) == alike, set_to


def ask_for(port, frame, size, patience_s):
    os.write(port, frame)
    return receive(port, size, patience_s)[0]
