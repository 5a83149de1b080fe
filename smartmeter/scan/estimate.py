"""How long a scan takes, before it begins."""

from collections.abc import Iterable

from smartmeter.modbus.line import (
    ASCII_REQUEST_CHARACTERS,
    NETWORK_LATENCY_S,
    REQUEST_BYTES,
    AsciiFormat,
    NetworkLine,
    SerialFormat,
)
from smartmeter.scan.order import Leg

MINUTE_S = 60
HOUR_S = 3600


def silent_s(line: SerialFormat | NetworkLine, timeout_s: float) -> float:
    """Seconds that an address costs where nobody is: the request, the silence that ends it, and the time-out.

    That is the line's limit: when the time-out is over the line has been silent long enough for the next request.
    """
    if isinstance(line, NetworkLine):
        return NETWORK_LATENCY_S + timeout_s
    return request_s(line) + line.silence_s + timeout_s


def request_s(line: SerialFormat) -> float:
    """Seconds that a request takes on the line."""
    characters = ASCII_REQUEST_CHARACTERS if isinstance(line, AsciiFormat) else REQUEST_BYTES
    return characters * line.character_s


def answer_s(line: SerialFormat | NetworkLine, count: int) -> float:
    """Seconds that an answer with `count` registers takes on the line."""
    if isinstance(line, NetworkLine):
        return 0.0
    return line.exchange_s(count, 0.0) - request_s(line) - 2 * line.silence_s


def scan_s(legs: Iterable[Leg], timeout_s: float, listen_s: float) -> float:
    """Seconds that a scan takes if nobody answers; `listen_s` is how long late answers are awaited after each leg."""
    return sum(len(leg.addresses) * silent_s(leg.line, timeout_s) + listen_s for leg in legs)


def in_words(seconds: float) -> str:
    """A length of time as one says it: `9 min 20 s`, `25 s`, `1 h 10 min`."""
    # Nobody knows it better: to seconds, to ten seconds from a minute on, to minutes from an hour on.
    if (whole := max(1, round(seconds))) < MINUTE_S:
        return f"{whole} s"
    if (tens := round(seconds / 10) * 10) < HOUR_S:
        minutes, rest = divmod(tens, MINUTE_S)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, rest = divmod(round(seconds / MINUTE_S), HOUR_S // MINUTE_S)
    return f"{hours} h {rest} min" if rest else f"{hours} h"
