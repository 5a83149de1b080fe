"""What the queries need to know of a store, so that each is written once for PostgreSQL and for the journal."""

from collections.abc import Sequence
from typing import Literal, Protocol

from smartmeter.history.columns import Aggregate

# What part of the local date of a day's row is wanted: 2026, 2026-03, 03, 2026-03-29, 03-29.
DatePart = Literal["year", "month", "month_of_year", "day", "day_of_year"]


class Store(Protocol):
    """How a store is asked in SQL. All members are pieces of SQL, in which Grafana replaces what begins with $."""

    @property
    def plugin(self) -> str:
        """The type of the data source in Grafana."""

    @property
    def time(self) -> str:
        """The column to filter and to order by."""

    @property
    def shown_time(self) -> str:
        """The time as Grafana takes it."""

    @property
    def in_span(self) -> str:
        """Whether a row lies in the chosen span, both ends included."""

    @property
    def until_end(self) -> str:
        """Whether a row is not later than the chosen span."""

    @property
    def from_s(self) -> str:
        """The start of the chosen span in whole seconds since 1970."""

    @property
    def until_s(self) -> str:
        """Its end."""

    @property
    def now_s(self) -> str:
        """The present, likewise."""

    @property
    def end_of_time(self) -> str:
        """Later than any time."""

    @property
    def grid(self) -> str:
        """The time of a reading on the grid of $__interval, as Grafana takes it."""

    @property
    def meters(self) -> str:
        """The query for the names of all meters."""

    @property
    def least(self) -> str:
        """The function that gives the least of its arguments."""

    @property
    def greatest(self) -> str:
        """The function that gives the greatest of its arguments."""

    def moment(self, seconds: str) -> str:
        """The time, comparable to `time`, of so many whole seconds since 1970."""

    def seconds(self, time: str) -> str:
        """The seconds since 1970 of a time like `time`."""

    def column(self, measurand: str) -> str:
        """The column of a measurand in the readings."""

    def rollup_column(self, measurand: str, aggregate: Aggregate) -> str:
        """The column of a measurand in the roll-ups."""

    def rollup(self, period: str) -> str:
        """The roll-ups of each "15m", "1h" or "1d"."""

    def energy(self, period: str) -> str:
        """The energy of each "15m", "1h" or "1d"."""

    @property
    def flags(self) -> str:
        """What the guard found."""

    @property
    def health(self) -> str:
        """Notes on how measuring itself fares."""

    @property
    def dirty(self) -> str:
        """The marks of quarter-hours that wait for their roll-up, with meter and time."""

    def readings(self, measurands: Sequence[str]) -> str:
        """The readings of the chosen meter in the chosen span, with meter, time and these columns, as a table."""

    @property
    def first_reading(self) -> str:
        """The time of the first of them."""

    def newest(self, value: str, within_s: int) -> str:
        """The newest value of the meter `chosen.meter` that is at most so old at the end of the chosen span."""

    @property
    def newest_time(self) -> str:
        """The time of the newest reading of the meter `known.meter`, in seconds since 1970."""

    def date(self, part: DatePart) -> str:
        """That part of the local date of a day's row."""

    def is_last_day(self, table: str) -> str:
        """Whether a day's row in the table is that of the day in which the chosen span ends."""
