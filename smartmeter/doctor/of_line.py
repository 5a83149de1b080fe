"""Findings about a line as a whole: who else talks on it, and what the adapter adds."""

from collections.abc import Iterator

from smartmeter.doctor.evidence import BusEvidence, Exchange
from smartmeter.doctor.finding import Finding
from smartmeter.doctor.words import as_hex, share
from smartmeter.modbus.crc import has_valid_crc

# An echo is there always; twice as many as not leaves room for damaged ones.
ECHO_SHARE = 2 / 3
SHORTEST_FRAME, LONGEST_FRAME = 5, 256


def line_findings(evidence: BusEvidence) -> Iterator[Finding]:
    """What is wrong with the line, whichever meter is asked."""
    exchanges = [exchange for meter in evidence.meters for exchange in meter.exchanges]
    yield from _unasked(evidence)
    yield from _echo(evidence, exchanges)
    yield from _stray(evidence, exchanges)


def _unasked(evidence: BusEvidence) -> Iterator[Finding]:
    received = b"".join(piece.data for piece in evidence.unasked)
    if not received:
        return
    frame = _frame_in(received)
    shown = [f"{len(received)} bytes in {evidence.listened_s:g} s, while nobody asked here: {as_hex(received)}"]
    if frame is None:
        what = "Something comes over the line although nobody asks: noise, or a program at another speed."
        advice = (
            "Pull meters off the line one by one, and give the line its termination (120 ohms at both ends) and bias."
        )
    else:
        shown.append(f"a whole Modbus frame is in it: {as_hex(frame)}, address {frame[0]}, function {frame[1]}")
        what = "Somebody else asks the meters on this line: there is a second master."
        advice = "Leave one master on the line: stop the other one, or let it have the values from Smartmeter."
    yield Finding("unasked", evidence.bus.name, what, tuple(shown), advice)


def _frame_in(received: bytes) -> bytes | None:
    # A short one is there by chance in one of 65,536 places.
    for start in range(len(received)):
        for end in range(start + SHORTEST_FRAME, min(len(received), start + LONGEST_FRAME) + 1):
            frame = received[start:end]
            if frame[1] & 0x7F in {1, 2, 3, 4, 5, 6, 15, 16} and has_valid_crc(frame):
                return frame
    return None


def _echo(evidence: BusEvidence, exchanges: list[Exchange]) -> Iterator[Finding]:
    echoed = [exchange for exchange in exchanges if exchange.is_echoed]
    if len(echoed) <= ECHO_SHARE * len(exchanges):
        return
    answered = any(meter.has_answered for meter in evidence.meters)
    example = echoed[0]
    yield Finding(
        "echo",
        evidence.bus.name,
        "The adapter echoes: every request comes back before its answer.",
        (
            f"{share(len(echoed), len(exchanges))} came back",
            f"sent {as_hex(example.sent.data)}, received {as_hex(example.received)}",
        ),
        "Switch the adapter's echo off (its receiver stays on while it sends; often a jumper, or RE tied to DE); "
        + ("the values are right all the same." if answered else "beyond the echo no meter answered."),
    )


def _stray(evidence: BusEvidence, exchanges: list[Exchange]) -> Iterator[Finding]:
    answered = [exchange for exchange in exchanges if exchange.data is not None and exchange.answer]
    stray = [exchange for exchange in answered if _before(exchange)]
    if not stray or len(stray) * 10 < len(answered):
        return
    yield Finding(
        "stray_bytes",
        evidence.bus.name,
        "Stray bytes lie before answers; the adapter turns the line round too late, or the line has no bias.",
        (
            f"before {share(len(stray), len(answered))} answers",
            f"such as {as_hex(_before(stray[0]))} before {as_hex(stray[0].received[len(_before(stray[0])) :])}",
        ),
        "Nothing need be done, they are passed over; bias resistors (some 680 ohms to supply and ground) end it.",
        "note",
    )


def _before(exchange: Exchange) -> bytes:
    """What lies before the answer and is neither an echo nor an answer."""
    came = b"".join(piece.data for piece in exchange.answer)
    header = bytes((exchange.request.unit, exchange.request.function, 2 * exchange.request.count))
    before = came[: max(0, came.find(header))]
    # A late answer that ended up here is a frame of its own.
    return b"" if len(before) >= SHORTEST_FRAME else before
