"""Export: from a history into a file."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal
from zoneinfo import ZoneInfo

from smartmeter.errors import SmartmeterError
from smartmeter.history.model import History
from smartmeter.measurands import Language, Measurand, measurands
from smartmeter.periods import Period
from smartmeter.settings.words import suggestion
from smartmeter.transfer.errors import TransferError
from smartmeter.transfer.sheets import (
    Sheet,
    Span,
    energy_sheet,
    kept_measurands,
    readings_sheet,
    rollups_sheet,
    spans_of,
)
from smartmeter.transfer.target import target

What = Literal["readings", "15m", "1h", "1d", "energy"]
Format = Literal["csv", "parquet"]
Tell = Callable[[float, int], None]

_Write = Callable[[Sheet, BinaryIO, Tell], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Request:
    """What is wanted: `what` in a `format`, of one meter (None: all), from `since_us` until before `until_us`.

    `wanted` None: what has any value; those that have none in the roll-ups yet, if they are in `expected`. `period`
    is that of the energy. Columns are named in `language`, days begin in `zone`.
    """

    what: What
    format: Format
    meter: str | None
    since_us: int | None
    until_us: int | None
    wanted: Sequence[Measurand] | None
    expected: Collection[str]
    period: Period
    language: Language
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Exported:
    """How many rows were written, and the ids of measurands whose values had no column."""

    rows: int
    left_out: Collection[str]


async def export(history: History, request: Request, path: Path | None, tell: Tell) -> Exported:
    """Write what is requested into the file at `path`, standard output if None; `tell` hears how far it is.

    Raises SmartmeterError: then there is no file, or the one that was there before.
    """
    write = _writer(request.format)
    spans = await _spans(history, request)
    left_out: set[str] = set()
    sheet = await _sheet(history, request, spans, left_out)
    with target(path) as file:
        rows = await write(sheet, file, tell)
    return Exported(rows, left_out)


def _writer(format_: Format) -> _Write:
    if format_ == "csv":
        from smartmeter.transfer.csv_file import write_csv  # noqa: PLC0415

        return write_csv
    try:
        from smartmeter.transfer.parquet_file import write_parquet  # noqa: PLC0415 - heavy, and not everybody has it
    except ImportError:
        raise TransferError(
            "Parquet needs the library pyarrow; install it with make extras or pip install 'smartmeter[parquet]', "
            "or export CSV"
        ) from None
    return write_parquet


async def _spans(history: History, request: Request) -> list[Span]:
    meters = await history.meters()
    if request.meter is not None and request.meter not in meters:
        kept = suggestion(request.meter, meters) if meters else "there is none yet"
        raise TransferError(f"the {history.name} has no meter {request.meter!r}; {kept}")
    chosen = meters if request.meter is None else [request.meter]
    spans = await spans_of(history, chosen, request.since_us, request.until_us, request.zone)
    if not spans:
        raise TransferError(f"the {history.name} has no readings in this span")
    return spans


async def _sheet(history: History, request: Request, spans: Sequence[Span], left_out: set[str]) -> Sheet:
    wanted = request.wanted
    if wanted is None:
        kept = set(request.expected) | await _kept(history, spans)
        wanted = [measurand for measurand in measurands().values() if measurand.id in kept]
    if request.what == "readings":
        return readings_sheet(history, spans, wanted, request.language, left_out)
    if request.what == "energy":
        return energy_sheet(history, spans, wanted, request.language, request.period)
    return rollups_sheet(history, spans, wanted, request.language, request.what)


async def _kept(history: History, spans: Sequence[Span]) -> set[str]:
    """What has any value, as far as there are roll-ups."""
    try:
        return set().union(*[await kept_measurands(history, span) for span in spans])
    except SmartmeterError:
        # The original's table has none. If the history cannot be read at all, the next to read it will say so.
        return set()
