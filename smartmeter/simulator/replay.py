"""A recorded bus that answers again: what was asked then as it was answered then, and what can be known from that."""

from collections.abc import Iterator, Sequence
from itertools import cycle
from statistics import median

from smartmeter.modbus.errors import REFUSALS
from smartmeter.recording.exchanges import Exchange, Reply, answers, exchanges, is_read
from smartmeter.recording.parts import EXCEPTION_FLAG, Frame
from smartmeter.recording.recording import Recording

REGISTER_BYTES = 2
# Of a meter that never gave a good answer.
USUAL_TURNAROUND_S = 0.02

# Function, first register, the one after the last.
Block = tuple[int, int, int]


class Replay:
    """Gives the replies to requests.

    A request of the recording gets what it got then: all replies that came, with their turnaround, or none; if it was
    made several times, in their order, and then from the first again. Of a request to read that was not made then, what
    is known of its unit decides. If all its registers came in some answer, it gets their latest contents; but if a
    part of it was refused, and it is no part of what was answered at once, it is refused likewise. Else nothing comes.
    """

    def __init__(self, recording: Recording) -> None:
        self.header = recording.header
        by_request: dict[Frame, list[tuple[Reply, ...]]] = {}
        self._known: dict[int, _Known] = {}
        for exchange in exchanges(recording):
            by_request.setdefault(exchange.request, []).append(exchange.replies)
            self._known.setdefault(exchange.request.unit, _Known()).learn(exchange)
        self._recorded: dict[Frame, Iterator[tuple[Reply, ...]]] = {
            request: cycle(replies) for request, replies in by_request.items()
        }

    @property
    def units(self) -> tuple[int, ...]:
        """Those that gave an answer, an exception at least; if none did, those that were asked. Sorted."""
        answered = [unit for unit, known in self._known.items() if known.turnarounds_s]
        return tuple(sorted(answered or self._known))

    def replies(self, request: Frame) -> Sequence[Reply]:
        """What comes after the request, one after the other. Counts repetitions: one thread at a time asks."""
        recorded = self._recorded.get(request)
        if recorded is not None:
            return next(recorded)
        known = self._known.get(request.unit)
        if known is None or not is_read(request.pdu):
            return ()
        pdu = known.answer(_block(request.pdu))
        return () if pdu is None else (Reply(known.turnaround_s, Frame(request.unit, pdu)),)


class _Known:
    """What a recording tells of a unit."""

    def __init__(self) -> None:
        self.turnarounds_s: list[float] = []
        self._registers: dict[tuple[int, int], bytes] = {}
        self._answered: set[Block] = set()
        self._refused: dict[Block, int] = {}

    @property
    def turnaround_s(self) -> float:
        return median(self.turnarounds_s) if self.turnarounds_s else USUAL_TURNAROUND_S

    def learn(self, exchange: Exchange) -> None:
        for reply in exchange.replies:
            content = reply.content
            if not isinstance(content, Frame) or not answers(exchange.request, content):
                continue
            self.turnarounds_s.append(reply.turnaround_s)
            if is_read(exchange.request.pdu):
                self._learn_answer(_block(exchange.request.pdu), content.pdu)

    def _learn_answer(self, block: Block, pdu: bytes) -> None:
        function, start, end = block
        if pdu[0] & EXCEPTION_FLAG:
            if len(pdu) > 1 and pdu[1] in REFUSALS:
                self._refused[block] = pdu[1]
            return
        self._answered.add(block)
        for index, address in enumerate(range(start, end)):
            at = 2 + REGISTER_BYTES * index
            self._registers[function, address] = pdu[at : at + REGISTER_BYTES]

    def answer(self, block: Block) -> bytes | None:
        """The protocol data unit of the answer that is known; None if none is."""
        function, start, end = block
        if not any(_is_within(block, answered) for answered in self._answered):
            for refused, code in self._refused.items():
                if _is_within(refused, block):
                    return bytes((function | EXCEPTION_FLAG, code))
        words = [self._registers.get((function, address)) for address in range(start, end)]
        data = b"".join(word for word in words if word is not None)
        if not words or len(data) != REGISTER_BYTES * len(words):
            return None
        return bytes((function, len(data))) + data


def _is_within(inner: Block, outer: Block) -> bool:
    return inner[0] == outer[0] and outer[1] <= inner[1] and inner[2] <= outer[2]


def _block(pdu: bytes) -> Block:
    start = int.from_bytes(pdu[1:3], "big")
    return pdu[0], start, start + int.from_bytes(pdu[3:5], "big")
