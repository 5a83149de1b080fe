"""What energy costs: prices that are fixed, by time of day and weekday, or by the hour, and a base price per month.

Prices are money per kWh in the tariff's currency. None changes within a quarter-hour: rules and hourly prices begin at
one, and a tariff at local midnight. Times of day are those of the local clock, on the days on which it is set as well.
"""

import hashlib
import json
import math
from bisect import bisect_right
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from smartmeter.periods import QUARTER_US, local_time, period_start, periods_between

IMPORT = "active_energy_import"
EXPORT = "active_energy_export"
# The counters that cost or earn money; no other has a price.
PRICED = (IMPORT, EXPORT)

EVERY_DAY = frozenset(range(7))
DAY_MINUTES = 24 * 60

_HOUR_US = 4 * QUARTER_US
# Longer spans are priced only if nothing in them can change.
_LONGEST_SEARCH_US = 400 * 24 * _HOUR_US


@dataclass(frozen=True, slots=True)
class TimeRule:
    """A price that holds on some weekdays (0: Monday) between two times of the local day, in minutes since midnight.

    If it ends no later than it begins, it runs past midnight and belongs to the day on which it begins. `feed_in` None:
    the tariff's.
    """

    price: float
    days: frozenset[int] = EVERY_DAY
    from_minute: int = 0
    until_minute: int = DAY_MINUTES
    feed_in: float | None = None


@dataclass(frozen=True, slots=True)
class HourlyPrices:
    """What the file `path` says: the price from each of the rising times on, until the next one or for an hour."""

    path: Path
    times_us: tuple[int, ...] = field(repr=False)
    prices: tuple[float, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Tariff:
    """What meters pay from the local day `valid_from` until the day before `valid_until`; None: without limit.

    `meters` None: all. Imported energy costs what the first rule that matches says, else `price`, else the price of the
    hour plus `surcharge`; exported energy earns `feed_in`; `base_price` is due per month. No meter has two at a time.
    """

    meters: tuple[str, ...] | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    currency: str = "EUR"
    price: float | None = None
    feed_in: float = 0.0
    base_price: float = 0.0
    hourly: HourlyPrices | None = None
    surcharge: float = 0.0
    rules: tuple[TimeRule, ...] = ()


def tariff_for(tariffs: Sequence[Tariff], meter: str, time_us: int, zone: ZoneInfo) -> Tariff | None:
    """The tariff that holds for the meter at that moment; None if none does."""
    return _tariff_on(tariffs, meter, local_time(time_us, zone).date())


def currency_of(tariffs: Sequence[Tariff], meter: str) -> str | None:
    """The currency in which the meter's energy is paid; None if it has no tariff."""
    return next((tariff.currency for tariff in tariffs if _concerns(tariff, meter)), None)


def import_price(tariffs: Sequence[Tariff], meter: str, start_us: int, zone: ZoneInfo) -> float | None:
    """What an imported kWh costs at that moment; None if no price is known."""
    local = local_time(start_us, zone)
    tariff = _tariff_on(tariffs, meter, local.date())
    if tariff is None:
        return None
    rule = _rule_at(tariff.rules, local)
    if rule is not None:
        return rule.price
    if tariff.hourly is None:
        return tariff.price
    price = _hourly_price(tariff.hourly, start_us)
    return None if price is None else price + tariff.surcharge


def feed_in_price(tariffs: Sequence[Tariff], meter: str, start_us: int, zone: ZoneInfo) -> float | None:
    """What an exported kWh earns at that moment; None if the meter has no tariff then."""
    local = local_time(start_us, zone)
    tariff = _tariff_on(tariffs, meter, local.date())
    if tariff is None:
        return None
    rule = _rule_at(tariff.rules, local)
    return tariff.feed_in if rule is None or rule.feed_in is None else rule.feed_in


def price_over(  # noqa: PLR0913, PLR0917 - six things decide what energy cost
    tariffs: Sequence[Tariff], meter: str, measurand: str, from_us: int, until_us: int, zone: ZoneInfo
) -> float | None:
    """The one price of a kWh of that counter that holds in the whole span: negative if it earns.

    None if it changes within the span, is unknown in some part of it, or if the measurand is none of PRICED. In spans
    of more than 400 days it is found only if one tariff holds all the time in which this price never changes.
    """
    if measurand not in PRICED:
        return None
    price_at = import_price if measurand == IMPORT else _export_price
    times_us = range(period_start("15m", from_us, zone), max(until_us, from_us + 1), QUARTER_US)
    first, last = (tariff_for(tariffs, meter, each, zone) for each in (from_us, max(from_us, until_us - 1)))
    if first is not None and first is last and _is_constant(first, measurand):
        times_us = times_us[:1]
    elif until_us - from_us > _LONGEST_SEARCH_US:
        return None
    price = price_at(tariffs, meter, times_us[0], zone)
    if price is None or any(price_at(tariffs, meter, time_us, zone) != price for time_us in times_us[1:]):
        return None
    return price


def base_cost(tariffs: Sequence[Tariff], meter: str, from_us: int, until_us: int, zone: ZoneInfo) -> float:
    """The share of the base prices that falls in the span: that of a month spread evenly over its calendar days.

    A whole month costs exactly its base price. A day costs the same whether it has 23, 24 or 25 hours.
    """
    days: dict[tuple[float, int, int], float] = {}
    for start_us, end_us in periods_between("1d", from_us, until_us, zone):
        day = local_time(start_us, zone).date()
        tariff = _tariff_on(tariffs, meter, day)
        if tariff is not None:
            key = (tariff.base_price, day.year, day.month)
            share = (min(end_us, until_us) - max(start_us, from_us)) / (end_us - start_us)
            days[key] = days.get(key, 0.0) + share
    # Days first: 31 shares of a day are exactly 31, 31 prices of a day are not quite the month's.
    return math.fsum(price * (share / monthrange(year, month)[1]) for (price, year, month), share in days.items())


def fingerprint(tariffs: Sequence[Tariff], zone: ZoneInfo) -> str:
    """A short text that stays the same between runs and changes when any price does, or when it holds."""
    content = [zone.key, *(_content(tariff) for tariff in tariffs)]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def _tariff_on(tariffs: Sequence[Tariff], meter: str, day: date) -> Tariff | None:
    return next((tariff for tariff in tariffs if _concerns(tariff, meter) and _is_valid(tariff, day)), None)


def _concerns(tariff: Tariff, meter: str) -> bool:
    return tariff.meters is None or meter in tariff.meters


def _is_valid(tariff: Tariff, day: date) -> bool:
    has_begun = tariff.valid_from is None or tariff.valid_from <= day
    return has_begun and (tariff.valid_until is None or day < tariff.valid_until)


def _rule_at(rules: Sequence[TimeRule], local: datetime) -> TimeRule | None:
    minute, weekday = local.hour * 60 + local.minute, local.weekday()
    return next((rule for rule in rules if _matches(rule, weekday, minute)), None)


def _matches(rule: TimeRule, weekday: int, minute: int) -> bool:
    if rule.from_minute < rule.until_minute:
        return weekday in rule.days and rule.from_minute <= minute < rule.until_minute
    if minute >= rule.from_minute:
        return weekday in rule.days
    return minute < rule.until_minute and (weekday - 1) % 7 in rule.days


def _hourly_price(hourly: HourlyPrices, time_us: int) -> float | None:
    index = bisect_right(hourly.times_us, time_us) - 1
    if index < 0 or time_us >= hourly.times_us[index] + _HOUR_US:
        return None
    return hourly.prices[index]


def _export_price(tariffs: Sequence[Tariff], meter: str, start_us: int, zone: ZoneInfo) -> float | None:
    earned = feed_in_price(tariffs, meter, start_us, zone)
    # Not -earned: a price of nothing is 0, not -0.
    return None if earned is None else 0.0 - earned


def _is_constant(tariff: Tariff, measurand: str) -> bool:
    """Whether nothing in the tariff changes what this counter's energy costs or earns by the time of day."""
    if measurand == EXPORT:
        return all(rule.feed_in in (None, tariff.feed_in) for rule in tariff.rules)
    return not tariff.rules and tariff.hourly is None


def _content(tariff: Tariff) -> list[object]:
    """All that matters of a tariff, but not where its prices stand."""
    hourly = None if tariff.hourly is None else (tariff.hourly.times_us, tariff.hourly.prices)
    return [
        tariff.meters,
        str(tariff.valid_from),
        str(tariff.valid_until),
        tariff.currency,
        tariff.price,
        tariff.feed_in,
        tariff.base_price,
        hourly,
        tariff.surcharge,
        [[rule.price, sorted(rule.days), rule.from_minute, rule.until_minute, rule.feed_in] for rule in tariff.rules],
    ]
