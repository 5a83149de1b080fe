"""Examines a bus: listens, asks every meter on it, and tries other settings with those that do not answer."""

import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from random import Random

from smartmeter.doctor.asking import Asking
from smartmeter.doctor.evidence import BusEvidence, Exchange, LineErrors, MeterEvidence, Piece, PortFacts, Trial
from smartmeter.doctor.figures import failure_of
from smartmeter.doctor.listening import listen
from smartmeter.doctor.port_facts import line_errors, port_facts
from smartmeter.modbus.errors import AnswerError, ExceptionAnswerError, PortError
from smartmeter.modbus.frames import ReadRequest
from smartmeter.modbus.line import AsciiFormat, SerialFormat
from smartmeter.modbus.ports import Port, SerialPort, parse_port
from smartmeter.polling.learned import Learned
from smartmeter.polling.probe import VOLTAGES, formats_to_try
from smartmeter.polling.round import plan_round, read_round
from smartmeter.settings.model import BusSettings, MeterSettings

# Of the requests so many are short ones: with these the moments of arrival tell most.
SHORT_SHARE = 2 / 3
# Without a good answer to so many, asking for more is in vain; without any sign of life to so many.
TRIES = 8
SILENT_TRIES = 3
# And this is how long the requests of one kind may take in all, in patiences.
FAILING_PATIENCES = 10
# Where the chain of a SunSpec device usually begins (Device Information Model Specification 1.1).
SUNSPEC_BASE = 40000


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is asked: `requests` of each meter, at least; each answer is waited for `patience_s` seconds.

    Before, the line is listened to for `listen_s` seconds.
    """

    requests: int = 30
    patience_s: float = 2.0
    listen_s: float = 1.0


# Is told how much of a bus is done, from 0 to 1, and how many requests were made.
Tell = Callable[[float, int], None]


async def examine(bus: BusSettings, effort: Effort, tell: Tell) -> BusEvidence:
    """What examining the bus brings. Nothing is written to a meter: only registers are read."""
    port, began_s = parse_port(bus.port), time.monotonic()
    facts = port_facts(port.path) if isinstance(port, SerialPort) else PortFacts()
    meters: list[MeterEvidence] = []
    unasked: tuple[Piece, ...] = ()
    before, errors, counting = None, None, -1
    try:
        if isinstance(port, SerialPort) and isinstance(bus.format, SerialFormat):
            unasked = listen(port.path, bus.format, effort.listen_s)
            counting = os.open(port.path, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
            before = line_errors(counting)
        for number, meter in enumerate(bus.meters):
            tell_meter = _part(tell, number, len(bus.meters), sum(len(each.exchanges) for each in meters))
            meters.append(await _examine_meter(port, bus, meter, effort, tell_meter))
        if before is not None:
            errors = _since(before, line_errors(counting))
    except PortError as error:
        return BusEvidence(bus, facts, tuple(meters), error, unasked, effort.listen_s, None, began_s)
    finally:
        if counting >= 0:
            os.close(counting)
    return BusEvidence(bus, facts, tuple(meters), None, unasked, effort.listen_s, errors, began_s)


def _part(tell: Tell, number: int, of: int, made: int) -> Tell:
    return lambda done, requests: tell((number + done) / of, made + requests)


def _since(before: LineErrors, after: LineErrors | None) -> LineErrors | None:
    return None if after is None else after.since(before)


async def _examine_meter(
    port: Port, bus: BusSettings, meter: MeterSettings, effort: Effort, tell: Tell
) -> MeterEvidence:
    # The same pauses each time: what is found must not depend on chance.
    asking = await Asking.begin(port, bus.format, effort.patience_s, Random(meter.address))  # noqa: S311 - no secret
    try:
        evidence = await _ask_all(asking, meter, bus, effort, tell)
    finally:
        asking.close()
    if not evidence.has_answered and isinstance(bus.format, SerialFormat) and _could_be_set_otherwise(evidence):
        trials = await _try_formats(port, bus.format, meter, bus.timeout_s, tell)
        return MeterEvidence(meter, evidence.exchanges, trials=trials, device=evidence.device)
    return evidence


async def _ask_all(asking: Asking, meter: MeterSettings, bus: BusSettings, effort: Effort, tell: Tell) -> MeterEvidence:
    device = None
    if meter.model.sunspec:
        meter, device = await _look_at(meter, asking)
    shorts = list(islice(cycle(_short_requests(meter)), max(TRIES, round(SHORT_SHARE * effort.requests))))
    await _ask_each(asking, shorts[:SILENT_TRIES], effort, tell)
    if any(exchange.answer for exchange in asking.exchanges):
        await _ask_each(asking, shorts[SILENT_TRIES:TRIES], effort, tell)
    if all(exchange.data is None for exchange in asking.exchanges):
        return MeterEvidence(meter, asking.exchanges, device=device)
    await _ask_each(asking, shorts[TRIES:], effort, tell)
    wanted = frozenset(meter.intervals_us)
    result = await read_round(meter, bus.format, wanted, Learned(), asking.read)
    blocks = plan_round(meter.model, bus.format, wanted, result.learned)
    if blocks:
        requests = cycle(ReadRequest(meter.address, block.function, block.address, block.count) for block in blocks)
        left = max(0, effort.requests - len(asking.exchanges))
        await _ask_each(asking, list(islice(requests, left)), effort, tell)
    exchanges = tuple(each for each in asking.exchanges if not _is_refused_identity(each, meter))
    return MeterEvidence(meter, exchanges, result.learned, result.values, device=device)


async def _ask_each(asking: Asking, requests: Iterable[ReadRequest], effort: Effort, tell: Tell) -> None:
    """Asks, but not for ever: what is wrong shows in fewer requests, if most of them fail."""
    give_up_s = time.monotonic() + FAILING_PATIENCES * effort.patience_s
    for request in requests:
        if time.monotonic() > give_up_s:
            return
        await asking.ask(request)
        made = len(asking.exchanges)
        tell(min(1.0, made / effort.requests), made)


def _is_refused_identity(exchange: Exchange, meter: MeterSettings) -> bool:
    """Whether the meter does not tell its serial number: it need not."""
    asked = exchange.request
    return isinstance(exchange.error, ExceptionAnswerError) and any(
        (each.function, each.address) == (asked.function, asked.address)
        for each in meter.model.identification.registers
    )


async def _look_at(meter: MeterSettings, asking: Asking) -> tuple[MeterSettings, str]:
    """A device that describes itself, and what it says; as it was if it does not, and what is wrong with that."""
    from smartmeter.polling.sunspec import SunSpecError, look_at  # noqa: PLC0415 - most meters are none

    try:
        device = await look_at(meter, asking.read)
    except (AnswerError, SunSpecError) as error:
        return meter, str(error)
    return device.meter, str(device)


def _short_requests(meter: MeterSettings) -> Sequence[ReadRequest]:
    """Requests for a single value, of a voltage if there is one, and for the serial number, if it is known where it is.

    They differ in shape: two of one shape would have to wait for one another's late answers.
    """
    model = meter.model
    if model.sunspec and not set(VOLTAGES) & set(meter.intervals_us):
        return [ReadRequest(meter.address, 3, SUNSPEC_BASE, 2)]
    in_order = sorted(model.registers.values(), key=lambda register: register.measurand not in VOLTAGES)
    registers = [register for register in in_order if register.measurand in meter.intervals_us][:1]
    number = model.identification.serial_number
    if number is not None:
        registers.append(number)
    return [ReadRequest(meter.address, each.function, each.address, each.count) for each in registers]


def _could_be_set_otherwise(evidence: MeterEvidence) -> bool:
    """Whether nothing intelligible came: who breaks off, refuses, answers late or for another one hears well."""
    return all(
        failure_of(exchange) == "damaged" or (failure_of(exchange) == "no_answer" and not exchange.answer)
        for exchange in evidence.exchanges
    )


async def _try_formats(
    port: Port, line: SerialFormat, meter: MeterSettings, timeout_s: float, tell: Tell
) -> tuple[Trial, ...]:
    """What the meter does at the usual settings, until it answers at one."""
    if isinstance(line, AsciiFormat):
        return ()
    formats: Iterable[SerialFormat] = [each for each in formats_to_try(meter.model) if each != line]
    request = _short_requests(meter)[0]
    trials: list[Trial] = []
    for made, format_ in enumerate(formats):
        tell(0.5 + made / 20, made)
        asking = await Asking.begin(port, format_, timeout_s, Random(made))  # noqa: S311 - no secret
        try:
            answered = await asking.ask(request) is not None
            # Where something came, the first answer may only have been damaged.
            if not answered and any(exchange.received for exchange in asking.exchanges):
                answered = await asking.ask(request) is not None
        finally:
            asking.close()
        received = b"".join(exchange.received for exchange in asking.exchanges)
        trials.append(Trial(format_, answered, received))
        if answered:
            break
    return tuple(trials)
