"""The database as Grafana asks it: the raw table, and what is kept beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from smartmeter.grafana.sql import fill, identifier, literal
from smartmeter.grafana.store import DatePart
from smartmeter.history.columns import Aggregate, rollup_column
from smartmeter.measurands import Language, measurands

_FORMATS: Mapping[DatePart, str] = {
    "year": "YYYY",
    "month": "YYYY-MM",
    "month_of_year": "MM",
    "day": "YYYY-MM-DD",
    "day_of_year": "MM-DD",
}


@dataclass(frozen=True, slots=True)
class PostgresqlStore:
    """The table of the settings with the roll-ups beside it, `columns` in one of both languages, days in `zone`.

    `schema` None: the first of the search path that has the table.
    """

    schema: str | None
    table: str
    columns: Language
    zone: str

    plugin = "grafana-postgresql-datasource"
    time = "ts"
    shown_time = "ts"
    in_span = "$__timeFilter(ts)"
    until_end = "ts <= $__timeTo()"
    from_s = "$__unixEpochFrom()"
    until_s = "$__unixEpochTo()"
    now_s = "extract(epoch FROM now())::int8"
    end_of_time = "'infinity'"
    grid = "date_bin('$__interval_ms milliseconds', ts, 'epoch')"
    least = "least"
    greatest = "greatest"

    @property
    def raw(self) -> str:
        """The readings of all meters."""
        return self.beside("")

    def beside(self, suffix: str) -> str:
        """What is called as the raw table, with something after it."""
        schema = "" if self.schema is None else f"{identifier(self.schema)}."
        return schema + identifier(self.table + suffix)

    @property
    def meters(self) -> str:
        return fill("SELECT DISTINCT meter FROM {days} ORDER BY 1", days=self.rollup("1d"))

    def moment(self, seconds: str) -> str:
        return f"to_timestamp({seconds})"

    def seconds(self, time: str) -> str:
        return f"extract(epoch FROM {time})::float8"

    def column(self, measurand: str) -> str:
        return identifier(measurands()[measurand].column(self.columns))

    def rollup_column(self, measurand: str, aggregate: Aggregate) -> str:
        return identifier(rollup_column(measurands()[measurand].column(self.columns), aggregate))

    def rollup(self, period: str) -> str:
        return self.beside(f"_{period}")

    def energy(self, period: str) -> str:
        return self.beside(f"_energy_{period}")

    @property
    def flags(self) -> str:
        return self.beside("_counter_flag")

    @property
    def health(self) -> str:
        return self.beside("_health")

    @property
    def dirty(self) -> str:
        return self.beside("_dirty")

    # The original's raw table has no column `meter`. Where the innermost table has none, SQL takes the next one
    # outside: then `meter = chosen.meter` compares the meter with itself, and all rows are its. One query for both.

    def readings(self, measurands: Sequence[str]) -> str:
        columns = "".join(f", {self.column(each)}" for each in measurands)
        return fill(
            """
            (SELECT chosen.meter, own.* FROM (SELECT {meter} AS meter) AS chosen CROSS JOIN LATERAL
              (SELECT ts{columns} FROM {raw} WHERE meter = chosen.meter AND $__timeFilter(ts)) AS own) AS readings
            """,
            raw=self.raw,
            columns=columns,
        )

    @property
    def first_reading(self) -> str:
        return fill(
            """
            (SELECT (SELECT ts FROM {raw} WHERE meter = chosen.meter AND $__timeFilter(ts) ORDER BY ts LIMIT 1)
              FROM (SELECT {meter} AS meter) AS chosen)
            """,
            raw=self.raw,
        )

    def newest(self, value: str, within_s: int) -> str:
        return fill(
            """
            (SELECT {value} FROM {raw} WHERE meter = chosen.meter AND ts <= $__timeTo()
              AND ts > $__timeTo()::timestamptz - interval '{within_s} seconds' AND {value} IS NOT NULL
              ORDER BY ts DESC LIMIT 1)
            """,
            raw=self.raw,
            value=value,
            within_s=str(within_s),
        )

    @property
    def newest_time(self) -> str:
        newest = fill(
            "(SELECT ts FROM {raw} WHERE meter = known.meter ORDER BY ts DESC LIMIT 1)",
            raw=self.raw,
        )
        return self.seconds(newest)

    def date(self, part: DatePart) -> str:
        return f"to_char(ts AT TIME ZONE {literal(self.zone)}, '{_FORMATS[part]}')"

    def is_last_day(self, table: str) -> str:
        del table
        return f"ts = date_trunc('day', $__timeTo()::timestamptz, {literal(self.zone)})"
