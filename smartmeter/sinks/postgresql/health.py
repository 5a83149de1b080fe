"""How measuring itself fares, beside the table of readings."""

from collections.abc import Sequence

from psycopg import sql

from smartmeter.journal.health import Health
from smartmeter.sinks.postgresql.connection import Connection
from smartmeter.sinks.postgresql.names import Names
from smartmeter.sinks.postgresql.times import from_us, us


async def newest_health(connection: Connection, names: Names) -> int:
    """The newest quarter-hour that something was noted on; 0 if there is none. Raises psycopg.Error."""
    statement = sql.SQL("SELECT {} FROM {}").format(us(sql.SQL("max(ts)")), names.health)
    ((newest_us,),) = await (await connection.execute(statement)).fetchall()
    return newest_us or 0


async def store_health(connection: Connection, names: Names, health: Sequence[Health]) -> None:
    """Put these in, in place of what was noted on the same. Raises psycopg.Error."""
    statement = sql.SQL(
        "INSERT INTO {} (part, name, quantity, ts, value)"
        " SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::float8[])"
        " ON CONFLICT (ts, part, name, quantity) DO UPDATE SET value = excluded.value"
    ).format(names.health)
    rows = [(each.part, each.name, each.quantity, from_us(each.start_us), each.value) for each in health]
    await connection.execute(statement, [list(column) for column in zip(*rows, strict=True)])
