"""The loop of a meter over virtual lines, in real but short time."""

import asyncio
import itertools
import time
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from smartmeter.clock import system_clock
from smartmeter.modbus.line import SerialFormat
from smartmeter.models import load_model
from smartmeter.polling import bus as bus_module
from smartmeter.polling import poller as poller_module
from smartmeter.polling.bus import Bus
from smartmeter.polling.fast import FastInterval
from smartmeter.polling.known import KnownMeter
from smartmeter.polling.learned import Learned
from smartmeter.polling.poller import MeterPoller
from smartmeter.settings.model import BusSettings, FastSettings, MeterSettings
from smartmeter.simulator import NO_FAULTS, Faults, Quirks, VirtualLine, VirtualMeter

LINE = SerialFormat(115200, 8, "N", 1)
MODEL = load_model("SDM530")
INTERVAL_US = 100_000
FEW = ("voltage_l1", "voltage_l2", "frequency")


def meter_settings(name="house", address=1, interval_us=INTERVAL_US, measurands=FEW):
    return MeterSettings(name, MODEL, address, dict.fromkeys(measurands, interval_us))


@asynccontextmanager
async def polling(path, *meters, clock=None, timeout_s=0.03, known=()):
    """The meters, polled; gives the pollers by name, all readings, and the fast interval."""
    bus = Bus(BusSettings("test", str(path), LINE, timeout_s, meters))
    fast = FastInterval(FastSettings(50_000, 0.3))
    readings = []
    pollers = {
        meter.name: MeterPoller(meter, bus, fast, clock or system_clock(), readings.append, known) for meter in meters
    }
    tasks = [asyncio.create_task(poller.run()) for poller in pollers.values()]
    try:
        yield pollers, readings, fast
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        bus.close()


async def until(condition, within_s=10.0):
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - the program knows nothing of tests
            await asyncio.sleep(0.005)


def asked(line, address):
    """How often the meter at this address was asked."""
    return sum(request.frame[0] == address for request in line.requests)


async def test_everything_at_once_and_then_on_the_grid():
    meter = MeterSettings(
        "house", MODEL, 1, {"voltage_l1": 200_000, "voltage_l2": 400_000, "frequency": 999_999_000_000}
    )
    with VirtualLine(LINE, [VirtualMeter(MODEL)], turnaround_s=0.001) as line:
        async with polling(line.path, meter) as (pollers, readings, _):
            started_us = time.time_ns() // 1000
            await until(lambda: len(readings) >= 6)
    first, *rest = readings
    assert first.values.keys() == meter.intervals_us.keys()
    assert abs(first.time_us - started_us) < 500_000
    assert [r.time_us % 200_000 for r in rest] == [0] * len(rest)
    assert [b.time_us - a.time_us for a, b in itertools.pairwise(rest)] == [200_000] * (len(rest) - 1)
    for reading in rest:
        assert ("voltage_l2" in reading.values) == (reading.time_us % 400_000 == 0)
        assert "frequency" not in reading.values
    assert all(a.monotonic_us < b.monotonic_us for a, b in itertools.pairwise(readings))
    assert pollers["house"].state.readings == len(readings)


async def test_a_round_that_would_start_late_is_skipped_and_counted():
    with VirtualLine(LINE, [VirtualMeter(MODEL)], turnaround_s=0.13) as line:
        async with polling(line.path, meter_settings(measurands=FEW[:1]), timeout_s=0.5) as (pollers, readings, _):
            await until(lambda: len(readings) >= 4)
            skipped = pollers["house"].state.skipped
    stamps = [reading.time_us for reading in readings[1:]]
    assert all(stamp % INTERVAL_US == 0 for stamp in stamps)
    assert [b - a for a, b in itertools.pairwise(stamps)] == [2 * INTERVAL_US] * (len(stamps) - 1)
    assert skipped >= len(stamps) - 1


async def test_a_silent_meter_is_asked_less_and_does_not_slow_the_others(monkeypatch):
    monkeypatch.setattr(poller_module, "FIRST_PROBE_S", 0.05)
    monkeypatch.setattr(poller_module, "LAST_PROBE_S", 0.2)
    dead = VirtualMeter(MODEL, 2, faults=Faults(silent=True))
    with VirtualLine(LINE, [VirtualMeter(MODEL, 1), dead], turnaround_s=0.001) as line:
        alive_settings, dead_settings = meter_settings(), meter_settings("dead", 2)
        async with polling(line.path, alive_settings, dead_settings) as (pollers, readings, _):
            await until(lambda: pollers["dead"].state.silent_since_us is not None)
            asked_before = asked(line, 2)
            count_before = len(readings)
            await asyncio.sleep(1.0)
            alive = [reading for reading in readings[count_before:] if reading.meter == "house"]
            asked_dead = asked(line, 2) - asked_before
            assert len(alive) >= 9
            assert 2 <= asked_dead <= 8
            dead.faults = NO_FAULTS
            await until(lambda: any(reading.meter == "dead" for reading in readings), within_s=2)
            assert pollers["dead"].state.silent_since_us is None
            first = next(reading for reading in readings if reading.meter == "dead")
            assert first.values.keys() == dead_settings.intervals_us.keys()


async def test_an_adapter_that_is_pulled_out_and_put_back_is_reopened(tmp_path, monkeypatch):
    monkeypatch.setattr(bus_module, "REOPEN_S", 0.05)
    link = tmp_path / "by-id"
    with VirtualLine(LINE, [VirtualMeter(MODEL)], link=link, turnaround_s=0.001) as line:
        async with polling(link, meter_settings()) as (_, readings, _fast):
            await until(lambda: len(readings) >= 2)
            number = link.resolve()
            await asyncio.to_thread(line.unplug)
            await asyncio.sleep(0.2)
            count = len(readings)
            await asyncio.to_thread(line.plug)
            assert link.resolve() != number
            await until(lambda: len(readings) >= count + 2)


async def test_waits_for_a_port_that_is_not_there_yet(tmp_path, monkeypatch):
    monkeypatch.setattr(bus_module, "REOPEN_S", 0.05)
    link = tmp_path / "by-id"
    async with polling(link, meter_settings()) as (_, readings, _fast):
        await asyncio.sleep(0.1)
        with VirtualLine(LINE, [VirtualMeter(MODEL)], link=link, turnaround_s=0.001):
            await until(lambda: readings)


async def test_the_fast_interval_shortens_for_its_time_and_starts_anew():
    with VirtualLine(LINE, [VirtualMeter(MODEL)], turnaround_s=0.001) as line:
        async with polling(line.path, meter_settings(interval_us=999_999_000_000)) as (pollers, readings, fast):
            await until(lambda: readings)
            await asyncio.sleep(0.2)
            fast.start()
            await until(lambda: len(readings) >= 2)
            assert pollers["house"].state.skipped == 0, "what was not due before is not skipped"
            started_s = time.monotonic()
            await asyncio.sleep(0.2)
            fast.start()
            await until(lambda: not fast.active)
            assert 0.45 < time.monotonic() - started_s < 0.9
            await asyncio.sleep(0.1)
            during = readings[1:]
            await asyncio.sleep(0.2)
            assert len(readings) == len(during) + 1
    assert 5 <= len(during) <= 11
    assert all(reading.time_us % 50_000 == 0 for reading in during)
    assert all(reading.values.keys() == set(FEW) for reading in during)


@pytest.mark.parametrize("jump_s", [3600.0, -3600.0])
async def test_a_clock_that_is_set_shifts_the_grid_and_nothing_else(jump_s, caplog):
    offset_us = 0
    real = system_clock()
    clock = replace(real, wall_us=lambda: real.wall_us() + offset_us)
    with VirtualLine(LINE, [VirtualMeter(MODEL)], turnaround_s=0.001) as line:
        async with polling(line.path, meter_settings(), clock=clock) as (pollers, readings, _):
            await until(lambda: len(readings) >= 3)
            before = readings[-1]
            offset_us = round(jump_s * 1_000_000) + 37_000
            count = len(readings)
            await until(lambda: len(readings) >= count + 4)
            after = readings[-1]
            assert pollers["house"].state.skipped == 0
    assert after.time_us % INTERVAL_US == 0
    shift_us = (after.time_us - before.time_us) - (after.monotonic_us - before.monotonic_us)
    assert abs(shift_us - jump_s * 1_000_000) < 2 * INTERVAL_US
    assert "The clock was set by" in caplog.text


async def test_meters_of_one_line_interleave_so_that_a_long_round_does_not_skip_short_ones():
    everything = meter_settings("slow", 2, interval_us=2_000_000, measurands=tuple(MODEL.registers))
    meters = [VirtualMeter(MODEL, 1), VirtualMeter(MODEL, 2)]
    with VirtualLine(SerialFormat(115200), meters, turnaround_s=0.1) as line:
        quick = meter_settings("quick", 1, interval_us=500_000, measurands=FEW[:1])
        async with polling(line.path, quick, everything, timeout_s=0.5) as (pollers, readings, _):
            await until(lambda: sum(reading.meter == "slow" for reading in readings) >= 3)
            stamps = [reading.time_us for reading in readings if reading.meter == "quick"]
            assert pollers["quick"].state.skipped == 0
    assert all(b - a == 500_000 for a, b in itertools.pairwise(stamps[1:]))


async def test_what_a_meter_refuses_is_told_once_although_it_is_tried_again(monkeypatch, caplog):
    monkeypatch.setattr(poller_module, "ABSENT_AGAIN_US", 150_000)
    meter = VirtualMeter(MODEL, quirks=Quirks(absent=frozenset({"frequency"}), refuse_undefined=True))
    with VirtualLine(LINE, [meter], turnaround_s=0.001) as line:
        async with polling(line.path, meter_settings()) as (pollers, readings, _):
            await until(lambda: len(readings) >= 2)
            refused = pollers["house"].state.failures["ExceptionAnswerError"]
            await until(lambda: pollers["house"].state.failures["ExceptionAnswerError"] >= refused + 3)
            assert all(reading.values.keys() == {"voltage_l1", "voltage_l2"} for reading in readings)
    assert caplog.text.count("it does not have frequency") == 1


async def test_the_fast_interval_takes_another_length_while_it_holds():
    with VirtualLine(LINE, [VirtualMeter(MODEL)], turnaround_s=0.001) as line:
        async with polling(line.path, meter_settings(interval_us=999_999_000_000)) as (pollers, readings, fast):
            await until(lambda: readings)
            fast.start(250_000, 30)
            await until(lambda: len(readings) >= 2)
            fast.start(50_000, 0.3)
            await until(lambda: not fast.active)
            assert pollers["house"].state.skipped == 0
    assert len(readings) >= 5
    assert all(reading.time_us % 50_000 == 0 for reading in readings[1:])


def known(serial_number, learned, met_us=1):
    return KnownMeter("test", 1, serial_number, MODEL.name, learned, 5, met_us)


LEARNED = Learned(longest=44, turnaround_s=0.001)


async def test_what_is_known_of_a_meter_is_taken_up_by_its_serial_number():
    entries = [known("4711", LEARNED, met_us=2), known("4712", replace(LEARNED, longest=10), met_us=1)]
    with VirtualLine(LINE, [VirtualMeter(MODEL, serial_number=4711)], turnaround_s=0.001) as line:
        async with polling(line.path, meter_settings(), known=entries) as (pollers, readings, _):
            await until(lambda: readings)
            one = pollers["house"].known
    assert (one.serial_number, one.since_us, one.bus, one.address, one.model) == ("4711", 5, "test", 1, "SDM530")
    assert one.learned.longest == 44
    assert one.met_us > 2


async def test_of_another_meter_nothing_is_taken_up_and_the_exchange_is_told(caplog):
    with VirtualLine(LINE, [VirtualMeter(MODEL, serial_number=4712)], turnaround_s=0.001) as line:
        async with polling(line.path, meter_settings(), known=[known("4711", LEARNED)]) as (pollers, readings, _):
            await until(lambda: readings)
            one = pollers["house"].known
    assert (one.serial_number, one.learned.longest) == ("4712", 72)
    assert "Meter house was exchanged: its serial number is 4712, it was 4711." in caplog.text
    assert "smartmeter meter replaced house" in caplog.text


async def test_a_meter_that_is_exchanged_while_it_is_read_is_noticed_and_the_old_one_known_again(monkeypatch, caplog):
    monkeypatch.setattr(poller_module, "FIRST_PROBE_S", 0.05)
    first, second = (VirtualMeter(MODEL, serial_number=number) for number in (4711, 4712))
    # The one that is not in its place.
    second.faults = Faults(silent=True)
    with VirtualLine(LINE, [first, second], turnaround_s=0.001) as line:
        async with polling(line.path, meter_settings(), known=[known("4711", LEARNED)]) as (pollers, readings, _):
            state = pollers["house"].state
            for gone, there, longest in ((first, second, 72), (second, first, 44)):
                await until(lambda: readings)
                gone.faults = Faults(silent=True)
                await until(lambda: state.silent_since_us is not None)
                readings.clear()
                there.faults = NO_FAULTS
                await until(lambda: readings)
                assert state.serial_number == str(there.serial_number)
                assert state.learned.longest == longest
    assert caplog.text.count("Meter house was exchanged") == 2


async def test_a_meter_that_tells_no_serial_number_is_known_by_its_place():
    mute = VirtualMeter(MODEL, quirks=Quirks(absent=frozenset({"serial_number"}), refuse_undefined=True))
    with VirtualLine(LINE, [mute], turnaround_s=0.001) as line:
        async with polling(line.path, meter_settings(), known=[known("", LEARNED)]) as (pollers, readings, _):
            await until(lambda: readings)
            one = pollers["house"].known
    assert (one.serial_number, one.learned.longest, one.since_us) == ("", 44, 5)


async def test_the_turnaround_is_measured_and_the_next_plan_uses_it():
    with VirtualLine(LINE, [VirtualMeter(MODEL)], turnaround_s=0.03) as line:
        async with polling(line.path, meter_settings(), timeout_s=0.2) as (pollers, _readings, _fast):
            await until(lambda: pollers["house"].state.learned.turnaround_s is not None)
            # A busy machine adds to it.
            assert 0.029 <= pollers["house"].state.learned.turnaround_s < 0.06


async def test_noise_and_a_dead_meter_do_not_disturb_what_is_measured(monkeypatch):
    monkeypatch.setattr(poller_module, "FIRST_PROBE_S", 0.05)
    noisy = VirtualMeter(MODEL, 1, faults=Faults(noise=1, every=3))
    dead = VirtualMeter(MODEL, 2, faults=Faults(silent=True))
    with VirtualLine(LINE, [noisy, dead], turnaround_s=0.01) as line:
        async with polling(line.path, meter_settings(), meter_settings("dead", 2), timeout_s=0.1) as (pollers, *_):
            await until(lambda: pollers["house"].state.learned.turnaround_s is not None)
            assert 0.009 <= pollers["house"].state.learned.turnaround_s < 0.03
            assert pollers["dead"].state.learned.turnaround_s is None
            assert pollers["dead"].known is None


async def test_what_is_forgotten_is_learned_anew():
    with VirtualLine(LINE, [VirtualMeter(MODEL, serial_number=4711)], turnaround_s=0.001) as line:
        async with polling(line.path, meter_settings(), known=[known("4711", LEARNED)]) as (pollers, readings, _):
            await until(lambda: len(readings) >= 2)
            pollers["house"].forget()
            assert pollers["house"].known is None
            await until(lambda: pollers["house"].known)
            assert pollers["house"].known.learned.longest == 72
            assert pollers["house"].known.since_us > 5
