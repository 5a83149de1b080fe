"""Findings about a meter that answers, well or badly."""

from collections.abc import Iterator
from itertools import pairwise

from smartmeter.doctor import answers
from smartmeter.doctor.evidence import BusEvidence, Exchange, MeterEvidence
from smartmeter.doctor.figures import failure_of, figures, first_byte_s
from smartmeter.doctor.finding import Finding
from smartmeter.doctor.of_values import value_findings
from smartmeter.doctor.words import as_hex, moments, share
from smartmeter.modbus.errors import ExceptionAnswerError
from smartmeter.modbus.frames import answer_length
from smartmeter.polling.learned import block_rules

# On a line that is otherwise good so few of the answers are damaged.
FINE_SHARE = 0.25
FEWEST_LATE = 2


def two_meters(evidence: BusEvidence, meter: MeterEvidence) -> Iterator[Finding]:
    """Whether two meters have this address."""
    shown = []
    both = answers.contradicting(meter)
    numbers = answers.serial_numbers(meter)
    if len(numbers) > 1:
        shown.append(f"serial numbers {' and '.join(str(number) for number in sorted(numbers))} answer")
    if len(both) > 1:
        shown.append(
            f"{share(len(both), len(meter.exchanges))} requests got two different answers, such as "
            + " and ".join(as_hex(data) for data in dict.fromkeys(answers.whole_answers(both[0])))
        )
    others = [each for each in evidence.meters if each is not meter]
    others_fine = not others or any(answers.damaged_share(each) < FINE_SHARE and each.has_answered for each in others)
    if answers.look_like_two(meter) and others_fine:
        struck = answers.damaged(meter)
        shown.append(
            f"{share(len(struck), len(meter.exchanges))} answers are damaged beyond what noise does, such as "
            f"{_example(struck[0])}"
        )
    if shown:
        yield Finding(
            "two_meters",
            meter.meter.name,
            f"Two meters answer at address {meter.meter.address} at once.",
            tuple(shown),
            "Take one of the two off the line, give it another address (at its display or by `smartmeter set`), and "
            "look again.",
        )


def answering_findings(evidence: BusEvidence, meter: MeterEvidence) -> Iterator[Finding]:
    """What else is wrong with answers that came, from where they are one meter's."""
    yield from _noise(evidence, meter)
    yield from _broken_off(meter)
    yield from _pauses(meter)
    yield from _late(evidence, meter)
    yield from _silent_at_times(evidence, meter)
    yield from _refused(meter)
    yield from _exceptions(meter)
    yield from _gateway(meter)
    yield from _foreign(meter)
    yield from _repeated(meter)
    yield from value_findings(meter)


def _failed(meter: MeterEvidence, kind: str) -> list[Exchange]:
    return [exchange for exchange in meter.exchanges if failure_of(exchange) == kind]


def _example(exchange: Exchange) -> str:
    return f"{as_hex(exchange.received)} in answer to {as_hex(exchange.sent.data)}"


def _noise(evidence: BusEvidence, meter: MeterEvidence) -> Iterator[Finding]:
    struck = answers.damaged(meter)
    if not struck:
        return
    bits = answers.wrong_bits_of(struck)
    when = moments((exchange.sent.at_s for exchange in struck), evidence.began_s)
    few = sum(each is not None for each in bits)
    shown = [
        f"{share(len(struck), len(meter.exchanges))} answers have a wrong checksum, {when}",
        f"of the short ones {few} of {len(bits)} have one or two wrong bits",
        f"such as {_example(struck[0])}",
    ]
    if len(evidence.meters) > 1:
        others = sum(bool(answers.damaged(each)) for each in evidence.meters if each is not meter)
        shown.append(f"other meters on the line that it strikes too: {others} of {len(evidence.meters) - 1}")
    errors = evidence.line_errors
    if errors is not None:
        shown.append(
            f"the driver counted {errors.framing} characters without a stop bit, {errors.parity} with wrong parity, "
            f"{errors.overrun} lost"
        )
    yield Finding(
        "noise",
        meter.meter.name,
        "Noise damages answers on the line.",
        tuple(shown),
        "Use a twisted pair with a common ground, lay it apart from power cables, put 120 ohms at both ends and "
        "nowhere else; a lower speed helps too.",
    )


def _broken_off(meter: MeterEvidence) -> Iterator[Finding]:
    broken = [exchange for exchange in _failed(meter, "short") if not answers.whole_answers(exchange)]
    if not broken:
        return
    shortest = min(exchange.request.count for exchange in broken)
    whole = [each.request.count for each in meter.exchanges if each.data is not None and each.request.count < shortest]
    example = broken[0]
    shown = [
        f"{share(len(broken), len(meter.exchanges))} answers broke off, such as {_example(example)}",
        f"{len(example.received)} of {answer_length(example.request)} bytes came",
    ]
    what = "Answers break off."
    advice = "Characters get lost: try another adapter or USB socket; on a Pi 1 to 3 `dwc_otg.speed=1` may help."
    if whole:
        shown.append(f"with up to {max(whole)} registers they are whole")
        what = "Long answers break off, short ones do not."
        advice = (
            "The meter's supply is too weak for long answers (known of the SDM72): take the termination off, or give "
            f"it a model of your own with `registers_per_request = {max(whole)}`, see docs/adding_a_meter.md."
        )
    yield Finding("broken_off", meter.meter.name, what, tuple(shown), advice)


def _pauses(meter: MeterEvidence) -> Iterator[Finding]:
    paused = [exchange for exchange in _failed(meter, "short") if answers.whole_answers(exchange)]
    # A single one may be this machine's own doing.
    if len(paused) < FEWEST_LATE:
        return
    moments_s = [piece.at_s for piece in paused[0].pieces]
    pause_s = max(later_s - earlier_s for earlier_s, later_s in pairwise(moments_s))
    yield Finding(
        "pauses",
        meter.meter.name,
        "Answers come whole, but with pauses in them, and are given up too soon.",
        (f"{share(len(paused), len(meter.exchanges))} answers, such as one with a pause of {1000 * pause_s:.0f} ms",),
        "Take a faster adapter or gateway, or have it hand characters over at once; see that the machine is not too "
        "busy.",
    )


def _late(evidence: BusEvidence, meter: MeterEvidence) -> Iterator[Finding]:
    line, timeout_s = evidence.line, evidence.bus.timeout_s
    awaited = [exchange for exchange in meter.exchanges if exchange.data is not None and exchange.answer]
    late = [exchange for exchange in awaited if first_byte_s(exchange, line) > timeout_s + line.silence_s]
    missed = [exchange for exchange in _failed(meter, "no_answer") if exchange.answer]
    # A single one may be this machine's own doing.
    if len(late) + len(missed) < FEWEST_LATE:
        return
    began_s = [first_byte_s(exchange, line) for exchange in (*late, *missed)]
    fitting = figures(meter, line).timeout_s
    if missed or fitting is None:
        fitting = round(2 * max(began_s) + 0.05, 1)
    many = share(len(late) + len(missed), len(meter.exchanges))
    yield Finding(
        "late",
        meter.meter.name,
        f"Answers come later than the time-out of {timeout_s:g} s.",
        (f"{many} answers began {min(began_s):.2f} to {max(began_s):.2f} s after the request",),
        f'Set `timeout = "{fitting:g}s"` under [[bus]] in the settings.',
    )


def _silent_at_times(evidence: BusEvidence, meter: MeterEvidence) -> Iterator[Finding]:
    silent = [exchange for exchange in _failed(meter, "no_answer") if not exchange.answer]
    if silent and meter.has_answered:
        when = moments((exchange.sent.at_s for exchange in silent), evidence.began_s)
        yield Finding(
            "silent_at_times",
            meter.meter.name,
            "The meter answers, but not always.",
            (f"{share(len(silent), len(meter.exchanges))} requests got no answer, {when}",),
            "Look for a loose contact, a missing termination or bias, or a second master; some meters need a pause "
            "between requests.",
        )


def _refused(meter: MeterEvidence) -> Iterator[Finding]:
    refused = {
        (exchange.request, exchange.error.code): exchange
        for exchange in meter.exchanges
        if isinstance(exchange.error, ExceptionAnswerError) and exchange.error.is_refusal
    }
    if not refused:
        return
    model, name = meter.meter.model, meter.meter.name
    shown = [f"refused: {exchange.error}" for exchange in refused.values()][:4]
    if not meter.has_answered or meter.learned is None:
        yield Finding(
            "refused",
            name,
            f"The meter refuses all that a {model.name} has.",
            tuple(shown),
            "It is another model than the settings say: `smartmeter scan` finds out which.",
        )
        return
    limit = block_rules(meter.learned, model).registers_per_request
    if limit < model.registers_per_request:
        shown.append(f"it takes {limit} registers at a time; the paper says {model.registers_per_request}")
    absent = sorted(meter.learned.absent)
    if absent:
        yield Finding(
            "refused",
            name,
            f"The meter does not have {', '.join(absent)}.",
            tuple(shown),
            "Leave them out of the settings, or look whether it is another model: `smartmeter models` lists those that "
            "are known.",
        )
        return
    yield Finding(
        "refused",
        name,
        "The meter refuses some blocks of registers, though every value can be had.",
        tuple(shown),
        "Nothing need be done: the program asks for smaller blocks by itself.",
        "note",
    )


def _exceptions(meter: MeterEvidence) -> Iterator[Finding]:
    errors = [exchange.error for exchange in meter.exchanges if isinstance(exchange.error, ExceptionAnswerError)]
    busy = [error for error in errors if not error.is_refusal]
    if busy:
        yield Finding(
            "exception",
            meter.meter.name,
            "The meter says that it cannot answer now.",
            (f"{share(len(busy), len(meter.exchanges))} requests, such as {busy[0]}",),
            "Ask it less often (`interval`); if it stays like that, take its supply away for a minute.",
        )


def _gateway(meter: MeterEvidence) -> Iterator[Finding]:
    silent = _failed(meter, "gateway")
    if silent:
        yield Finding(
            "gateway",
            meter.meter.name,
            "The gateway answers, but says that it does not reach the meter behind it.",
            (f"{share(len(silent), len(meter.exchanges))} requests, such as {silent[0].error}",),
            "Check address and wiring of the meter (A and B swapped?), and speed and parity in the gateway's own "
            "settings.",
        )


def _foreign(meter: MeterEvidence) -> Iterator[Finding]:
    foreign = _failed(meter, "foreign")
    if foreign:
        yield Finding(
            "foreign",
            meter.meter.name,
            "Answers come that belong to another request or another meter.",
            (f"{share(len(foreign), len(meter.exchanges))} requests, such as {_example(foreign[0])}",),
            "See that nobody else asks on this line: a second master, or another client of the same gateway.",
        )


def _repeated(meter: MeterEvidence) -> Iterator[Finding]:
    twice = answers.repeated(meter)
    if len(twice) > 1:
        yield Finding(
            "repeated",
            meter.meter.name,
            "Answers come more than once.",
            (f"to {share(len(twice), len(meter.exchanges))} requests, such as {_example(twice[0])}",),
            "Look for a repeater or gateway that sends again what it does not see confirmed, and for two ways that "
            "lead to the same meter.",
            "note",
        )
