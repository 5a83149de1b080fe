"""Asks a meter that nobody knows for all registers of a range, to see which there are and what they hold."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from smartmeter.modbus.errors import AnswerError, ExceptionAnswerError, NoAnswerError
from smartmeter.modbus.frames import ReadRequest
from smartmeter.polling.round import ReadRegisters

ATTEMPTS = 2
# So many requests without any sign of life, and there is no meter.
SILENT_REQUESTS = 2


@dataclass(frozen=True, slots=True)
class Stretch:
    """Registers from `first` to `last` (0 to 65535), read by function 3 or 4."""

    function: int
    first: int
    last: int

    @property
    def count(self) -> int:
        """How many they are."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Swept:
    """What became of a request: so many registers were read, or refused one by one, or there is an error."""

    read: int = 0
    refused: int = 0
    error: AnswerError | None = None

    @property
    def done(self) -> int:
        """With how many registers the sweep has come to an end, unless there is an error."""
        return self.read + self.refused


async def sweep(unit: int, stretches: Sequence[Stretch], block: int, read: ReadRegisters) -> AsyncIterator[Swept]:
    """Read the registers by `read`, `block` (1 to 125) at a time, and tell each step.

    What the meter refuses is halved, down to single registers. What has no good answer is asked for twice and then left
    out; a meter that gives no sign of life to the first two requests is not asked any more.

    Raises PortError if the port goes away.
    """
    requests = [
        ReadRequest(unit, each.function, start, min(block, each.last + 1 - start))
        for each in reversed(stretches)
        for start in reversed(range(each.first, each.last + 1, block))
    ]
    is_alive, silent = False, 0
    while requests and (is_alive or silent < SILENT_REQUESTS):
        request = requests.pop()
        try:
            await _read_patiently(request, read)
        except ExceptionAnswerError:
            is_alive = True
            if request.count == 1:
                yield Swept(refused=1)
            else:
                requests += _halves(request)
        except AnswerError as error:
            is_alive = is_alive or not isinstance(error, NoAnswerError)
            silent += 1
            yield Swept(error=error)
        else:
            is_alive = True
            yield Swept(read=request.count)


async def _read_patiently(request: ReadRequest, read: ReadRegisters) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            await read(request)
        except ExceptionAnswerError:
            raise
        except AnswerError:
            if attempt == ATTEMPTS:
                raise
        else:
            return


def _halves(request: ReadRequest) -> tuple[ReadRequest, ReadRequest]:
    """The second half, which is asked for later, and the first.

    Most values have two registers, and some meters refuse half of one: pairs from the beginning on are split last.
    """
    half = request.count // 2
    if request.count > 2:  # noqa: PLR2004 - a pair
        half += half % 2
    middle, end = request.address + half, request.address + request.count
    return (
        ReadRequest(request.unit, request.function, middle, end - middle),
        ReadRequest(request.unit, request.function, request.address, middle - request.address),
    )
