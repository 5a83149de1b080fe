"""What is said of evidence that a virtual line brings about slowly, or not at all."""

from dataclasses import replace

from smartmeter.doctor.diagnose import diagnose
from smartmeter.doctor.evidence import BusEvidence, Exchange, LineErrors, MeterEvidence, Piece, PortFacts, Trial
from smartmeter.modbus.crc import append_crc
from smartmeter.modbus.errors import PortGoneError
from smartmeter.modbus.frames import ReadRequest, explain_failure
from smartmeter.modbus.line import SerialFormat
from tests.doctor.lines import bus, meter_settings

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
