"""The durable local store of readings: SQLite, one writer, any number of readers. See docs/journal.md."""

from smartmeter.journal.entry import Entry
from smartmeter.journal.errors import JournalError
from smartmeter.journal.health import Health
from smartmeter.journal.journal import Journal
from smartmeter.journal.keeper import JournalState

__all__ = ["Entry", "Health", "Journal", "JournalError", "JournalState"]
