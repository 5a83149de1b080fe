"""What the bytes of answers tell: whether two came, whether two meters gave them, how badly they suffered."""

from collections.abc import Sequence
from statistics import median

from smartmeter.doctor.damage import LONGEST_REPAIRED, wrong_bits
from smartmeter.doctor.evidence import Exchange, MeterEvidence
from smartmeter.doctor.figures import failure_of
from smartmeter.modbus.crc import has_valid_crc
from smartmeter.modbus.frames import HEADER_BYTES, answer_length

# Noise spares some answers; two meters that answer at once hardly any.
COLLIDING_SHARE = 0.5
FEWEST_DAMAGED = 3
# Of short answers that suffered from noise, more than this have one or two wrong bits.
NOISY_SHARE = 0.2
# Two answers laid over one another are as long as one, or as both.
LONGEST_COLLISION = 2.5


def whole_answers(exchange: Exchange) -> tuple[bytes, ...]:
    """The registers' bytes of every whole answer to the request, in a line's RTU frames."""
    request, came = exchange.request, b"".join(piece.data for piece in exchange.answer)
    header = bytes((request.unit, request.function, 2 * request.count))
    found, start = [], came.find(header)
    while start >= 0:
        frame = came[start : start + answer_length(request)]
        if len(frame) == answer_length(request) and has_valid_crc(frame):
            found.append(frame[HEADER_BYTES:-2])
            start = came.find(header, start + len(frame))
        else:
            start = came.find(header, start + 1)
    return tuple(found)


def contradicting(evidence: MeterEvidence) -> list[Exchange]:
    """The requests that got two whole answers which say different things."""
    return [exchange for exchange in evidence.exchanges if len(set(whole_answers(exchange))) > 1]


def repeated(evidence: MeterEvidence) -> list[Exchange]:
    """The requests that got the same whole answer more than once."""
    answers = [(exchange, whole_answers(exchange)) for exchange in evidence.exchanges]
    return [exchange for exchange, found in answers if len(found) > 1 and len(set(found)) == 1]


def serial_numbers(evidence: MeterEvidence) -> set[int]:
    """All serial numbers that were answered, two to one request as well; zero says nothing."""
    register = evidence.meter.model.identification.serial_number
    if register is None:
        return set()
    return {
        int.from_bytes(data)
        for exchange in evidence.exchanges
        if (exchange.request.function, exchange.request.address) == (register.function, register.address)
        for data in whole_answers(exchange)
        if any(data)
    }


def damaged(evidence: MeterEvidence) -> list[Exchange]:
    """The requests whose answers had no valid checksum."""
    return [exchange for exchange in evidence.exchanges if failure_of(exchange) == "damaged"]


def damaged_share(evidence: MeterEvidence) -> float:
    """The part, 0 to 1, of what came that had no valid checksum."""
    came = [exchange for exchange in evidence.exchanges if exchange.answer]
    return len(damaged(evidence)) / max(1, len(came))


def wrong_bits_of(exchanges: Sequence[Exchange]) -> list[int | None]:
    """Of those short enough to tell: how many bits were wrong, one or two; None for more."""
    short = [exchange for exchange in exchanges if answer_length(exchange.request) <= LONGEST_REPAIRED]
    return [
        wrong_bits(exchange.request, b"".join(piece.data for piece in exchange.answer).lstrip(b"\0"))
        for exchange in short
    ]


def look_like_two(evidence: MeterEvidence) -> bool:
    """Whether most answers are damaged beyond what noise does, yet as long as answers are."""
    struck = damaged(evidence)
    if len(struck) < FEWEST_DAMAGED or damaged_share(evidence) < COLLIDING_SHARE:
        return False
    if looks_like_noise(evidence):
        return False
    lengths = [sum(len(piece.data) for piece in each.answer) / answer_length(each.request) for each in struck]
    return 1 <= median(lengths) <= LONGEST_COLLISION


def looks_like_noise(evidence: MeterEvidence) -> bool:
    """Whether damaged answers have but a few wrong bits."""
    bits = wrong_bits_of(damaged(evidence))
    return bool(bits) and sum(each is not None for each in bits) > NOISY_SHARE * len(bits)
