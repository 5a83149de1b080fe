"""Writes tariffs into a commented file of our own format."""

from pathlib import Path

from smartmeter.energy.tariff import DAY_MINUTES, EVERY_DAY, Tariff, TimeRule
from smartmeter.settings.lines import key_line, short_list
from smartmeter.settings.places import name_beside
from smartmeter.settings.tariff_file import DAYS, format_time_of_day


def write_tariff(tariff: Tariff, source: Path) -> list[list[str]]:
    """The lines of each of its tables in the settings file `source`."""
    lines = ["# What a kWh costs.", "[[tariff]]"]
    if tariff.meters is not None:
        lines.append(short_list("meters", tariff.meters))
    if tariff.valid_from is not None:
        lines.append(key_line("valid_from", tariff.valid_from))
    if tariff.valid_until is not None:
        lines += ["# The first day on which it no longer holds.", key_line("valid_until", tariff.valid_until)]
    lines.append(key_line("currency", tariff.currency))
    if tariff.price is not None:
        lines.append(key_line("price", tariff.price))
    if tariff.hourly is not None:
        lines += [
            key_line("prices_file", name_beside(source, tariff.hourly.path)),
            "# On top of each price in the file.",
            key_line("surcharge", tariff.surcharge),
        ]
    lines += [
        "# What an exported kWh earns.",
        key_line("feed_in", tariff.feed_in),
        "# Per month.",
        key_line("base_price", tariff.base_price),
    ]
    return [lines, *(_rule(rule) for rule in tariff.rules)]


def _rule(rule: TimeRule) -> list[str]:
    lines = ["[[tariff.time]]"]
    if rule.days != EVERY_DAY:
        lines.append(short_list("days", [DAYS[day] for day in sorted(rule.days)]))
    if (rule.from_minute, rule.until_minute) != (0, DAY_MINUTES):
        lines += [
            key_line("from", format_time_of_day(rule.from_minute)),
            key_line("until", format_time_of_day(rule.until_minute)),
        ]
    lines.append(key_line("price", rule.price))
    if rule.feed_in is not None:
        lines.append(key_line("feed_in", rule.feed_in))
    return lines
