"""The numbered steps that make and change what is kept beside the raw table. Roll-ups follow it and have no steps."""

from collections.abc import Callable, Sequence

from psycopg import sql

from smartmeter.sinks.postgresql.connection import Connection
from smartmeter.sinks.postgresql.names import Names
from smartmeter.sinks.postgresql.table import TableError


class NewerSchemaError(TableError):
    """A newer smartmeter made what is there: how to keep it is not known here."""


Step = Callable[[Names], Sequence[sql.Composed]]

_ENERGY = """
    meter text NOT NULL,
    measurand text NOT NULL,
    ts timestamptz NOT NULL,
    energy double precision NOT NULL,
    gap_energy double precision NOT NULL,
    gap_from timestamptz,
    cost double precision,
    unpriced double precision NOT NULL,
    PRIMARY KEY (meter, measurand, ts)
"""


def _energy_and_marks(names: Names) -> Sequence[sql.Composed]:
    return (
        sql.SQL("CREATE TABLE {} (meter text NOT NULL, ts timestamptz NOT NULL, PRIMARY KEY (meter, ts))").format(
            names.dirty
        ),
        # n: how many readings of the counter it was made from; last_ts, last_value and held: the guard's state at the
        # end of the quarter-hour.
        sql.SQL(
            "CREATE TABLE {} ({}, n integer NOT NULL, last_ts timestamptz NOT NULL,"
            " last_value double precision NOT NULL, held text)"
        ).format(names.energy("15m"), sql.SQL(_ENERGY)),
        sql.SQL("CREATE TABLE {} ({})").format(names.energy("1h"), sql.SQL(_ENERGY)),
        sql.SQL("CREATE TABLE {} ({})").format(names.energy("1d"), sql.SQL(_ENERGY)),
        # quarter: whose readings showed it. It is found anew with them. Two may show the same until one of them has
        # been worked out anew.
        sql.SQL(
            "CREATE TABLE {} (meter text NOT NULL, measurand text NOT NULL, ts timestamptz NOT NULL,"
            " kind text NOT NULL, value double precision NOT NULL, before double precision NOT NULL,"
            " quarter timestamptz NOT NULL, PRIMARY KEY (meter, measurand, ts, quarter))"
        ).format(names.flag),
        sql.SQL(
            "CREATE TABLE {} (meter text NOT NULL, measurand text NOT NULL, ts timestamptz NOT NULL,"
            " kind text NOT NULL, decided timestamptz NOT NULL, PRIMARY KEY (meter, measurand, ts, kind))"
        ).format(names.decision),
        sql.SQL(
            "CREATE TABLE {} (part text NOT NULL, name text NOT NULL, quantity text NOT NULL, ts timestamptz NOT NULL,"
            " value double precision NOT NULL, PRIMARY KEY (ts, part, name, quantity))"
        ).format(names.health),
        sql.SQL("CREATE TABLE {} (key text PRIMARY KEY, value text NOT NULL)").format(names.meta),
    )


# A step never changes once it has been released: a new need is a new step at the end.
STEPS: tuple[Step, ...] = (_energy_and_marks,)


async def step_there(connection: Connection, names: Names) -> int:
    """The last step that was run here; 0 if none was. Raises psycopg.Error."""
    # By way of pg_class: to_regclass alone may not see what another has made while this one waited for its lock.
    found = await connection.execute(
        "SELECT FROM pg_class WHERE oid = to_regclass(%s)", (names.steps.as_string(connection),)
    )
    if await found.fetchone() is None:
        return 0
    statement = sql.SQL("SELECT coalesce(max(step), 0) FROM {}").format(names.steps)
    ((step,),) = await (await connection.execute(statement)).fetchall()
    return int(step)


def check_known(names: Names, step: int, steps: Sequence[Step] = STEPS) -> None:
    """Raises NewerSchemaError if a newer smartmeter made what is there."""
    if step > len(steps):
        raise NewerSchemaError(
            f"a newer smartmeter made the roll-ups of table {names.schema}.{names.table} (schema {step}, this one "
            f"knows {len(steps)}); install one as new as that, or name another table in the settings"
        )


async def run_steps(connection: Connection, names: Names, steps: Sequence[Step] = STEPS) -> int:
    """Run those that are missing, inside the caller's transaction; gives the step that was there before.

    Raises NewerSchemaError if a newer smartmeter was here, psycopg.Error if the database refuses.
    """
    before = await step_there(connection, names)
    check_known(names, before, steps)
    await connection.execute(
        sql.SQL("CREATE TABLE IF NOT EXISTS {} (step integer PRIMARY KEY, applied timestamptz NOT NULL)").format(
            names.steps
        )
    )
    for number, step in enumerate(steps[before:], before + 1):
        for statement in step(names):
            await connection.execute(statement)
        await connection.execute(sql.SQL("INSERT INTO {} VALUES (%s, now())").format(names.steps), (number,))
    return before
