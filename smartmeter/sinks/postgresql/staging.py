"""The slow way into the table, for a batch that it does not take at once: by a temporary table, to tell the rows apart.

Here every row finds its fate: stored, already there, refused for another reading with its key, refused by the database.
"""

import psycopg
from psycopg import sql

from smartmeter.sinks.postgresql.connection import Connection, reason
from smartmeter.sinks.postgresql.dirty import mark, quarters_of
from smartmeter.sinks.postgresql.names import Names
from smartmeter.sinks.postgresql.rows import Batch, copy_rows
from smartmeter.sinks.postgresql.sqlstate import Verdict, verdict
from smartmeter.sinks.postgresql.table import TIME
from smartmeter.sinks.sink import Refusal

_STAGE = sql.Identifier("pg_temp", "smartmeter_batch")
_CLASH = "another reading with this time is already there"
_NOT_TAKEN = "the table did not take it: another unique constraint, or a trigger"


async def store_singly(connection: Connection, batch: Batch, names: Names | None) -> list[Refusal]:
    """Store what can be stored, in one transaction; gives what the table will never take.

    `names`: where its quarter-hours are marked, if roll-ups are kept.

    Raises psycopg.Error for everything that is not the fault of a row; then nothing is stored.
    """
    async with connection.transaction():
        # A constraint that waits for the end of the transaction would not tell which row it is about.
        await connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        await _fill(connection, batch)
        refusals = await _insert(connection, batch, range(len(batch.entries)))
        refusals += await _clashes(connection, batch)
        if names is not None:
            await mark(connection, names, quarters_of(batch.entries))
    return refusals


async def _fill(connection: Connection, batch: Batch) -> None:
    """Put the rows, numbered, into a table that takes them all: only the way from there into the real one converts."""
    names = ("n", *batch.fixed_names, *(column.name for column in batch.columns.values()))
    types = ["int4", *batch.types]
    columns = (sql.SQL("{} {}").format(*map(sql.Identifier, column)) for column in zip(names, types, strict=True))
    await connection.execute(
        sql.SQL("CREATE TEMPORARY TABLE {} ({}) ON COMMIT DROP").format(_STAGE, sql.SQL(", ").join(columns))
    )
    await copy_rows(
        connection,
        sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(_STAGE),
        types,
        ((number, *row) for number, row in enumerate(batch.rows())),
    )


async def _insert(connection: Connection, batch: Batch, numbers: range) -> list[Refusal]:
    """Move these rows into the table; halves that the database refuses are halved until the culprits stand alone."""
    statement = sql.SQL(
        "INSERT INTO {target} ({names}) SELECT {names} FROM {stage} WHERE n >= %s AND n < %s ORDER BY n"
        " ON CONFLICT DO NOTHING"
    ).format(target=batch.target, names=batch.names, stage=_STAGE)
    try:
        async with connection.transaction():
            await connection.execute(statement, (numbers.start, numbers.stop))
    except psycopg.Error as error:
        if verdict(error.sqlstate) is not Verdict.REFUSED:
            raise
        if len(numbers) == 1:
            await connection.execute(sql.SQL("DELETE FROM {} WHERE n = %s").format(_STAGE), (numbers.start,))
            return [Refusal(batch.entries[numbers.start].sequence, reason(error))]
    else:
        return []
    middle = len(numbers) // 2
    return [
        *await _insert(connection, batch, numbers[:middle]),
        *await _insert(connection, batch, numbers[middle:]),
    ]


async def _clashes(connection: Connection, batch: Batch) -> list[Refusal]:
    """Refusals for rows that are not in the table now, because one with other values has their key.

    The values are compared as the table keeps them, which may be with fewer digits. A row that is not there under its
    key at all met another unique constraint, or a trigger that dropped it.
    """
    same_key = [sql.SQL("kept.{0} = staged.{0}").format(sql.Identifier(name)) for name in batch.layout.key]
    differences = [
        sql.SQL("kept.{0} IS DISTINCT FROM staged.{0}::{1}").format(sql.Identifier(column.name), sql.SQL(column.type))
        for column in batch.columns.values()
    ]
    statement = sql.SQL(
        "SELECT n, kept.{time} IS NOT NULL FROM {stage} AS staged LEFT JOIN {target} AS kept ON {same_key}"
        " WHERE {differences} ORDER BY n"
    ).format(
        time=sql.Identifier(TIME),
        stage=_STAGE,
        target=batch.target,
        same_key=sql.SQL(" AND ").join(same_key),
        differences=sql.SQL(" OR ").join([sql.SQL("kept.{} IS NULL").format(sql.Identifier(TIME)), *differences]),
    )
    rows = await (await connection.execute(statement)).fetchall()
    return [Refusal(batch.entries[number].sequence, _CLASH if there else _NOT_TAKEN) for number, there in rows]
