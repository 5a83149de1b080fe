"""The journal as Grafana asks it, by the plugin frser-sqlite-datasource: the views that are made for people.

SQLite knows no zones. The rows of days begin at local midnights, so half a day after one it is that date also by the
clock of the zone's mean offset, whichever offset holds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from smartmeter.grafana.sql import fill, identifier
from smartmeter.grafana.store import DatePart
from smartmeter.history.columns import Aggregate, rollup_column

_FORMATS: Mapping[DatePart, str] = {
    "year": "%Y",
    "month": "%Y-%m",
    "month_of_year": "%m",
    "day": "%Y-%m-%d",
    "day_of_year": "%m-%d",
}
_NOON_S = 43_200
# A day is at most this long, unless a country moves to another zone.
_LONGEST_DAY_US = 90_000_000_000
# Any year does: an offset of another one may differ by hours, and half a day is left in both directions.
_YEAR = 2026


@dataclass(frozen=True, slots=True)
class JournalStore:
    """The journal of a site in `zone`."""

    zone: str

    plugin = "frser-sqlite-datasource"
    # The view's column that has the index.
    time = "time_us"
    # Grafana takes seconds.
    shown_time = "time_s"
    in_span = "time_us BETWEEN $__from * 1000 AND $__to * 1000"
    until_end = "time_us <= $__to * 1000"
    from_s = "$__from / 1000"
    until_s = "$__to / 1000"
    now_s = "CAST(strftime('%s', 'now') AS INTEGER)"
    end_of_time = "9223372036854775807"
    grid = "time_us / ($__interval_ms * 1000) * $__interval_ms / 1000.0"
    meters = "SELECT name FROM meter ORDER BY 1"
    least = "min"
    greatest = "max"
    flags = "counter_flags"
    health = "health_per_15m"
    dirty = "(SELECT meter.name AS meter, start_us AS time_us FROM dirty JOIN meter ON meter.id = meter_id) AS dirty"

    def moment(self, seconds: str) -> str:
        return f"({seconds}) * 1000000"

    def seconds(self, time: str) -> str:
        return f"{time} / 1e6"

    def column(self, measurand: str) -> str:
        return identifier(measurand)

    def rollup_column(self, measurand: str, aggregate: Aggregate) -> str:
        return identifier(rollup_column(measurand, aggregate))

    def rollup(self, period: str) -> str:
        return f"readings_{period}"

    def energy(self, period: str) -> str:
        return f"energy_per_{period}"

    def readings(self, measurands: Sequence[str]) -> str:
        columns = "".join(f", {self.column(each)}" for each in measurands)
        return fill(
            "(SELECT meter, time_us{columns} FROM readings WHERE meter = {meter} AND {in_span}) AS readings",
            columns=columns,
            in_span=self.in_span,
        )

    @property
    def first_reading(self) -> str:
        return fill(
            "(SELECT time_us FROM readings WHERE meter = {meter} AND {in_span} ORDER BY time_us LIMIT 1)",
            in_span=self.in_span,
        )

    def newest(self, value: str, within_s: int) -> str:
        return fill(
            """
            (SELECT {value} FROM readings WHERE meter = chosen.meter AND {until_end}
              AND time_us > $__to * 1000 - {within_us} AND {value} IS NOT NULL ORDER BY time_us DESC LIMIT 1)
            """,
            value=value,
            until_end=self.until_end,
            within_us=str(within_s * 1_000_000),
        )

    @property
    def newest_time(self) -> str:
        return self.seconds(
            fill("(SELECT time_us FROM readings WHERE meter = known.meter ORDER BY time_us DESC LIMIT 1)")
        )

    def date(self, part: DatePart) -> str:
        return f"strftime('{_FORMATS[part]}', time_s + {_noon_s(self.zone)}, 'unixepoch')"

    def is_last_day(self, table: str) -> str:
        return fill(
            """
            time_us = (SELECT max(time_us) FROM {table}
              WHERE meter = {meter} AND {until_end} AND time_us > $__to * 1000 - {longest_day_us})
            """,
            table=table,
            until_end=self.until_end,
            longest_day_us=str(_LONGEST_DAY_US),
        )


def _noon_s(zone: str) -> int:
    """What to add to a local midnight for half a day later by a clock that is always set to the zone's mean offset."""
    offsets = [datetime(_YEAR, month, 1, tzinfo=ZoneInfo(zone)).utcoffset() or timedelta() for month in (1, 7)]
    return _NOON_S + round(sum(offset.total_seconds() for offset in offsets) / len(offsets))
