"""What lies in PostgreSQL, for reading: the same names and units as the journal's, whatever its columns are called."""

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any

from psycopg import sql

from smartmeter.history import EnergyRow, FlagRow, MeansRow, RollupRow
from smartmeter.history.columns import rollup_column
from smartmeter.measurands import Language
from smartmeter.periods import QUARTER_US, Period
from smartmeter.reading import Reading
from smartmeter.settings.model import MeterSettings, PostgresqlSettings
from smartmeter.sinks.postgresql.access import Found, find, need_store, owners_words
from smartmeter.sinks.postgresql.dirty import meters_in, own_rows
from smartmeter.sinks.postgresql.link import Link
from smartmeter.sinks.postgresql.names import Names
from smartmeter.sinks.postgresql.store import Store
from smartmeter.sinks.postgresql.table import TIME, Layout
from smartmeter.sinks.postgresql.times import bounded, from_us, us

BATCH_READINGS = 1000

Row = tuple[Any, ...]


class PostgresqlHistory:
    """The `History` of the table that the settings name. Its methods raise SinkError."""

    name = "postgresql"

    def __init__(self, settings: PostgresqlSettings, meters: Sequence[MeterSettings], language: Language) -> None:
        self._settings = settings
        self._meters = tuple(meter.name for meter in meters)
        self._language: Language = language
        self._link = Link(settings)
        self._found: Found | None = None

    async def meters(self) -> Sequence[str]:
        found = await self._look()
        with owners_words(self._settings):
            with_readings = await meters_in(await self._link.connection(), _names(found.layout), found.layout)
        if found.store is None:
            return with_readings
        statement = sql.SQL("SELECT meter FROM {} UNION SELECT meter FROM {}").format(
            found.store.names.rollup("1d"), found.store.names.energy("1d")
        )
        return sorted({*with_readings, *(meter for (meter,) in await self._rows(statement, {}))})

    async def span(self, meter: str) -> tuple[int, int] | None:
        found = await self._look()
        readings = await self._ends(_names(found.layout).raw, own_rows(found.layout), meter)
        if found.store is None:
            return readings
        rollups = await self._ends(found.store.names.rollup("15m"), sql.SQL("meter = %(meter)s"), meter)
        if readings is None or rollups is None:
            return readings or rollups
        # The quarter-hour of the first reading begins before it.
        first_us = readings[0] if readings[0] < rollups[0] + QUARTER_US else rollups[0]
        return first_us, max(readings[1], rollups[1])

    async def energy(
        self, meter: str, measurands: Collection[str], period: Period, from_us: int, until_us: int
    ) -> Sequence[EnergyRow]:
        store = await self._store()
        statement = sql.SQL(
            "SELECT measurand, {}, energy, gap_energy, {}, cost, unpriced FROM {}"
            " WHERE meter = %(meter)s AND measurand = ANY (%(measurands)s) AND ts >= %(from)s AND ts < %(until)s"
            " ORDER BY ts, measurand"
        ).format(us(sql.SQL("ts")), us(sql.SQL("gap_from")), store.names.energy(period))
        parameters = _span(meter, from_us, until_us) | {"measurands": list(measurands)}
        return [EnergyRow(meter, *row) for row in await self._rows(statement, parameters)]

    async def rollups(
        self, meter: str, columns: Sequence[str], period: Period, from_us: int, until_us: int
    ) -> Sequence[RollupRow]:
        store = await self._store()
        known = {rollup_column(column.measurand, column.aggregate): column.identifier for column in store.columns}
        wanted = [column for column in dict.fromkeys(columns) if column in known]
        statement = sql.SQL(
            "SELECT {}, n{} FROM {} WHERE meter = %(meter)s AND ts >= %(from)s AND ts < %(until)s ORDER BY ts"
        ).format(
            us(sql.SQL("ts")),
            sql.Composed([sql.SQL(", {}").format(known[column]) for column in wanted]),
            store.names.rollup(period),
        )
        return [
            RollupRow(meter, start, n, _present(wanted, values))
            for start, n, *values in await self._rows(statement, _span(meter, from_us, until_us))
        ]

    async def means(
        self, meter: str, measurands: Sequence[str], width_us: int, from_us: int, until_us: int
    ) -> Sequence[MeansRow]:
        layout = (await self._look()).layout
        wanted = [id_ for id_ in dict.fromkeys(measurands) if id_ in layout.columns]
        values = [sql.SQL("nullif({}::double precision, 'NaN')").format(_column(layout, id_)) for id_ in wanted]
        made = [sql.SQL(", avg({0}), min({0}), max({0})").format(value) for value in values]
        statement = sql.SQL(
            "SELECT {time} / %(width)s * %(width)s, count(*){made} FROM {raw}"
            " WHERE {own} AND {ts} >= %(from)s AND {ts} < %(until)s GROUP BY 1 ORDER BY 1"
        ).format(
            time=us(sql.Identifier(TIME)),
            made=sql.Composed(made),
            raw=_names(layout).raw,
            own=own_rows(layout),
            ts=sql.Identifier(TIME),
        )
        parameters = _span(meter, from_us, until_us) | {"width": width_us}
        return [
            MeansRow(start, n, *(_present(wanted, found[offset::3]) for offset in range(3)))
            for start, n, *found in await self._rows(statement, parameters)
        ]

    async def readings(self, meter: str, from_us: int, until_us: int) -> AsyncIterator[Sequence[Reading]]:
        layout = (await self._look()).layout
        ids = list(layout.columns)
        time = sql.Identifier(TIME)
        statement = sql.SQL(
            "SELECT {us}{values} FROM {raw} WHERE {own} AND {time} >= %(from)s AND {time} < %(until)s"
            " ORDER BY {time} LIMIT {limit}"
        ).format(
            us=us(time),
            values=sql.Composed([sql.SQL(", {}::double precision").format(_column(layout, id_)) for id_ in ids]),
            raw=_names(layout).raw,
            own=own_rows(layout),
            time=time,
            limit=sql.Literal(BATCH_READINGS),
        )
        # By the key from batch to batch: a cursor would need a transaction for as long as the reader takes.
        while rows := await self._rows(statement, _span(meter, from_us, until_us)):
            yield [Reading(meter, time_us, "", 0, _present(ids, values)) for time_us, *values in rows]
            from_us = rows[-1][0] + 1

    async def flags(self, meter: str, from_us: int, until_us: int) -> Sequence[FlagRow]:
        store = await self._store()
        statement = sql.SQL(
            "SELECT measurand, {}, kind, value, before FROM {}"
            " WHERE meter = %(meter)s AND ts >= %(from)s AND ts < %(until)s ORDER BY ts, measurand"
        ).format(us(sql.SQL("ts")), store.names.flag)
        rows = await self._rows(statement, _span(meter, from_us, until_us))
        return [FlagRow(meter, *row) for row in rows]

    async def close(self) -> None:
        await self._link.close()

    async def _look(self) -> Found:
        """The table and what is beside it; looked for once."""
        if self._found is None:
            with owners_words(self._settings):
                connection = await self._link.connection()
                self._found = await find(connection, self._settings, self._meters, self._language)
        return self._found

    async def _store(self) -> Store:
        with owners_words(self._settings):
            return need_store(await self._look())

    async def _ends(self, table: sql.Identifier, own: sql.Composable, meter: str) -> tuple[int, int] | None:
        statement = sql.SQL("SELECT {}, {} FROM {} WHERE {}").format(
            us(sql.SQL("min(ts)")), us(sql.SQL("max(ts)")), table, own
        )
        ((first_us, last_us),) = await self._rows(statement, {"meter": meter})
        return None if first_us is None else (first_us, last_us)

    async def _rows(self, statement: sql.Composed, parameters: dict[str, object]) -> Sequence[Row]:
        with owners_words(self._settings):
            connection = await self._link.connection()
            return await (await connection.execute(statement, parameters)).fetchall()


def _names(layout: Layout) -> Names:
    return Names(layout.schema, layout.table)


def _column(layout: Layout, id_: str) -> sql.Identifier:
    return sql.Identifier(layout.columns[id_].name)


def _span(meter: str, from_us_: int, until_us: int) -> dict[str, object]:
    return {"meter": meter, "from": from_us(bounded(from_us_)), "until": from_us(bounded(until_us))}


def _present(ids: Sequence[str], values: Sequence[float | None]) -> dict[str, float]:
    return {id_: value for id_, value in zip(ids, values, strict=True) if value is not None}
