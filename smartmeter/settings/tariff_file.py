"""The shape of `[[tariff]]` in our own settings file."""

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from smartmeter.energy.tariff import DAY_MINUTES
from smartmeter.settings.shape import Shape, Text, optional, required

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# Beyond every price of a kWh or a month in any currency.
HIGHEST_PRICE = 1_000_000
DAY_TEXT = '"mon", "tue", "wed", "thu", "fri", "sat" or "sun"'
PRICE_TEXT = "a number such as 0.35"
DATE_TEXT = "a date without quotation marks such as 2026-01-01"

_CURRENCY = re.compile(r"[A-Z]{3}")
_TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-4]):(00|15|30|45)")


def parse_time_of_day(text: object) -> int:
    """The minutes since midnight in a text such as "22:15", up to "24:00".

    Raises ValueError for anything else, and for what is no quarter-hour.
    """
    match = _TIME_OF_DAY.fullmatch(text) if isinstance(text, str) else None
    minute = DAY_MINUTES + 1 if match is None else int(match[1]) * 60 + int(match[2])
    if minute > DAY_MINUTES:
        raise ValueError
    return minute


def format_time_of_day(minute: int) -> str:
    """The text for which `parse_time_of_day` gives these minutes."""
    return f"{minute // 60:02}:{minute % 60:02}"


def _currency(text: str) -> str:
    if not _CURRENCY.fullmatch(text):
        raise ValueError
    return text


Price = Annotated[float, Field(ge=-HIGHEST_PRICE, le=HIGHEST_PRICE, allow_inf_nan=False)]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
TimeOfDay = Annotated[int, BeforeValidator(parse_time_of_day)]
Currency = Annotated[Text, AfterValidator(_currency)]


class TimeTable(Shape):
    """`[[tariff.time]]`."""

    days: list[Day] | None = optional('a list of days such as ["sat", "sun"]', item=DAY_TEXT)
    from_: Annotated[TimeOfDay, Field(lt=DAY_MINUTES)] = optional(
        'a time of day on a quarter-hour such as "22:00"', 0, key="from"
    )
    until: TimeOfDay = optional('a time of day on a quarter-hour such as "06:00", or "24:00"', DAY_MINUTES)
    price: Price = required(PRICE_TEXT, 0.0)
    feed_in: Price | None = optional(PRICE_TEXT)


class TariffTable(Shape):
    """`[[tariff]]`."""

    meters: list[Text] | None = optional(
        'a list of names of meters such as ["house"]', item='the name of a meter such as "house"'
    )
    valid_from: date | None = optional(DATE_TEXT)
    valid_until: date | None = optional(DATE_TEXT)
    currency: Currency = optional('a currency of three capital letters such as "EUR"', "EUR")
    price: Price | None = optional(PRICE_TEXT)
    prices_file: Text | None = optional("the name of a CSV file")
    surcharge: Price = optional(PRICE_TEXT, 0.0)
    feed_in: Price = optional(PRICE_TEXT, 0.0)
    base_price: Price = optional("a number such as 9.90", 0.0)
    time: list[TimeTable] = optional(
        "one or more tables, each written [[tariff.time]] with two brackets", [], item="a table"
    )
