"""What the database says about itself and the table: plain facts, no judgement."""

from collections.abc import Mapping
from dataclasses import dataclass

from psycopg import sql

from smartmeter.sinks.postgresql.connection import Connection

# pg_class.relkind of plain and of partitioned tables, PostgreSQL documentation, "System Catalogs".
_TABLE_KINDS = ("r", "p")


@dataclass(frozen=True, slots=True)
class Database:
    """The server and the database on it. `timescaledb_schema`: where the extension's functions are, if it is there."""

    version: str
    read_only: bool
    may_create: bool
    timescaledb: str | None
    timescaledb_schema: str | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its `type` as SQL writes it, whether a row must bring a value (`required`) or may (`writable`)."""

    name: str
    type: str
    required: bool
    writable: bool


@dataclass(frozen=True, slots=True)
class Table:
    """What has the table's name.

    `plain`: it is a table, no view or the like. `keys`: the sets of columns that are unique together. The rest is what
    this user may do with it.
    """

    schema: str
    name: str
    plain: bool
    columns: Mapping[str, Column]
    keys: frozenset[frozenset[str]]
    owned: bool
    may_insert: bool
    may_select: bool
    hypertable: bool


_DATABASE = """
    SELECT current_setting('server_version'),
           current_setting('transaction_read_only') = 'on',
           coalesce(has_schema_privilege(coalesce(%(schema)s, current_schema()), 'CREATE'), false),
           extension.extversion,
           extension.nspname
      FROM (VALUES (1)) AS one
      LEFT JOIN (SELECT extversion, nspname
                   FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace
                  WHERE extname = 'timescaledb') AS extension ON true
"""

_TABLE = """
    SELECT pg_class.oid, nspname, relname, relkind::text, pg_has_role(relowner, 'USAGE'),
           has_any_column_privilege(pg_class.oid, 'INSERT'), has_any_column_privilege(pg_class.oid, 'SELECT')
      FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
     WHERE pg_class.oid = to_regclass(%s)
"""

_COLUMNS = """
    SELECT attname,
           format_type(atttypid, atttypmod),
           attnotnull AND NOT atthasdef AND attidentity = '',
           attgenerated = '' AND attidentity <> 'a'
      FROM pg_attribute
     WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped
     ORDER BY attnum
"""

# Only what ON CONFLICT DO NOTHING goes by: complete, immediate, on plain columns.
_KEYS = """
    SELECT array_agg(attname::text)
      FROM pg_index
     CROSS JOIN LATERAL unnest(indkey::int2[]) WITH ORDINALITY AS part (attnum, number)
      JOIN pg_attribute ON pg_attribute.attrelid = indrelid AND pg_attribute.attnum = part.attnum
     WHERE indrelid = %s AND indisunique AND indisvalid AND indimmediate AND indpred IS NULL AND indexprs IS NULL
       AND part.number <= indnkeyatts
     GROUP BY indexrelid
"""

_HYPERTABLE = """
    SELECT EXISTS (SELECT FROM timescaledb_information.hypertables
                    WHERE hypertable_schema = %s AND hypertable_name = %s)
"""


async def look_at_database(connection: Connection, schema: str | None) -> Database:
    """The facts about the database; `schema` None is the first of the search path."""
    (row,) = await (await connection.execute(_DATABASE, {"schema": schema})).fetchall()
    return Database(*row)


async def look_at_table(connection: Connection, schema: str | None, table: str) -> Table | None:
    """The facts about the table; None if there is none of this name."""
    name = sql.Identifier(table) if schema is None else sql.Identifier(schema, table)
    found = await (await connection.execute(_TABLE, (name.as_string(connection),))).fetchone()
    if found is None:
        return None
    oid, found_schema, found_name, kind, owned, may_insert, may_select = found
    columns = await (await connection.execute(_COLUMNS, (oid,))).fetchall()
    keys = await (await connection.execute(_KEYS, (oid,))).fetchall()
    return Table(
        schema=found_schema,
        name=found_name,
        plain=kind in _TABLE_KINDS,
        columns={column[0]: Column(*column) for column in columns},
        keys=frozenset(frozenset(key) for (key,) in keys),
        owned=owned,
        may_insert=may_insert,
        may_select=may_select,
        hypertable=await _is_hypertable(connection, found_schema, found_name),
    )


async def _is_hypertable(connection: Connection, schema: str, table: str) -> bool:
    installed = await connection.execute("SELECT to_regclass('timescaledb_information.hypertables') IS NOT NULL")
    if await installed.fetchone() != (True,):
        return False
    return await (await connection.execute(_HYPERTABLE, (schema, table))).fetchone() == (True,)
