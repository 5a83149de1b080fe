"""Reads a file of hourly prices: CSV with the header `time,price`."""

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from smartmeter.energy.tariff import HourlyPrices
from smartmeter.periods import QUARTER_US, from_local, local_time
from smartmeter.settings.errors import Mistake, SettingsError
from smartmeter.settings.tariff_file import HIGHEST_PRICE
from smartmeter.settings.words import shown

HEADER = ["time", "price"]

_NUMBER = re.compile(r"[+-]?[0-9]{1,9}(\.[0-9]{1,30})?")
# Enough to see what is wrong with a file; all of a long one's would hide the rest.
_MOST_MISTAKES = 5


class _LineError(Exception):
    """A line is none; holds what would be right."""


def read_prices(path: Path, zone: ZoneInfo) -> HourlyPrices:
    """The prices in the file; times without an offset are those of the zone.

    Raises SettingsError with the first mistakes in it, OSError if it cannot be read.
    """
    mistakes: list[Mistake] = []
    times_us: list[int] = []
    prices: list[float] = []
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise SettingsError([Mistake(path, "", "is not in UTF-8; save the file in this encoding")]) from error
    if not lines or _cells(lines[0]) != HEADER:
        raise SettingsError([Mistake(path, "line 1", "must be the header time,price")])
    for number, cells in _rows(lines):
        try:
            time_us, price = _row(cells, times_us[-1] if times_us else None, zone)
        except _LineError as error:
            mistakes.append(Mistake(path, f"line {number}", str(error)))
            if len(mistakes) == _MOST_MISTAKES:
                break
        else:
            times_us.append(time_us)
            prices.append(price)
    if mistakes:
        raise SettingsError(mistakes)
    return HourlyPrices(path, tuple(times_us), tuple(prices))


def _cells(line: str) -> list[str]:
    return [cell.strip().strip('"') for cell in line.split(",")]


def _rows(lines: list[str]) -> Iterator[tuple[int, list[str]]]:
    """The cells of each line that is not empty, with its number."""
    for number, line in enumerate(lines[1:], 2):
        if line.strip():
            yield number, _cells(line)


def _row(cells: list[str], before_us: int | None, zone: ZoneInfo) -> tuple[int, float]:
    if len(cells) != len(HEADER):
        raise _LineError("must be a time and a price with a point, separated by a comma")
    time_us = _time_us(cells[0], before_us, zone)
    if time_us % QUARTER_US:
        raise _LineError(f"{shown(cells[0])} is no quarter-hour; prices begin at :00, :15, :30 or :45")
    if before_us is not None and time_us <= before_us:
        raise _LineError(f"{shown(cells[0])} is not later than the line before; sort the file and keep one of each")
    if not _NUMBER.fullmatch(cells[1]) or abs(float(cells[1])) > HIGHEST_PRICE:
        raise _LineError(f"{shown(cells[1])} is no price; write one like 0.1234")
    return time_us, float(cells[1])


def _time_us(text: str, before_us: int | None, zone: ZoneInfo) -> int:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return from_local(moment)
        time_us = from_local(moment.replace(tzinfo=zone))
        is_shown = local_time(time_us, zone).replace(tzinfo=None) == moment
    except (ValueError, OverflowError) as error:
        raise _LineError(f'{shown(text)} is no time; write one like "2026-01-01T00:00+01:00"') from error
    if not is_shown:
        raise _LineError(f"{shown(text)} is never shown by clocks in {zone.key}: they are set forward then")
    if before_us is not None and time_us <= before_us:
        # The hour that clocks show twice.
        return from_local(moment.replace(tzinfo=zone, fold=1))
    return time_us
