"""Hours and days made anew when the settings' zone changed, and costs when prices did. No reading is needed for it."""

import sqlite3
from collections.abc import Iterator

from smartmeter.energy.cost import Booked, cost_of
from smartmeter.energy.site import Site
from smartmeter.energy.tariff import PRICED, fingerprint
from smartmeter.journal.rollups import Statements, derive
from smartmeter.periods import Period, periods_between

_DERIVED: tuple[Period, ...] = ("1h", "1d")


def settle(connection: sqlite3.Connection, site: Site, statements: Statements) -> Iterator[str]:
    """Make what does not fit the site anew, day by day from the newest; gives the meter's name after each.

    To be gone through within transactions, one or many; what is not gone through to the end begins anew the next time.
    Raises sqlite3.Error.
    """
    wanted = {"timezone": site.zone.key, "tariff": fingerprint(site.tariffs, site.zone)}
    there = dict(connection.execute("SELECT key, value FROM meta").fetchall())
    if wanted.items() <= there.items():
        return
    new_zone = there.get("timezone", wanted["timezone"]) != wanted["timezone"]
    for meter_id, name, first_us, last_us in _rolled_up(connection) if there else ():
        for day in reversed(list(periods_between("1d", first_us, last_us + 1, site.zone))):
            changed = _price_anew(connection, site, meter_id, name, day)
            if new_zone or changed:
                _derive_day(connection, site, statements, meter_id, day)
            yield name
    connection.executemany("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", wanted.items())


def _derive_day(
    connection: sqlite3.Connection, site: Site, statements: Statements, meter_id: int, day: tuple[int, int]
) -> None:
    for period in _DERIVED:
        for span in periods_between(period, *day, site.zone):
            derive(connection, statements, meter_id, period, span)


def _rolled_up(connection: sqlite3.Connection) -> list[tuple[int, str, int, int]]:
    """Each meter with the starts of its first and its last roll-up; a day of another zone may begin before all else."""
    return connection.execute(
        """SELECT meter.id, meter.name, min(start_us), max(start_us) FROM (
               SELECT meter_id, start_us FROM rollup_15m UNION ALL SELECT meter_id, start_us FROM energy_15m
               UNION ALL SELECT meter_id, start_us FROM rollup_1d UNION ALL SELECT meter_id, start_us FROM energy_1d
           ) AS period JOIN meter ON meter.id = period.meter_id GROUP BY meter.id"""
    ).fetchall()


def _price_anew(connection: sqlite3.Connection, site: Site, meter_id: int, name: str, span: tuple[int, int]) -> bool:
    """Put the right costs in; whether any were others."""
    changes = []
    for id_ in PRICED:
        for start_us, energy, gap_energy, gap_from_us, *before in connection.execute(
            "SELECT start_us, energy, gap_energy, gap_from_us, cost, unpriced FROM energy_15m "
            "WHERE meter_id = ? AND measurand = ? AND start_us >= ? AND start_us < ?",
            (meter_id, id_, *span),
        ).fetchall():
            after = cost_of(site, Booked(name, id_, start_us, energy, gap_energy, gap_from_us))
            if after != tuple(before):
                changes.append((*after, meter_id, id_, start_us))
    connection.executemany(
        "UPDATE energy_15m SET cost = ?, unpriced = ? WHERE meter_id = ? AND measurand = ? AND start_us = ?", changes
    )
    return bool(changes)
