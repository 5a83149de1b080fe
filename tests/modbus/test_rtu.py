"""The client against a virtual line with true timing and every fault that a line can have."""

import asyncio
import random
import struct
import time
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from smartmeter.modbus.errors import (
    AnswerError,
    DamagedAnswerError,
    ExceptionAnswerError,
    ForeignAnswerError,
    NoAnswerError,
    PortBusyError,
    PortError,
    ShortAnswerError,
)
from smartmeter.modbus.frames import ReadRequest, answer_length
from smartmeter.modbus.line import SerialFormat
from smartmeter.modbus.port import open_port
from smartmeter.modbus.rtu import LineCounters, RtuConnection
from smartmeter.modbus.trace import Direction
from smartmeter.models import load_model
from smartmeter.simulator import NO_FAULTS, Delivery, Faults, Quirks, VirtualLine, VirtualMeter

LINE = SerialFormat(38400, 8, "E", 1)
MODEL = load_model("SDM530")
VALUES = {measurand: float(register.address) for measurand, register in MODEL.registers.items()}
TIMEOUT_S = 0.1
FIRST = ReadRequest(1, 4, 0, 44)
THIRD = ReadRequest(1, 4, 200, 70)


def expected(request):
    """What a meter whose values are their own addresses answers; undefined registers hold 0."""
    defined = set(VALUES.values())
    addresses = range(request.address, request.address + request.count, 2)
    return b"".join(struct.pack(">f", address if address in defined else 0.0) for address in addresses)


def descriptors():
    return sorted(Path("/dev/fd").iterdir())


def virtual_line(**options):
    meter = VirtualMeter(MODEL, 1, values=VALUES, quirks=options.pop("quirks", None))
    return VirtualLine(LINE, [meter], turnaround_s=options.pop("turnaround_s", 0.002), **options)


@asynccontextmanager
async def connected(line, counters=None):
    connection = RtuConnection.open(str(line.path), LINE, TIMEOUT_S, counters or LineCounters())
    try:
        yield connection
    finally:
        connection.close()


@pytest.mark.parametrize(
    "delivery", [Delivery(), Delivery(chunk_bytes=1), Delivery(chunk_bytes=16), Delivery(usb_latency_s=0.016)]
)
async def test_reads_however_the_adapter_delivers(delivery):
    with virtual_line(delivery=delivery) as line:
        async with connected(line) as connection:
            for request in (FIRST, THIRD, FIRST):
                assert await connection.read(request) == expected(request)


async def test_keeps_the_silence_so_that_a_meter_that_insists_on_it_answers_every_request():
    with virtual_line(quirks=Quirks(needs_silence=True)) as line:
        counters = LineCounters()
        async with connected(line, counters) as connection:
            for _ in range(20):
                assert await connection.read(FIRST) == expected(FIRST)
        assert all(request.silence_kept for request in line.requests)
        assert counters.answers == counters.requests == 20


async def test_no_answer_takes_the_time_out_and_not_longer():
    with virtual_line(faults=Faults(silent=True)) as line:
        counters = LineCounters()
        async with connected(line, counters) as connection:
            started_s = time.monotonic()
            with pytest.raises(NoAnswerError):
                await connection.read(FIRST)
            assert TIMEOUT_S < time.monotonic() - started_s < TIMEOUT_S + 0.2
            line.faults = NO_FAULTS
            assert await connection.read(FIRST) == expected(FIRST)
        assert (counters.no_answer, counters.answers) == (1, 1)


@pytest.mark.parametrize(
    ("faults", "error", "counter"),
    [
        (Faults(cut_bytes=10), ShortAnswerError, "short"),
        (Faults(noise=1.0), DamagedAnswerError, "damaged"),
        (Faults(foreign_address=9), ForeignAnswerError, "foreign"),
        (Faults(exception=4), ExceptionAnswerError, "exceptions"),
    ],
)
async def test_what_is_wrong_is_told_apart_and_counted_and_the_next_request_is_good(faults, error, counter):
    with virtual_line() as line:
        counters = LineCounters()
        async with connected(line, counters) as connection:
            line.faults = faults
            with pytest.raises(error):
                await connection.read(THIRD)
            line.faults = NO_FAULTS
            assert await connection.read(THIRD) == expected(THIRD)
        assert getattr(counters, counter) == 1


@pytest.mark.parametrize("faults", [Faults(stray_zeros=2), Faults(echo=True), Faults(echo=True, stray_zeros=1)])
async def test_stray_bytes_and_echoes_before_an_answer_are_passed_over(faults):
    with virtual_line(faults=faults, turnaround_s=0.07) as line:
        counters = LineCounters()
        async with connected(line, counters) as connection:
            assert await connection.read(FIRST) == expected(FIRST)
            assert await connection.read(THIRD) == expected(THIRD)
        assert counters.stray_bytes > 0


async def test_a_late_answer_never_becomes_the_value_of_another_request():
    same_shape = [ReadRequest(1, 4, 0, 2), ReadRequest(1, 4, 2, 2), ReadRequest(1, 4, 70, 2)]
    with virtual_line() as line:
        counters = LineCounters()
        async with connected(line, counters) as connection:
            for late, following in zip(same_shape, same_shape[1:] + same_shape[:1], strict=True):
                line.faults = Faults(late_s=TIMEOUT_S * 1.5)
                with pytest.raises(NoAnswerError):
                    await connection.read(late)
                line.faults = NO_FAULTS
                assert await connection.read(following) == expected(following)
        assert (counters.late_answers, counters.late_bytes, counters.stray_bytes) == (3, 0, 0)


@pytest.mark.parametrize("delivery", [Delivery(), Delivery(usb_latency_s=0.016)])
async def test_a_late_answer_before_the_right_one_is_known_by_its_length_and_counted(delivery):
    with virtual_line(delivery=delivery, turnaround_s=0.06) as line:
        counters = LineCounters()
        async with connected(line, counters) as connection:
            for late, following in ((FIRST, THIRD), (THIRD, FIRST)):
                # It comes after the time-out, and is over when the next answer begins.
                line.faults = Faults(late_s=TIMEOUT_S)
                with suppress(AnswerError):
                    await connection.read(late)
                line.faults = NO_FAULTS
                assert await connection.read(following) == expected(following)
        assert counters.late_answers == counters.requests - counters.answers
        assert (counters.late_bytes, counters.stray_bytes) == (0, 0)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_whatever_is_late_no_value_is_anothers(seed):
    rng = random.Random(seed)
    requests = [ReadRequest(1, 4, 0, 4), ReadRequest(1, 4, 6, 4), ReadRequest(1, 4, 12, 6), ReadRequest(1, 4, 18, 2)]
    with virtual_line(turnaround_s=0.01) as line:
        counters = LineCounters()
        async with connected(line, counters) as connection:
            for _ in range(7):
                line.faults = rng.choice([NO_FAULTS, Faults(late_s=TIMEOUT_S * rng.choice([1.5, 1.8]))])
                request = rng.choice(requests)
                with suppress(AnswerError):
                    assert await connection.read(request) == expected(request)
            line.faults = NO_FAULTS
            await asyncio.sleep(2 * TIMEOUT_S)
            assert await connection.read(FIRST) == expected(FIRST)
        assert 0 < counters.late_answers <= counters.failures


async def test_noise_is_no_late_answer():
    with virtual_line() as line:
        counters = LineCounters()
        async with connected(line, counters) as connection:
            line.faults = Faults(late_s=TIMEOUT_S * 1.5, cut_bytes=3)
            with pytest.raises(NoAnswerError):
                await connection.read(FIRST)
            line.faults = NO_FAULTS
            await asyncio.sleep(TIMEOUT_S)
            assert await connection.read(THIRD) == expected(THIRD)
        assert (counters.late_answers, counters.late_bytes) == (0, answer_length(FIRST) - 3)


@pytest.mark.parametrize(
    ("delivery", "held_s"),
    [
        (Delivery(), 0),
        (Delivery(chunk_bytes=1), 0),
        (Delivery(chunk_bytes=16), 0),
        (Delivery(usb_latency_s=0.016), 0.016),
    ],
)
async def test_what_an_answer_took_is_the_turnaround_besides_characters_and_silence(delivery, held_s):
    with virtual_line(delivery=delivery, turnaround_s=0.03) as line:
        async with connected(line) as connection:
            for request in (FIRST, THIRD, FIRST, THIRD, FIRST):
                await connection.read(request)
                # No later than a busy machine may be; an adapter may hold it back as well.
                least_s = LINE.exchange_s(request.count, 0.03) - LINE.silence_s
                assert least_s - 0.001 <= connection.took_s <= least_s + held_s + 0.05


async def test_two_answers_to_a_repeated_request_are_not_mixed_up_with_the_next():
    first, second = ReadRequest(1, 4, 0, 2), ReadRequest(1, 4, 2, 2)
    with virtual_line() as line:
        async with connected(line) as connection:
            line.faults = Faults(late_s=TIMEOUT_S * 1.1)
            with pytest.raises(NoAnswerError):
                await connection.read(first)
            # The answer to the first attempt arrives for the second one; its own comes later still.
            assert await connection.read(first) == expected(first)
            line.faults = NO_FAULTS
            assert await connection.read(second) == expected(second)


async def test_a_port_that_is_pulled_out_is_told():
    with virtual_line() as line:
        async with connected(line) as connection:
            await connection.read(FIRST)
            line.unplug()
            with pytest.raises(PortError, match="the port"):
                await connection.read(FIRST)


async def test_a_port_that_is_pulled_out_while_an_answer_is_awaited_is_told():
    with virtual_line(faults=Faults(silent=True)) as line:
        async with connected(line) as connection:
            reading = asyncio.create_task(connection.read(FIRST))
            await asyncio.sleep(TIMEOUT_S / 2)
            await asyncio.to_thread(line.unplug)
            with pytest.raises(PortError):
                await reading


def test_a_missing_port_is_named_with_what_to_do(tmp_path):
    with pytest.raises(PortError, match=r"ttyUSB9: there is no such port; is the adapter plugged in\?"):
        open_port(str(tmp_path / "ttyUSB9"), LINE)


def test_what_is_no_serial_port_is_refused(tmp_path):
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(PortError, match="is not a serial port"):
        open_port(str(file), LINE)


def test_a_port_in_use_is_refused():
    with virtual_line() as line:
        port = open_port(str(line.path), LINE)
        try:
            with pytest.raises(PortBusyError, match="another process uses the port"):
                open_port(str(line.path), LINE)
        finally:
            port.close()


async def test_nothing_is_left_open():
    with virtual_line() as line:
        before = descriptors()
        async with connected(line) as connection:
            await connection.read(FIRST)
        assert descriptors() == before


async def test_what_comes_late_can_be_listened_for_and_the_time_out_set_anew():
    with virtual_line(faults=Faults(late_s=0.15)) as line:
        heard, counters = [], LineCounters()
        port = str(line.path)
        connection = RtuConnection.open(port, LINE, 0.02, counters, lambda way, _, data: heard.append((way, data)))
        try:
            with pytest.raises(NoAnswerError):
                await connection.read(FIRST)
            await connection.listen(0.3)
            late = b"".join(data for way, data in heard if way is Direction.RECEIVED)
            assert late[3:-2] == expected(FIRST)
            assert counters.late_bytes == len(late)
            connection.timeout_s = 0.5
            assert await connection.read(FIRST) == expected(FIRST)
        finally:
            connection.close()
