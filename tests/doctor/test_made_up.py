"""What is said of evidence that no virtual line brings about."""

from dataclasses import replace

from smartmeter.doctor.diagnose import diagnose
from smartmeter.doctor.evidence import BusEvidence, Exchange, LineErrors, MeterEvidence, Piece, PortFacts, Trial
from smartmeter.modbus.crc import append_crc
from smartmeter.modbus.errors import PortGoneError
from smartmeter.modbus.frames import ReadRequest, explain_failure
from smartmeter.modbus.line import SerialFormat
from smartmeter.simulator import VirtualLine, VirtualMeter
from tests.doctor.lines import FAST, bus, look, meter_settings

SHORT, LONG = ReadRequest(1, 4, 0, 2), ReadRequest(1, 4, 0, 40)
OTHER = SerialFormat(9600, 8, "E", 1)


def answer(request):
    data = bytes(2 * request.count)
    return append_crc(bytes((request.unit, request.function, len(data))) + data)


def came(request, data, at_s=1.0):
    """The exchange in which this came back to a request."""
    whole = data == answer(request)
    error = None if whole else explain_failure(request, data)
    pieces = (Piece(at_s + 0.02, data),) if data else ()
    return Exchange(request, Piece(at_s, request.encode()), pieces, data[3:-2] if whole else None, error)


def evidence(*exchanges, trials=(), **more):
    of_meter = MeterEvidence(meter_settings(), exchanges, trials=trials)
    return BusEvidence(bus("/dev/ttyUSB0"), PortFacts(), (of_meter,), **more)


def test_what_is_never_an_answer_at_any_setting_is_garbled():
    nonsense = bytes.fromhex("f8 c0 03")
    tried = (Trial(OTHER, answered=False, received=nonsense),)
    (finding,) = diagnose(evidence(*[came(SHORT, nonsense)] * 3, trials=tried))
    assert finding.kind == "garbled"
    assert finding.evidence == (
        "3 of 3 (100 %) requests, such as f8 c0 03 f8 c0 03 f8 c0 03",
        "tried besides: 9600 8E1; they brought 3 bytes",
    )
    assert "whether A and B are swapped" in finding.advice


def test_where_only_long_answers_break_off_the_meter_s_supply_is_too_weak():
    (finding,) = diagnose(evidence(came(SHORT, answer(SHORT)), came(LONG, answer(LONG)[:40]), came(LONG, b"\1\4\x50")))
    assert (finding.kind, finding.what) == ("broken_off", "Long answers break off, short ones do not.")
    assert "40 of 85 bytes came" in finding.evidence
    assert "`registers_per_request = 2`" in finding.advice


def test_where_short_answers_break_off_as_well_it_is_not():
    (finding,) = diagnose(evidence(came(SHORT, answer(SHORT)[:4]), came(LONG, answer(LONG)), came(LONG, b"\1\4\x50")))
    assert (finding.kind, finding.what) == ("broken_off", "Answers break off.")
    assert "registers_per_request" not in finding.advice


def test_what_the_driver_counted_is_told_of_noise():
    damaged = bytearray(answer(SHORT))
    damaged[5] ^= 1
    errors = LineErrors(framing=3, parity=2, overrun=1, breaks=0)
    told = evidence(came(SHORT, answer(SHORT)), came(SHORT, bytes(damaged)), line_errors=errors)
    (finding,) = diagnose(told)
    assert finding.kind == "noise"
    assert finding.evidence[-1] == ("the driver counted 3 characters without a stop bit, 2 with wrong parity, 1 lost")


def test_a_port_that_has_gone_before_the_first_request_is_lost_and_not_missing():
    gone = evidence(port_error=PortGoneError("/dev/ttyUSB0: the port has gone away"))
    (finding, *_) = diagnose(replace(gone, meters=()))
    assert finding.kind == "port_lost"


def test_voltages_in_the_other_word_order_are_told():
    settings = meter_settings()
    turned = {id_: replace(register, order="little") for id_, register in settings.model.registers.items()}
    meter_with_turned_words = VirtualMeter(replace(settings.model, registers=turned), values={"voltage_l1": 231.5})
    with VirtualLine(FAST, [meter_with_turned_words], turnaround_s=0.002) as line:
        _, (finding,) = look(bus(line.path, settings))
    assert finding.kind == "wrong_model"
    assert finding.evidence[-1] == "with the words in the other order voltage_l1 would be 231.5 V"
    assert "word order" in finding.advice
