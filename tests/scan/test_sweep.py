"""Who answers, heard on a virtual line with true timing: in time, late, garbled, by exceptions, through an echo."""

import pytest

from smartmeter.modbus.errors import PortBusyError, PortError
from smartmeter.modbus.line import AsciiFormat, SerialFormat
from smartmeter.modbus.ports import AsciiPort, SerialPort
from smartmeter.models import load_model
from smartmeter.scan import sweep
from smartmeter.scan.open_line import OpenLine
from smartmeter.scan.sweep import Heard, NoisyLineError, Sign, who_answers
from smartmeter.simulator import Delivery, Faults, Quirks, VirtualLine, VirtualMeter
from smartmeter.simulator.frames import ASCII

LINE = SerialFormat(38400)
MODEL = load_model("SDM230")
TIMEOUT_S = 0.03


def meter(address, **options):
    return VirtualMeter(MODEL, address, **options)


async def heard_on(line, addresses=range(1, 9), timeout_s=TIMEOUT_S):
    heard = await who_answers(SerialPort(str(line.path)), LINE, list(addresses), timeout_s)
    assert {request.frame[1] for request in line.requests} <= {3, 4}
    return {each.address: each for each in heard}


def answering(*addresses):
    return {address: Heard(address, Sign.ANSWERS) for address in addresses}


async def test_those_who_answer_are_found_and_no_others():
    with VirtualLine(LINE, [meter(2), meter(7)], turnaround_s=0.005) as line:
        assert await heard_on(line) == answering(2, 7)
        assert [request.frame[0] for request in line.requests] == list(range(1, 9))
        assert all(request.silence_kept for request in line.requests)


async def test_a_silent_line_is_asked_once_for_each_address():
    with VirtualLine(LINE, [meter(9)]) as line:
        assert await heard_on(line) == {}
        assert line.counts.requests == 8


async def test_an_exception_is_a_sign_of_life():
    with VirtualLine(LINE, [meter(3)], faults=Faults(exception=2), turnaround_s=0.005) as line:
        assert await heard_on(line) == answering(3)


@pytest.mark.parametrize("late_s", [0.035, 0.05, 0.1, 0.2, 0.4])
async def test_a_late_answer_counts_for_the_meter_that_gave_it(late_s):
    with VirtualLine(LINE, [meter(3, faults=Faults(late_s=late_s))], turnaround_s=0.005) as line:
        assert await heard_on(line) == answering(3)


@pytest.mark.parametrize("late_s", [0.1, 0.4])
async def test_the_last_address_may_be_late_too(late_s):
    with VirtualLine(LINE, [meter(8, faults=Faults(late_s=late_s))], turnaround_s=0.005) as line:
        assert await heard_on(line) == answering(8)


async def test_a_late_exception_counts_as_well():
    faults = Faults(late_s=0.1, exception=2)
    with VirtualLine(LINE, [meter(3, faults=faults)], turnaround_s=0.005) as line:
        assert await heard_on(line) == answering(3)


@pytest.mark.parametrize("seed", range(4))
async def test_late_answers_among_others_are_all_found(seed):
    late = [meter(address, quirks=Quirks(turnaround_s=(0.02, 0.15))) for address in (2, 3, 4, 6)]
    with VirtualLine(LINE, late, seed=seed) as line:
        assert (await heard_on(line)).keys() == {2, 3, 4, 6}


async def test_two_meters_with_one_address_are_told():
    two = [meter(4, seed=1), VirtualMeter(load_model("SDM630"), 4)]
    with VirtualLine(LINE, two, turnaround_s=0.005) as line:
        assert await heard_on(line, range(4, 6)) == {4: Heard(4, Sign.GARBLED)}


async def test_two_meters_with_one_address_that_do_not_meet_are_told():
    two = [meter(4, quirks=Quirks(turnaround_s=0.005)), meter(4, quirks=Quirks(turnaround_s=0.020))]
    with VirtualLine(LINE, two) as line:
        assert await heard_on(line) == {4: Heard(4, Sign.ANSWERS, at_times=True)}


async def test_an_answer_that_is_damaged_once_does_no_harm():
    with VirtualLine(LINE, [meter(4, faults=Faults(cut_bytes=2, every=100))], turnaround_s=0.005) as line:
        assert await heard_on(line, range(4, 6)) == answering(4)


async def test_an_answer_with_another_address_again_and_again_is_garbled():
    with VirtualLine(LINE, [meter(4, faults=Faults(foreign_address=200))], turnaround_s=0.005) as line:
        assert await heard_on(line, range(4, 6)) == {4: Heard(4, Sign.GARBLED)}


async def test_an_adapter_that_hears_itself_is_no_meter():
    with VirtualLine(LINE, [meter(5)], faults=Faults(echo=True), turnaround_s=0.005) as line:
        assert await heard_on(line) == answering(5)


async def test_adapters_may_deliver_as_they_like():
    with VirtualLine(LINE, [meter(5)], delivery=Delivery(usb_latency_s=0.016), turnaround_s=0.005) as line:
        assert await heard_on(line) == answering(5)


async def test_ascii():
    line_format = AsciiFormat(38400)
    with VirtualLine(line_format, [meter(3, faults=Faults(late_s=0.1)), meter(5)], framing=ASCII) as line:
        heard = await who_answers(AsciiPort(str(line.path)), line_format, range(1, 7), 0.05)
        assert heard == (Heard(3, Sign.ANSWERS), Heard(5, Sign.ANSWERS))


async def test_a_port_that_is_used_says_what_to_do():
    with VirtualLine(LINE, [meter(1)]) as line:
        port = SerialPort(str(line.path))
        opened = await OpenLine.open(port, LINE)
        with pytest.raises(PortBusyError, match="systemctl stop smartmeter"):
            await OpenLine.open(port, LINE)
        opened.close()


async def test_a_port_that_is_not_there_is_an_error():
    with pytest.raises(PortError, match="there is no such port"):
        await who_answers(SerialPort("/dev/ttyUSB99"), LINE, [1], TIMEOUT_S)


async def test_a_line_that_is_never_quiet_is_an_error(monkeypatch):
    monkeypatch.setattr(sweep, "MOST_GARBLED", 1)
    monkeypatch.setattr(sweep, "PATIENT_S", 0.1)
    both = [meter(4), meter(5)]
    with (
        VirtualLine(LINE, both, faults=Faults(foreign_address=200), turnaround_s=0.005) as line,
        pytest.raises(NoisyLineError, match="another program or device"),
    ):
        await heard_on(line, range(4, 6))
