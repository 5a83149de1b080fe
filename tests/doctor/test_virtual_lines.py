"""One fault at a time on a virtual line: the doctor names it, and nothing else."""

import re
from dataclasses import replace

import pytest

from smartmeter.modbus.line import AsciiFormat, SerialFormat
from smartmeter.simulator import NO_FAULTS, Delivery, Faults, Quirks, VirtualLine, VirtualMeter
from smartmeter.simulator.frames import ASCII
from tests.doctor.lines import FAST, THOROUGH, bus, kinds, look, meter_settings, virtual_meter

SLOW = pytest.mark.slow
# What has to be waited for.
LASTING = {"nothing_there", "garbled", "noise", "late", "foreign"}
FAULTS = {
    "nothing_there": Faults(silent=True),
    "echo": Faults(echo=True),
    "noise": Faults(noise=0.4),
    "broken_off": Faults(cut_bytes=3),
    "late": Faults(late_s=0.2),
    "silent_at_times": Faults(silent=True, every=5),
    "refused": Faults(exception=2),
    "exception": Faults(exception=6, every=4),
    "gateway": Faults(exception=11, every=4),
    "foreign": Faults(foreign_address=9),
    "repeated": Faults(twice=True),
    "stray_bytes": Faults(stray_zeros=1),
    "garbled": Faults(garbage=bytes.fromhex("f8 c0 03")),
}


@pytest.mark.parametrize(
    "line",
    [FAST, SerialFormat(38400, 8, "E", 1), pytest.param(SerialFormat(9600, 8, "N", 1), marks=SLOW)],
    ids=str,
)
@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=SLOW), pytest.param(3, marks=SLOW)])
def test_a_healthy_line_has_nothing(line, seed):
    with VirtualLine(line, [virtual_meter(seed=seed)], turnaround_s=(0.001, 0.02), seed=seed) as virtual:
        evidence, findings = look(bus(virtual.path, line=line, timeout_s=0.5), THOROUGH)
        assert kinds(findings) == []
        assert len(evidence.meters[0].exchanges) >= THOROUGH.requests
        assert {request.frame[1] for request in virtual.requests} <= {3, 4}


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=[SLOW] if kind in LASTING else []) for kind in FAULTS])
def test_a_fault_of_the_line_is_named_and_no_other(kind):
    with VirtualLine(FAST, [virtual_meter()], turnaround_s=0.002, faults=FAULTS[kind]) as virtual:
        _, (finding, *others) = look(bus(virtual.path))
    assert (finding.kind, kinds(others)) == (kind, [])
    assert finding.evidence
    assert all(text.endswith(".") for text in (finding.what, finding.advice))


@SLOW
@pytest.mark.parametrize("kind", sorted(FAULTS.keys() - {"echo", "stray_bytes"}))
def test_a_fault_of_one_meter_is_not_laid_upon_the_other(kind):
    meters = [virtual_meter(1), virtual_meter(2, faults=FAULTS[kind])]
    with VirtualLine(FAST, meters, turnaround_s=0.002) as virtual:
        _, findings = look(bus(virtual.path, meter_settings(1), meter_settings(2)))
    assert kinds(findings) == [(kind, "meter2")]


@pytest.mark.parametrize("apart_s", [pytest.param(0.0, marks=SLOW), pytest.param(0.0002, marks=SLOW), 0.0006, 0.01])
@pytest.mark.parametrize("fine", [(), pytest.param((virtual_meter(7),), marks=SLOW)], ids=["alone", "with another"])
def test_two_meters_at_one_address(apart_s, fine):
    two = [
        virtual_meter(seed=number, quirks=Quirks(turnaround_s=0.002 + number * apart_s), serial_number=4711 + number)
        for number in (0, 1)
    ]
    others = [meter_settings(meter.address) for meter in fine]
    with VirtualLine(FAST, [*two, *fine]) as virtual:
        _, findings = look(bus(virtual.path, meter_settings(1), *others))
    assert kinds(findings) == [("two_meters", "meter1")]
    if apart_s == 0.01:
        assert "serial numbers 4711 and 4712 answer" in findings[0].evidence


@pytest.mark.parametrize(
    "theirs",
    [SerialFormat(19200, 8, "E"), *(pytest.param(SerialFormat(rate), marks=SLOW) for rate in (9600, 38400))],
    ids=str,
)
def test_a_meter_at_another_speed_or_parity(theirs):
    with VirtualLine(None, [virtual_meter(format=theirs)], turnaround_s=0.002) as virtual:
        _, (finding,) = look(bus(virtual.path))
    assert finding.kind == "wrong_format"
    assert finding.what == f"The meter is set to {theirs}, the line to {FAST}."
    assert f'`baudrate = {theirs.baudrate}`, `parity = "{theirs.parity}"`' in finding.advice


def test_a_meter_at_another_speed_than_the_others_is_to_follow_them():
    meters = [virtual_meter(1, format=FAST), virtual_meter(2, format=SerialFormat(9600))]
    with VirtualLine(None, meters, turnaround_s=0.002) as virtual:
        _, (finding,) = look(bus(virtual.path, meter_settings(1), meter_settings(2)))
    assert (finding.kind, finding.where) == ("wrong_format", "meter2")
    assert "Set this meter to 115200 8N1" in finding.advice


@SLOW
def test_another_address_is_nothing_there_beside_a_meter_that_answers():
    with VirtualLine(FAST, [virtual_meter(1)], turnaround_s=0.002) as virtual:
        _, (finding,) = look(bus(virtual.path, meter_settings(1), meter_settings(5)))
    assert (finding.kind, finding.where) == ("nothing_there", "meter5")
    assert "smartmeter scan" in finding.advice
    assert "A and B" not in finding.advice


@pytest.mark.parametrize("quirks", [Quirks(max_registers=20), Quirks(refuse_undefined=True)], ids=str)
def test_refused_blocks_that_cost_no_value_are_a_note(quirks):
    with VirtualLine(FAST, [virtual_meter(quirks=quirks)], turnaround_s=0.002) as virtual:
        evidence, (finding,) = look(bus(virtual.path))
    assert (finding.kind, finding.weight) == ("refused", "note")
    assert len(evidence.meters[0].values) == 68


def test_a_meter_whose_supply_is_too_weak_for_long_answers():
    with VirtualLine(FAST, [virtual_meter(faults=Faults(most_bytes=70))], turnaround_s=0.002) as virtual:
        _, (finding,) = look(bus(virtual.path))
    assert (finding.kind, finding.what) == ("broken_off", "Long answers break off, short ones do not.")
    told = re.search(r"`registers_per_request = (\d+)`", finding.advice)
    assert 1 < int(told[1]) <= 32


def test_a_measurand_that_the_meter_does_not_have():
    quirks = Quirks(refuse_undefined=True, absent=frozenset({"frequency"}))
    with VirtualLine(FAST, [virtual_meter(quirks=quirks)], turnaround_s=0.002) as virtual:
        _, (finding,) = look(bus(virtual.path))
    assert (finding.kind, finding.weight) == ("refused", "fault")
    assert finding.what == "The meter does not have frequency."


def test_a_meter_without_a_plausible_voltage():
    zero = {"voltage_l1": 0.0, "voltage_l2": 0.0, "voltage_l3": 0.0}
    with VirtualLine(FAST, [virtual_meter(values=zero)], turnaround_s=0.002) as virtual:
        _, (finding,) = look(bus(virtual.path))
    assert finding.kind == "wrong_model"


def test_voltages_in_the_other_word_order_are_told():
    settings = meter_settings()
    turned = {id_: replace(register, order="little") for id_, register in settings.model.registers.items()}
    meter_with_turned_words = VirtualMeter(replace(settings.model, registers=turned), values={"voltage_l1": 231.5})
    with VirtualLine(FAST, [meter_with_turned_words], turnaround_s=0.002) as line:
        _, (finding,) = look(bus(line.path, settings))
    assert finding.kind == "wrong_model"
    assert finding.evidence[-1] == "with the words in the other order voltage_l1 would be 231.5 V"
    assert "word order" in finding.advice


@pytest.mark.parametrize("line", [SerialFormat(19200, 8, "E"), pytest.param(FAST, marks=SLOW)], ids=str)
@pytest.mark.parametrize(
    "turnaround_s", [0.004, *(pytest.param(each, marks=SLOW) for each in (0.016, (0.002, 0.05)))], ids=str
)
def test_a_latency_timer_of_16_ms(line, turnaround_s):
    slow_adapter = Delivery(usb_latency_s=0.016)
    with VirtualLine(line, [virtual_meter()], turnaround_s=turnaround_s, delivery=slow_adapter) as virtual:
        _, (finding,) = look(bus(virtual.path, line=line, timeout_s=0.5), THOROUGH)
    assert finding.kind == "latency_timer"
    assert "for 16 ms" in finding.what


@SLOW
def test_answers_with_pauses_in_them():
    line = SerialFormat(9600)
    with VirtualLine(line, [virtual_meter()], turnaround_s=0.002, delivery=Delivery(usb_latency_s=0.07)) as virtual:
        _, findings = look(bus(virtual.path, line=line, timeout_s=0.5))
    assert [finding.kind for finding in findings] == ["pauses"]


@pytest.mark.parametrize(
    "kind", [None, "echo", *(pytest.param(kind, marks=SLOW) for kind in ("noise", "silent_at_times"))]
)
def test_a_line_with_ascii(kind):
    form, faults = AsciiFormat(115200, 7, "E", 1), FAULTS[kind] if kind else NO_FAULTS
    with VirtualLine(form, [virtual_meter()], turnaround_s=0.002, framing=ASCII, faults=faults) as virtual:
        evidence, findings = look(bus(f"ascii://{virtual.path}", line=form))
    assert [finding.kind for finding in findings] == ([kind] if kind else [])
    assert evidence.meters[0].has_answered
