"""Makes the tariffs from their tables, and checks them against the meters and each other."""

import itertools
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from zoneinfo import ZoneInfo

from smartmeter.energy.tariff import EVERY_DAY, HourlyPrices, Tariff, TimeRule
from smartmeter.settings.errors import SettingsError
from smartmeter.settings.mistakes import Mistakes, Place, key_text
from smartmeter.settings.places import beside
from smartmeter.settings.prices import read_prices
from smartmeter.settings.tariff_file import DAYS, TariffTable, TimeTable
from smartmeter.settings.words import quoted, shown, suggestion


def resolve_tariffs(
    tables: Sequence[TariffTable], meters: Collection[str] | None, zone: ZoneInfo, mistakes: Mistakes
) -> tuple[Tariff, ...]:
    """The tariffs that the tables say, for these meters; None if it is not known what they are called."""
    files = _read_files(tables, zone, mistakes)
    tariffs = tuple(_tariff(table, ("tariff", index), files, mistakes) for index, table in enumerate(tables))
    for index, table in enumerate(tables):
        _check(table, ("tariff", index), meters, mistakes)
    for (first, one), (second, other) in itertools.combinations(enumerate(tariffs), 2):
        _check_pair(one, other, ("tariff", first), ("tariff", second), mistakes)
    return tariffs


def _read_files(tables: Sequence[TariffTable], zone: ZoneInfo, mistakes: Mistakes) -> Mapping[str, HourlyPrices | None]:
    """What the named files say, each read once: prices of the hour outlast many a surcharge."""
    files: dict[str, HourlyPrices | None] = {}
    for index, table in enumerate(tables):
        if table.prices_file is not None and table.prices_file not in files:
            files[table.prices_file] = _hourly(table.prices_file, ("tariff", index, "prices_file"), zone, mistakes)
    return files


def _hourly(name: str, place: Place, zone: ZoneInfo, mistakes: Mistakes) -> HourlyPrices | None:
    path = beside(mistakes.file, name)
    try:
        return read_prices(path, zone)
    except OSError as error:
        mistakes.add(place, f"names the file {quoted(str(path))}, which cannot be read: {error.strerror or error}")
    except SettingsError as error:
        mistakes.add_elsewhere(error.mistakes)
    return None


def _tariff(table: TariffTable, place: Place, files: Mapping[str, HourlyPrices | None], mistakes: Mistakes) -> Tariff:
    return Tariff(
        meters=None if table.meters is None else tuple(table.meters),
        valid_from=table.valid_from,
        valid_until=table.valid_until,
        currency=table.currency,
        price=table.price,
        feed_in=table.feed_in,
        base_price=table.base_price,
        hourly=None if table.prices_file is None else files[table.prices_file],
        surcharge=table.surcharge,
        rules=tuple(_rule(rule, (*place, "time", index), mistakes) for index, rule in enumerate(table.time)),
    )


def _check(table: TariffTable, place: Place, meters: Collection[str] | None, mistakes: Mistakes) -> None:
    _check_prices(table, place, mistakes)
    _check_filled(table.meters, (*place, "meters"), mistakes)
    for index, name in enumerate(table.meters or ()):
        if meters is not None and name not in meters:
            mistakes.add((*place, "meters", index), f"there is no meter {shown(name)}; {suggestion(name, meters)}")
    if table.valid_from and table.valid_until and table.valid_until <= table.valid_from:
        mistakes.add((*place, "valid_until"), "is not after valid_from; it is the first day without this tariff")


def _check_prices(table: TariffTable, place: Place, mistakes: Mistakes) -> None:
    keys = ("price", "prices_file")
    given = [key for key in keys if key in table.model_fields_set or mistakes.spoil((*place, key))]
    if not given:
        mistakes.add((*place, "price"), "is missing; give it, or a prices_file")
    elif given == list(keys) and not mistakes.spoil(place):
        mistakes.add((*place, "prices_file"), "is there beside price; give only one of them")
    elif "surcharge" in table.model_fields_set and given == ["price"]:
        mistakes.add((*place, "surcharge"), "is for a prices_file only; add it to the price")


def _check_filled(values: Sequence[str] | None, place: Place, mistakes: Mistakes) -> None:
    if values is not None and not values and not mistakes.lie_within(place):
        mistakes.add(place, "is an empty list; take it out if all are meant")


def _rule(table: TimeTable, place: Place, mistakes: Mistakes) -> TimeRule:
    if table.from_ == table.until and not mistakes.lie_within(place):
        mistakes.add((*place, "until"), 'is the same as from; the whole day is "00:00" to "24:00"')
    _check_filled(table.days, (*place, "days"), mistakes)
    days = EVERY_DAY if table.days is None else frozenset(DAYS.index(day) for day in table.days)
    return TimeRule(table.price, days, table.from_, table.until, table.feed_in)


def _check_pair(one: Tariff, other: Tariff, first: Place, second: Place, mistakes: Mistakes) -> None:
    """Notes a mistake at the second tariff if a meter cannot have both."""
    if _is_wrong(("meters",), first, second, mistakes):
        return
    if one.meters is not None and other.meters is not None and not set(one.meters) & set(other.meters):
        return
    if one.currency != other.currency and not _is_wrong(("currency",), first, second, mistakes):
        mistakes.add((*second, "currency"), f"is not that of {key_text(first)}, but both are for the same meter")
    overlap = _begins_before_the_end(one, other) and _begins_before_the_end(other, one)
    if overlap and not _is_wrong(("valid_from", "valid_until"), first, second, mistakes):
        text = f"holds at the same time as {key_text(first)} for the same meter; mend valid_from, valid_until or meters"
        mistakes.add((*second, "valid_from"), text)


def _is_wrong(keys: Sequence[str], first: Place, second: Place, mistakes: Mistakes) -> bool:
    return any(mistakes.lie_within((*place, key)) for place in (first, second) for key in keys)


def _begins_before_the_end(one: Tariff, other: Tariff) -> bool:
    return other.valid_until is None or (one.valid_from or date.min) < other.valid_until
