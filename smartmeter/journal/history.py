"""The journal as a history to read, also while the daemon writes it. Roll-ups may lag by a minute."""

import sqlite3
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from smartmeter.history.model import EnergyRow, FlagRow, MeansRow, RollupRow
from smartmeter.journal.database import connect_read_only
from smartmeter.journal.errors import JournalError, error_text
from smartmeter.journal.names import measurand_columns, quoted, table_columns
from smartmeter.journal.worker import Worker
from smartmeter.periods import Period
from smartmeter.reading import Reading

_BATCH_READINGS = 1000
_T = TypeVar("_T")


class JournalHistory:
    """Reads the journal at `path`; each call sees the file as it is at that moment. See `smartmeter.history.History`.

    All methods raise JournalError if there is no journal, or none that can be read.
    """

    name = "journal"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._worker = Worker("journal-history")

    async def meters(self) -> Sequence[str]:
        return await self._read(_meters)

    async def span(self, meter: str) -> tuple[int, int] | None:
        return await self._read(_span, meter)

    async def energy(
        self, meter: str, measurands: Collection[str], period: Period, from_us: int, until_us: int
    ) -> Sequence[EnergyRow]:
        return await self._read(_energy, meter, tuple(measurands), period, (from_us, until_us))

    async def rollups(
        self, meter: str, columns: Sequence[str], period: Period, from_us: int, until_us: int
    ) -> Sequence[RollupRow]:
        return await self._read(_rollups, meter, tuple(columns), period, (from_us, until_us))

    async def means(
        self, meter: str, measurands: Sequence[str], width_us: int, from_us: int, until_us: int
    ) -> Sequence[MeansRow]:
        return await self._read(_means, meter, tuple(measurands), width_us, (from_us, until_us))

    async def readings(self, meter: str, from_us: int, until_us: int) -> AsyncIterator[Sequence[Reading]]:
        after: tuple[int, int] | None = None
        while True:
            batch, after = await self._read(_readings, meter, (from_us, until_us), after)
            if batch:
                yield batch
            if after is None:
                return

    async def flags(self, meter: str, from_us: int, until_us: int) -> Sequence[FlagRow]:
        return await self._read(_flags, meter, (from_us, until_us))

    async def close(self) -> None:
        self._worker.close()

    async def _read(self, function: Callable[..., _T], *args: object) -> _T:
        return await self._worker.run(self._call, function, *args)

    def _call(self, function: Callable[..., _T], *args: object) -> _T:
        if not self._path.exists():
            raise JournalError(f"{self._path}: there is no journal; is smartmeter running with these settings?")
        try:
            with closing(connect_read_only(self._path)) as connection:
                if not table_columns(connection, "rollup_1d"):
                    raise JournalError(
                        f"{self._path}: an older smartmeter wrote this journal; start the new one once, or run "
                        "smartmeter db upgrade"
                    )
                connection.execute("BEGIN")
                return function(connection, *args)
        except sqlite3.Error as error:
            raise JournalError(f"{self._path}: cannot be read: {error_text(error)}") from None


Span = tuple[int, int]


def _meters(connection: sqlite3.Connection) -> list[str]:
    return [name for (name,) in connection.execute("SELECT name FROM meter ORDER BY name")]


def _meter_id(connection: sqlite3.Connection, meter: str) -> int | None:
    row = connection.execute("SELECT id FROM meter WHERE name = ?", (meter,)).fetchone()
    return None if row is None else int(row[0])


def _span(connection: sqlite3.Connection, meter: str) -> Span | None:
    meter_id = _meter_id(connection, meter)
    ends = [
        end
        for table, time in (("reading", "time_us"), ("rollup_15m", "start_us"))
        for order in ("min", "max")
        for (end,) in connection.execute(f"SELECT {order}({time}) FROM {table} WHERE meter_id = ?", (meter_id,))  # noqa: S608 ours
        if end is not None
    ]
    return (min(ends), max(ends)) if ends else None


def _energy(
    connection: sqlite3.Connection, meter: str, measurands: Sequence[str], period: Period, span: Span
) -> list[EnergyRow]:
    meter_id = _meter_id(connection, meter)
    query = (
        f"SELECT start_us, energy, gap_energy, gap_from_us, cost, unpriced FROM energy_{period} "  # noqa: S608 ours
        "WHERE meter_id = ? AND measurand = ? AND start_us >= ? AND start_us < ? ORDER BY start_us"
    )
    rows = [
        EnergyRow(meter, id_, *row) for id_ in measurands for row in connection.execute(query, (meter_id, id_, *span))
    ]
    return sorted(rows, key=lambda row: row.start_us)


def _rollups(
    connection: sqlite3.Connection, meter: str, columns: Sequence[str], period: Period, span: Span
) -> list[RollupRow]:
    there = set(table_columns(connection, f"rollup_{period}"))
    known = [column for column in columns if column in there]
    rows = connection.execute(
        f"SELECT start_us, n{_listed(known)} FROM rollup_{period} "  # noqa: S608 our names, quoted
        "WHERE meter_id = ? AND start_us >= ? AND start_us < ? ORDER BY start_us",
        (_meter_id(connection, meter), *span),
    )
    return [RollupRow(meter, start_us, n, _present(known, values)) for start_us, n, *values in rows]


def _means(
    connection: sqlite3.Connection, meter: str, measurands: Sequence[str], width_us: int, span: Span
) -> list[MeansRow]:
    there = set(measurand_columns(connection))
    known = [id_ for id_ in measurands if id_ in there]
    made = "".join(f", avg({name}), min({name}), max({name})" for name in map(quoted, known))
    rows = connection.execute(
        f"SELECT time_us - time_us % :width AS start_us, count(*){made} FROM reading "  # noqa: S608 our names, quoted
        "WHERE meter_id = :meter AND time_us >= :from AND time_us < :until GROUP BY 1 ORDER BY 1",
        {"width": width_us, "meter": _meter_id(connection, meter), "from": span[0], "until": span[1]},
    )
    return [
        MeansRow(
            start_us,
            n,
            _present(known, values[0::3]),
            _present(known, values[1::3]),
            _present(known, values[2::3]),
        )
        for start_us, n, *values in rows
    ]


def _readings(
    connection: sqlite3.Connection, meter: str, span: Span, after: Span | None
) -> tuple[list[Reading], Span | None]:
    """The next readings beyond `after` (time and number), and where they end; None when these are the last."""
    ids = measurand_columns(connection)
    time_us, sequence = after or (span[0], _BELOW_ALL)
    rows = connection.execute(
        f"SELECT sequence, time_us, boot.name, monotonic_us{_listed(ids)} "  # noqa: S608 our names, quoted
        "FROM reading LEFT JOIN boot ON boot.id = reading.boot_id "
        "WHERE meter_id = ? AND time_us >= ? AND time_us < ? AND (time_us > ? OR sequence > ?) "
        "ORDER BY time_us, sequence LIMIT ?",
        (_meter_id(connection, meter), time_us, span[1], time_us, sequence, _BATCH_READINGS),
    ).fetchall()
    last = (rows[-1][1], rows[-1][0]) if len(rows) == _BATCH_READINGS else None
    return list(_as_readings(meter, ids, rows)), last


_BELOW_ALL = -(2**63)


def _as_readings(meter: str, ids: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> Iterator[Reading]:
    for _, time_us, boot, monotonic_us, *values in rows:
        yield Reading(meter, time_us, boot, monotonic_us, _present(ids, values))


def _flags(connection: sqlite3.Connection, meter: str, span: Span) -> list[FlagRow]:
    rows = connection.execute(
        "SELECT measurand, time_us, kind, value, before FROM counter_flag "
        "WHERE meter_id = ? AND time_us >= ? AND time_us < ? ORDER BY time_us, measurand",
        (_meter_id(connection, meter), *span),
    )
    return [FlagRow(meter, *row) for row in rows]


def _listed(names: Sequence[str]) -> str:
    return "".join(f", {quoted(name)}" for name in names)


def _present(names: Sequence[str], values: Sequence[float | None]) -> Mapping[str, float]:
    return {name: value for name, value in zip(names, values, strict=True) if value is not None}
