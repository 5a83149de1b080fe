"""What happens on a serial line with virtual meters, as a function of time: no port, no thread, no sleeping.

The characters of a request occupy the line from the moment that they are handed over. 3.5 characters of silence after
the last one end the frame; the meter takes its turnaround, and its answer again occupies the line. All moments follow
from the first one by addition: what this program takes for its work is not on the line. Meters that answer the same
request spoil each other's characters where they overlap; apart from that, the line carries whatever it is given.
"""

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from random import Random
from typing import NamedTuple

from smartmeter.modbus.line import SerialFormat
from smartmeter.recording.parts import Frame
from smartmeter.simulator.answers import EXCEPTION_BIT
from smartmeter.simulator.delivery import Delivery, pieces
from smartmeter.simulator.faults import NO_FAULTS, Faults, Turnaround, spoil, striking_faults, turnaround
from smartmeter.simulator.frames import RTU, Framing
from smartmeter.simulator.meter import VirtualMeter
from smartmeter.simulator.replay import Replay

REQUESTS_KEPT = 20_000
# What counts as the answer where characters are sent that are no frame.
NO_FRAME = b"\0"


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A frame that came over the line.

    `time_s` is when its first character came (monotonic clock), `silence_s` how long the line had been silent before,
    `silence_kept` whether that was 3.5 characters at least, `answered` whether an answer was sent.
    """

    time_s: float
    frame: bytes
    silence_s: float
    silence_kept: bool
    answered: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """What has happened on a line.

    All requests; those that got an answer, and among these an exception; those before 3.5 characters of silence.
    """

    requests: int = 0
    answers: int = 0
    exceptions: int = 0
    early: int = 0


class _Piece(NamedTuple):
    """Characters that become readable at a moment, and when the frame that they belong to is on the line.

    `number` keeps pieces of one moment in their order.
    """

    at_s: float
    number: int
    data: bytes
    start_s: float
    end_s: float


class _Answer(NamedTuple):
    """What a meter answers, when it begins, and the frame that goes out."""

    pdu: bytes
    start_s: float
    frame: bytes


def _collided(answers: Sequence[_Answer], character_s: float) -> list[tuple[float, bytes]]:
    """What the line carries of answers to one request, and from when on.

    Where several meters drive the line neither's bits are left: the lower level wins, half a character apart.
    """
    carried: list[tuple[float, bytearray]] = []
    for answer in sorted(answers, key=lambda answer: answer.start_s):
        if carried:
            start_s, before = carried[-1]
            position = round((answer.start_s - start_s) / character_s)
            if position < len(before):
                for index, byte in enumerate(answer.frame, start=position):
                    if index < len(before):
                        before[index] &= (byte << 4 | byte >> 4) & 0xFF
                    else:
                        before.append(byte)
                continue
        carried.append((answer.start_s, bytearray(answer.frame)))
    return [(start_s, bytes(frame)) for start_s, frame in carried]


class Wire:
    """A line with its meters, or with a replay in their place.

    `faults` may be replaced at any time, from any thread.
    """

    def __init__(  # noqa: PLR0913, PLR0917  # a wire is described by that much
        self,
        form: SerialFormat | None,
        meters: Sequence[VirtualMeter],
        turnaround_s: Turnaround,
        delivery: Delivery,
        rng: Random,
        framing: Framing = RTU,
        replay: Replay | None = None,
    ) -> None:
        self.faults: Faults = NO_FAULTS
        self.counts = Counts()
        self._is_set = form is not None
        self._format = form or SerialFormat(9600)
        self._meters = meters
        self._turnaround_s = turnaround_s
        self._delivery = delivery
        self._rng = rng
        self._framing = framing
        self._replay = replay
        self._striking = striking_faults()
        self._lock = threading.Lock()
        self._requests: deque[RecordedRequest] = deque(maxlen=REQUESTS_KEPT)
        self._frame = bytearray()
        self._frame_start_s = 0.0
        self._frame_silence_s = 0.0
        self._last_character_s = float("-inf")
        self._outgoing: list[_Piece] = []
        self._pieces = 0
        self._line_end_s = float("-inf")

    @property
    def requests(self) -> list[RecordedRequest]:
        """The latest requests, oldest first."""
        with self._lock:
            return list(self._requests)

    def forget(self) -> None:
        """Drops what is under way in either direction."""
        self._frame.clear()
        self._outgoing.clear()

    def receive(self, data: bytes, now_s: float, form: SerialFormat | None = None) -> None:
        """Characters come, the first one now; on a line that is not set itself they are as `form` says."""
        if form is not None:
            self._format = form
        if not self._frame:
            self._frame_start_s = now_s
            busy = any(piece.start_s <= now_s < piece.end_s for piece in self._outgoing)
            self._frame_silence_s = 0.0 if busy else max(0.0, now_s - self._last_character_s)
        start_s = max(now_s, self._last_character_s) if self._frame else now_s
        self._frame += data
        self._last_character_s = start_s + len(data) * self._format.character_s
        if self.faults.echo:
            self._send(data, start_s)

    def next_event_s(self) -> float | None:
        """When `due` wants to be called next; None if nothing is under way."""
        answer_s = self._outgoing[0].at_s if self._outgoing else None
        if not self._frame:
            return answer_s
        frame_end_s = self._last_character_s + self._format.silence_s
        return frame_end_s if answer_s is None else min(frame_end_s, answer_s)

    def due(self, now_s: float) -> bytes:
        """Does what is due, and gives the characters that become readable."""
        if self._frame and self._last_character_s + self._format.silence_s <= now_s:
            frame_end_s = self._last_character_s + self._format.silence_s
            frame = bytes(self._frame)
            self._frame.clear()
            self._take(frame, frame_end_s)
        readable = bytearray()
        while self._outgoing and self._outgoing[0].at_s <= now_s:
            piece = heappop(self._outgoing)
            readable += piece.data
            self._line_end_s = piece.end_s
        return bytes(readable)

    def sent(self, now_s: float) -> None:
        """The characters that `due` gave have just become readable."""
        # An adapter may have kept them for a while, or the rest of their frame is still to come.
        self._last_character_s = max(self._last_character_s, min(now_s, self._line_end_s))

    def _take(self, frame: bytes, end_s: float) -> None:
        """A frame is complete."""
        silence_kept = self._frame_silence_s >= self._format.silence_s
        answer = self._answer(frame, end_s, silence_kept=silence_kept)
        counts = self.counts
        self.counts = replace(
            counts,
            requests=counts.requests + 1,
            answers=counts.answers + (answer is not None),
            exceptions=counts.exceptions + (answer is not None and bool(answer[0] & EXCEPTION_BIT)),
            early=counts.early + (not silence_kept),
        )
        request = RecordedRequest(
            self._frame_start_s, frame, self._frame_silence_s, silence_kept, answered=answer is not None
        )
        with self._lock:
            self._requests.append(request)

    def _answer(self, frame: bytes, end_s: float, *, silence_kept: bool) -> bytes | None:
        """Sends the answer to a frame and gives its protocol data unit; None if there is none."""
        opened = self._framing.open(frame)
        if opened is None:
            return None
        address, request = opened
        if self._replay is not None:
            answers = list(self._replayed(self._replay, address, request, end_s))
            for answer in answers:
                self._send(answer.frame, answer.start_s)
            return answers[0].pdu if answers else None
        asked = [
            meter
            for meter in self._meters
            if meter.address == address and self._hears(meter) and (silence_kept or not meter.quirks.needs_silence)
        ]
        if not asked:
            return None
        of_line = self._striking(self.faults)
        answers = [answer for meter in asked for answer in self._answers_of(meter, request, end_s, of_line)]
        for start_s, sent in _collided(answers, self._format.character_s):
            self._send(sent, start_s)
        return answers[0].pdu if answers else None

    def _replayed(self, replay: Replay, unit: int, request: bytes, end_s: float) -> Iterator[_Answer]:
        for reply in replay.replies(Frame(unit, request)):
            start_s, content = end_s + reply.turnaround_s, reply.content
            if isinstance(content, Frame):
                yield _Answer(content.pdu, start_s, self._framing.close(content.unit, content.pdu))
            else:
                yield _Answer(NO_FRAME, start_s, content)

    def _hears(self, meter: VirtualMeter) -> bool:
        # A second stop bit is not missed: the pause before the next character looks the same.
        own, line = meter.format, self._format
        return self._is_set or (own.baudrate, own.parity) == (line.baudrate, line.parity)

    def _answers_of(self, meter: VirtualMeter, request: bytes, end_s: float, of_line: Faults) -> Iterator[_Answer]:
        of_meter = meter.striking(meter.faults)
        # The answer to a change of the address still has the old one.
        address = meter.answers_as(meter.address, request)
        pdu = meter.answer(request, of_meter if of_meter.exception is not None else of_line)
        if pdu is None or of_meter.silent or of_line.silent:
            return
        answer = self._framing.close(address, pdu)
        start_s = end_s + self._turnaround(meter) + of_meter.late_s + of_line.late_s
        spoiled = spoil(spoil(answer, of_meter, self._rng, self._framing), of_line, self._rng, self._framing)
        yield _Answer(pdu, start_s, spoiled)
        if of_meter.twice or of_line.twice:
            again_s = start_s + len(spoiled) * self._format.character_s + self._format.silence_s
            yield _Answer(pdu, again_s, spoiled)

    def _turnaround(self, meter: VirtualMeter) -> float:
        own_s = meter.quirks.turnaround_s
        return turnaround(self._turnaround_s if own_s is None else own_s, self._rng)

    def _send(self, data: bytes, start_s: float) -> None:
        end_s = start_s + len(data) * self._format.character_s
        for at_s, piece in pieces(data, start_s, self._format.character_s, self._delivery):
            self._pieces += 1
            heappush(self._outgoing, _Piece(at_s, self._pieces, piece, start_s, end_s))
