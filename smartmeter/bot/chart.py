"""Charts for chats, drawn in a process apart, which is gone when the picture is there.

What draws and what reads the history take some 100 MB and most of a second of computing. The daemon has neither
imported; the child has the lowest priority, so that measuring does not wait for it.
"""

import asyncio
import json
import logging
import os
import sys
from asyncio.subprocess import PIPE
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import smartmeter
from smartmeter.errors import SmartmeterError
from smartmeter.measurands import Language

# Without the directory that it is started in: whatever lies there is not ours.
COMMAND = (sys.executable, "-P", "-m", "smartmeter.bot.chart_process")
TIME_LIMIT_S = 120.0

log = logging.getLogger(__name__)


class ChartError(SmartmeterError):
    """A chart could not be drawn."""


@dataclass(frozen=True, slots=True)
class ChartOrder:
    """A chart of one measurand (its id) of a meter, from the journal.

    The span is in UTC microseconds since 1970-01-01 and ends before `until_us`. `zone` is the IANA name of the site's.
    """

    journal: Path
    meter: str
    measurand: str
    from_us: int
    until_us: int
    zone: str
    language: Language


@dataclass(frozen=True, slots=True)
class Chart:
    """The picture, and what the values in its span come to.

    Of a counter `minimum`, `mean` and `maximum` are those of the energy of its whole bars. They are None when there
    are none in the span. `values_unit` is their unit as it is printed, "" if they have none.
    """

    png: bytes
    minimum: float | None
    mean: float | None
    maximum: float | None
    values_unit: str


async def draw_chart(order: ChartOrder) -> Chart:
    """Draw it in a process of its own, which is ended when the caller is cancelled.

    Raises ChartError if there is nothing to draw from or to draw with, and when it takes longer than TIME_LIMIT_S.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *COMMAND, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=_environment()
        )
    except OSError as error:
        raise ChartError(f"the process that draws charts cannot be started: {error.strerror}") from None
    try:
        async with asyncio.timeout(TIME_LIMIT_S):
            answer, complaints = await process.communicate(_question(order))
    except TimeoutError:
        raise ChartError(f"the chart was not ready within {TIME_LIMIT_S:g} s") from None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode:
        _log_failure(f"exit {process.returncode}", complaints)
        # The system ends it first when memory runs out.
        how = "was ended by a signal" if process.returncode < 0 else "has failed"
        raise ChartError(f"the process that draws charts {how}; the log has more")
    line, _, png = answer.partition(b"\n")
    try:
        return _chart(json.loads(line), png)
    except (ValueError, KeyError, TypeError):
        _log_failure("no answer", complaints)
        raise ChartError("the process that draws charts gave no answer; the log has more") from None


def _environment() -> dict[str, str]:
    """That of the daemon; the child finds this very package, from wherever the daemon was started."""
    paths = [str(Path(smartmeter.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    # numpy would make a thread for every core, each with a buffer, for nothing.
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "OPENBLAS_NUM_THREADS": "1"}


def _question(order: ChartOrder) -> bytes:
    return json.dumps({**asdict(order), "journal": str(order.journal)}).encode()


def _chart(answer: Any, png: bytes) -> Chart:  # noqa: ANN401 - JSON may be anything
    """What the child has answered. Raises ChartError with its error, KeyError or TypeError if it makes no sense."""
    if "error" in answer:
        raise ChartError(answer["error"])
    return Chart(png, answer["minimum"], answer["mean"], answer["maximum"], answer["values_unit"])


def _log_failure(how: str, complaints: bytes) -> None:
    lines = complaints.decode(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
    log.error("The process that draws charts has failed (%s): %s", how, last)
