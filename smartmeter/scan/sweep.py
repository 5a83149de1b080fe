"""Asks one address after the other, and hears who answers: in time, late, or not to be understood.

An address at which nobody is costs the line's limit and no more. So a meter may answer when another one is asked
already. Its answer carries its own address: it counts for the meter that sent it, never for the one that is asked.
Where answers meet on the line nothing can be read; then both addresses are asked again, with more patience.
"""

import time
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from enum import Enum, auto

from smartmeter.errors import SmartmeterError
from smartmeter.modbus import ascii_frames, frames
from smartmeter.modbus.errors import AnswerError, ExceptionAnswerError, NoAnswerError
from smartmeter.modbus.frames import ReadRequest
from smartmeter.modbus.line import AsciiFormat, NetworkLine, SerialFormat
from smartmeter.modbus.ports import Port, TcpPort
from smartmeter.modbus.rtu import Frames
from smartmeter.scan.open_line import OpenLine

# Most meters take 20 to 100 ms to begin an answer (docs/meters.md).
TIMEOUT_S = 0.2
# Over a network the gateway waits as well.
NETWORK_TIMEOUT_S = 1.0
# The slowest that any paper allows: Carlo Gavazzi's GNM3D, 500 ms. So long a late answer is listened for.
LATEST_S = 0.5
# And so long a meter may have taken that answers even later.
SUSPECT_S = 1.0
# How long a second answer of the same address is waited for: most meters have begun by then.
SECOND_S = 0.1
# An exception, the shortest of all; what is shorter is no answer, but adapters give single stray characters.
SHORTEST_FRAME = 5
# The time-out when an address is asked again.
PATIENT_S = 0.6
ATTEMPTS = 3
# More than so many addresses where nothing can be understood are not meters.
MOST_GARBLED = 8


class NoisyLineError(SmartmeterError):
    """The line is never quiet."""


@dataclass(frozen=True, slots=True)
class Question:
    """What every address is asked; any answer of its own, a refusal included, is a sign of life.

    Holding registers are what almost every meter knows, and two of them what most values have.
    """

    function: int = 3
    address: int = 0
    count: int = 2

    def to(self, unit: int) -> ReadRequest:
        """The request."""
        return ReadRequest(unit, self.function, self.address, self.count)


QUESTION = Question()


class Sign(Enum):
    """What was heard of an address."""

    SILENT = auto()
    ANSWERS = auto()
    # Something comes again and again, and no frame of that address is in it.
    GARBLED = auto()


@dataclass(frozen=True, slots=True)
class Heard:
    """What was heard of an address; `at_times` if some of its answers were not to be understood."""

    address: int
    sign: Sign
    at_times: bool = False


async def who_answers(
    port: Port,
    line: SerialFormat | NetworkLine,
    addresses: Sequence[int],
    timeout_s: float,
    question: Question = QUESTION,
) -> tuple[Heard, ...]:
    """The addresses, in the order of `addresses`, at which something answers when the line is set like this.

    Raises PortError, NoisyLineError.
    """
    opened = await OpenLine.open(port, line)
    try:
        async with aclosing(sweep(opened, addresses, timeout_s, question)) as all_heard:
            found = {heard.address: heard async for heard in all_heard if heard.sign is not Sign.SILENT}
    finally:
        opened.close()
    return tuple(found[address] for address in addresses if address in found)


async def sweep(
    opened: OpenLine, addresses: Sequence[int], timeout_s: float, question: Question = QUESTION
) -> AsyncGenerator[Heard, None]:
    """Ask each address once, and tell at once what was heard.

    An address that was told to be silent may come once more, when its answer came late or was not to be understood at
    first. Whoever uses the line between two results does not disturb. Raises PortError, NoisyLineError.
    """
    state = _State(opened, timeout_s, question)
    for address in addresses:
        sign = await state.ask(address)
        twice = False
        if sign is Sign.ANSWERS:
            # A second meter may have the same address; and whoever asks more of this one shall not be disturbed by
            # another's late answer.
            twice = await state.listen(max(SECOND_S, state.silence_needed_s()), address)
        for late in state.late():
            yield Heard(late, Sign.ANSWERS)
        yield Heard(address, sign, at_times=twice)
    await state.listen(state.silence_needed_s())
    for late in state.late():
        yield Heard(late, Sign.ANSWERS)
    garbled = 0
    for group in state.doubtful:
        for address in group:
            heard = await state.ask_again(address)
            if heard.sign is not Sign.SILENT:
                yield heard
            garbled += heard.sign is Sign.GARBLED
            if garbled > MOST_GARBLED:
                raise NoisyLineError(
                    f"{opened.port} at {opened.line}: what comes is not to be understood, whoever is asked; is another "
                    "program or device asking on this line, or is A or B not connected?"
                )
            if heard.sign is Sign.GARBLED or heard.at_times:
                # That explains it; those before it are not to blame.
                break


class _State:
    """What a sweep remembers: who was asked last and has not answered, and what could not be understood."""

    def __init__(self, opened: OpenLine, timeout_s: float, question: Question) -> None:
        self._opened = opened
        self._timeout_s = timeout_s
        self._question = question
        self._frames = _frames_on(opened.line)
        # Addresses that may still answer, and when they were asked.
        self._suspects: deque[tuple[int, float]] = deque()
        self._answered: set[int] = set()
        self._asked_again: set[int] = set()
        self._late: list[int] = []
        # How many frames the address that was asked last has sent.
        self._frames_of_last = 0
        # Addresses of which something may have come that could not be understood, the most probable one first.
        self.doubtful: list[tuple[int, ...]] = []

    async def ask(self, address: int) -> Sign:
        """Ask the address."""
        asked_s = time.monotonic()
        while self._suspects and asked_s - self._suspects[0][1] > SUSPECT_S:
            self._suspects.popleft()
        request = self._question.to(address)
        answers = await self._ask_once(request, self._timeout_s) is Sign.ANSWERS
        # An adapter that hears itself gives the request back.
        heard = self._opened.heard().replace(self._frames.encode(request), b"")
        self._suspects.append((address, asked_s))
        self._frames_of_last = self._understand(heard, address if answers else None)
        return Sign.ANSWERS if answers else Sign.SILENT

    def late(self) -> Sequence[int]:
        """Whose answers have come late, since this was asked last."""
        late, self._late = self._late, []
        return late

    async def listen(self, duration_s: float, answered: int | None = None) -> bool:
        """Wait for what comes late, and tell whether `answered` has answered once more."""
        await self._opened.listen(duration_s)
        return self._frames_of_last + self._understand(self._opened.heard(), answered) > 1

    async def ask_again(self, address: int) -> Heard:
        """Ask the address with more patience, until it is clear what is there."""
        if address in self._answered or address in self._asked_again:
            return Heard(address, Sign.SILENT)
        self._asked_again.add(address)
        signs = []
        for _ in range(ATTEMPTS):
            signs.append(await self._ask_once(self._question.to(address), max(PATIENT_S, self._timeout_s)))
            if signs[-1] is Sign.SILENT:
                break
            # What may still come belongs to this attempt.
            await self._opened.listen(SECOND_S)
        self._opened.heard()
        if Sign.ANSWERS in signs:
            self._answered.add(address)
            return Heard(address, Sign.ANSWERS, at_times=Sign.GARBLED in signs)
        return Heard(address, Sign.GARBLED if signs.count(Sign.GARBLED) > 1 else Sign.SILENT)

    def silence_needed_s(self) -> float:
        """How long the last of those who have not answered might still take."""
        if isinstance(self._opened.port, TcpPort) or not self._suspects:
            # Modbus TCP tells answers apart.
            return 0.0
        return self._suspects[-1][1] + LATEST_S - time.monotonic()

    def _understand(self, heard: bytes, answered: int | None) -> int:
        """Find out whose frames are in what was heard, and how many are of `answered`, which is known to answer."""
        count, rest = 0, heard
        if answered is not None:
            count, rest = self._cut(rest, answered)
            self._answered.add(answered)
        for suspect, _ in tuple(self._suspects):
            if suspect != answered and len(rest) >= SHORTEST_FRAME:
                found, rest = self._cut(rest, suspect)
                if found:
                    self._late.append(suspect)
                    self._answered.add(suspect)
        self._suspects = deque(each for each in self._suspects if each[0] not in self._answered)
        if len(rest) >= SHORTEST_FRAME and self._suspects:
            self.doubtful.append(tuple(suspect for suspect, _ in reversed(self._suspects)))
        return count

    def _cut(self, heard: bytes, address: int) -> tuple[int, bytes]:
        """How many frames of the address are in what was heard, and what is left without them."""
        request, count = self._question.to(address), 0
        length = self._frames.answer_length(request)
        try:
            while (found := self._frames.find_answer(request, heard)) is not None:
                heard = heard[: found.before] + heard[found.before + length :]
                count += 1
        except ExceptionAnswerError:
            # It is not told where it stands; those are short, and nothing else is there as a rule.
            return count + 1, b""
        except AnswerError:
            # A gateway speaks for it.
            return count, b""
        return count, heard

    async def _ask_once(self, request: ReadRequest, timeout_s: float) -> Sign:
        try:
            await self._opened.read(request, timeout_s)
        except ExceptionAnswerError:
            return Sign.ANSWERS
        except NoAnswerError:
            return Sign.SILENT
        except AnswerError as error:
            # An adapter that hears itself gives the request back.
            return Sign.GARBLED if error.received.removeprefix(error.request) else Sign.SILENT
        return Sign.ANSWERS


def _frames_on(line: SerialFormat | NetworkLine) -> Frames:
    return ascii_frames if isinstance(line, AsciiFormat) else frames
