"""Findings about a meter that never gave a good answer, nor one that can be told."""

from collections.abc import Iterator

from smartmeter.doctor import answers
from smartmeter.doctor.evidence import BusEvidence, MeterEvidence
from smartmeter.doctor.figures import failure_of
from smartmeter.doctor.finding import Finding
from smartmeter.doctor.words import as_hex, share
from smartmeter.modbus.line import SerialFormat


def silent_findings(evidence: BusEvidence, meter: MeterEvidence) -> Iterator[Finding]:
    """Why nothing intelligible comes: wrong settings of the line, or nothing there."""
    name, line = meter.meter.name, evidence.line
    others = any(each.has_answered for each in evidence.meters if each is not meter)
    fitting = next((trial for trial in meter.trials if trial.answered), None)
    came = b"".join(exchange.received for exchange in meter.exchanges if exchange.answer)
    if fitting is not None:
        yield _wrong_format(evidence, meter, fitting.format, others_answer=others)
    elif came:
        struck = answers.damaged(meter)
        yield Finding(
            "garbled",
            name,
            "Something comes when the meter is asked, but never an answer.",
            (f"{share(len(struck), len(meter.exchanges))} requests, such as {as_hex(came)}", _tried(meter)),
            "Look up speed and parity at the meter's display, and whether A and B are swapped: both make nonsense of "
            "answers.",
        )
    else:
        requests = len(meter.exchanges)
        shown = [f"{requests} requests at address {meter.meter.address} and not a byte came back"]
        if isinstance(line, SerialFormat):
            shown.append(_tried(meter))
        yield Finding(
            "nothing_there",
            name,
            _nothing(meter, others_answer=others),
            tuple(shown),
            _look(line, others_answer=others),
        )


def is_unintelligible(meter: MeterEvidence) -> bool:
    """Whether there was neither a good answer nor a failure that says something of itself."""
    failures = {failure_of(exchange) for exchange in meter.exchanges}
    late = any(exchange.answer for exchange in meter.exchanges if failure_of(exchange) == "no_answer")
    return not meter.has_answered and failures <= {"no_answer", "damaged"} and not late


def _wrong_format(
    evidence: BusEvidence, meter: MeterEvidence, fitting: SerialFormat, *, others_answer: bool
) -> Finding:
    advice = f"Set {_settings_lines(fitting)} under [[bus]] in the settings."
    if others_answer:
        advice = (
            f"Set this meter to {evidence.line}, as the others on this line are, at its display or by `smartmeter set`."
        )
    return Finding(
        "wrong_format",
        meter.meter.name,
        f"The meter is set to {fitting}, the line to {evidence.line}.",
        (f"no answer at {evidence.line}, an answer at {fitting}", _tried(meter)),
        advice,
    )


def _settings_lines(line: SerialFormat) -> str:
    return f'`baudrate = {line.baudrate}`, `parity = "{line.parity}"` and `stopbits = {line.stopbits}`'


def _tried(meter: MeterEvidence) -> str:
    if not meter.trials:
        return "no other settings of the line were tried"
    tried = ", ".join(str(trial.format) for trial in meter.trials)
    brought = sum(len(trial.received) for trial in meter.trials)
    return f"tried besides: {tried}; they brought {brought} bytes"


def _nothing(meter: MeterEvidence, *, others_answer: bool) -> str:
    if others_answer:
        return f"Nothing answers at address {meter.meter.address}, while other meters on the line do."
    return f"Nothing answers at address {meter.meter.address}, at none of the usual settings."


def _look(line: object, *, others_answer: bool) -> str:
    if others_answer:
        return "Check the meter's supply and its address: `smartmeter scan` lists all addresses that answer."
    if not isinstance(line, SerialFormat):
        return (
            "Check the address, and that the gateway speaks this protocol: `tcp://` and `rtu+tcp://` are not the same."
        )
    return (
        "Check the meter's supply, swap A and B, which looks the same from here, and its address: `smartmeter scan` "
        "lists all that answer."
    )
