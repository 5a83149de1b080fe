"""Which column of a table takes what: for the original's table, for our own, and for what people made of them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from smartmeter.measurands import Language, measurands
from smartmeter.sinks.postgresql.catalog import Column, Table
from smartmeter.sinks.sink import SinkError

TIME = "ts"
METER = "meter"

TIME_TYPE = "timestamp with time zone"
METER_TYPES = ("text", "character varying")
VALUE_TYPE = "double precision"

# What the textual COPY of a float goes into as an INSERT would have it; whole numbers would need a rounding cast.
_TEXTUAL = ("double precision", "real", "numeric")

LANGUAGES: tuple[Language, Language] = ("en", "de")

CopyFormat = Literal["binary", "text"]


class TableError(SinkError):
    """The table is not there, or not such that readings could go into it."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How readings lie in a table.

    `columns` holds the column of each measurand, by id. Without the column `meter`, or with a primary key that ignores
    it, the table takes the readings of `only_meter` alone. `key` is what no two rows share. `copy` is the format in
    which COPY can go straight into it; None: by way of a temporary table.
    """

    schema: str
    table: str
    key: tuple[str, ...]
    has_meter: bool
    only_meter: str | None
    columns: Mapping[str, Column]
    copy: CopyFormat | None


def layout_of(table: Table, meters: Sequence[str], language: Language) -> Layout:
    """How readings of these meters go into this table; of two columns for one measurand, the one in `language`.

    Raises TableError saying what has to be changed, where they cannot.
    """
    name = f"{table.schema}.{table.name}"
    if not table.plain:
        raise TableError(f"{name} in the database is not a table; name a table in the settings")
    time = table.columns.get(TIME)
    if time is None or time.type != TIME_TYPE:
        raise TableError(
            f"table {name} needs a column {TIME} of type {TIME_TYPE}"
            + ("" if time is None else f", it has type {time.type}")
            + "; change it, or name another table in the settings"
        )
    has_meter = METER in table.columns
    key = _key(table, has_meter=has_meter)
    only_meter = None
    if METER not in key:
        if len(meters) != 1:
            raise TableError(
                f"table {name} is for one meter, because no column {METER} is in its primary key, but the settings "
                f"have {len(meters)} ({', '.join(meters)}); name another table in the settings, and it will be created"
            )
        (only_meter,) = meters
    columns = _columns(table, language)
    _check_required(table, columns.values())
    return Layout(
        schema=table.schema,
        table=table.name,
        key=key,
        has_meter=has_meter,
        only_meter=only_meter,
        columns=columns,
        copy=_copy_format(table, columns.values()),
    )


def without_column(table: Table, ids: Iterable[str]) -> tuple[str, ...]:
    """Those of the measurands that have no column in the table under either name, in the vocabulary's order."""
    wanted = set(ids)
    return tuple(
        measurand.id
        for measurand in measurands().values()
        if measurand.id in wanted and not any(measurand.column(language) in table.columns for language in LANGUAGES)
    )


def table_language(table: Table, otherwise: Language) -> Language:
    """The language of most of the table's columns, so that new ones fit in; `otherwise` where neither prevails."""
    english = sum(name in measurands() for name in table.columns)
    german = sum(measurand.column("de") in table.columns for measurand in measurands().values())
    if english == german:
        return otherwise
    return "en" if english > german else "de"


def _key(table: Table, *, has_meter: bool) -> tuple[str, ...]:
    if has_meter and frozenset((METER, TIME)) in table.keys:
        return (METER, TIME)
    if frozenset((TIME,)) in table.keys:
        return (TIME,)
    wanted = f"{METER}, {TIME}" if has_meter else TIME
    raise TableError(
        f"table {table.schema}.{table.name} has no primary key ({wanted}), so a reading that comes again would be "
        f"there twice; add it: ALTER TABLE {table.schema}.{table.name} ADD PRIMARY KEY ({wanted})"
    )


def _columns(table: Table, language: Language) -> dict[str, Column]:
    columns = {}
    preferred = sorted(LANGUAGES, key=lambda each: each != language)
    for measurand in measurands().values():
        names = [measurand.column(each) for each in preferred]
        column = next((table.columns[name] for name in names if name in table.columns), None)
        if column is not None and column.writable:
            columns[measurand.id] = column
    return columns


def _check_required(table: Table, columns: Collection[Column]) -> None:
    filled = {TIME, METER, *(column.name for column in columns)}
    required = [column.name for column in table.columns.values() if column.required and column.name not in filled]
    if required:
        raise TableError(
            f"table {table.schema}.{table.name} demands values for {', '.join(required)}, which no meter gives; "
            "give each a default, or drop its NOT NULL"
        )


def _copy_format(table: Table, columns: Collection[Column]) -> CopyFormat | None:
    if METER in table.columns and not table.columns[METER].type.startswith(METER_TYPES):
        return None
    if all(column.type == VALUE_TYPE for column in columns):
        return "binary"
    if all(column.type.startswith(_TEXTUAL) for column in columns):
        return "text"
    return None
