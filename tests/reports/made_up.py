"""A store in memory, with what a journal would give: made by the journal itself from made-up readings."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from smartmeter.energy.site import Site
from smartmeter.energy.tariff import Tariff, TimeRule
from smartmeter.journal.bulk import JournalImport
from smartmeter.journal.history import JournalHistory
from smartmeter.periods import from_local
from smartmeter.reading import Reading

BERLIN = ZoneInfo("Europe/Berlin")
IMPORT, EXPORT = "active_energy_import", "active_energy_export"
TARIFF = Tariff(price=0.4, feed_in=0.1, base_price=31.0, rules=(TimeRule(0.2, until_minute=6 * 60),))
SITE = Site(BERLIN, (TARIFF,))
STEP_US = 300_000_000


def at(*args, zone=BERLIN):
    return from_local(datetime(*args, tzinfo=zone).astimezone(UTC))


def history_of(path, readings, site=SITE):
    """A history with these readings (time, values) of meter house."""
    ids = dict.fromkeys(id_ for _, values in readings for id_ in values)
    with JournalImport.for_shipping(path, ids, site) as journal:
        journal.append([Reading("house", time_us, "boot", 0, values) for time_us, values in readings], "made up", "end")
        journal.refresh(lambda *_: None)
    return JournalHistory(path)


def steadily(from_us, until_us, kw=1.2, begin=1000.0):
    """A counter of import that runs at so many kW, read every 5 minutes; export stands still."""
    return [
        (time_us, {IMPORT: begin + kw * (time_us - from_us) / 3.6e9, EXPORT: 7.0})
        for time_us in range(from_us, until_us + 1, STEP_US)
    ]
