"""Which store of readings a command reads: the journal or the database."""

import argparse
from typing import TYPE_CHECKING, Literal

from smartmeter.settings.model import Settings
from smartmeter.transfer.errors import TransferError

if TYPE_CHECKING:
    from smartmeter.history.model import History

StoreName = Literal["journal", "postgresql"]


def add_store_option(parser: argparse.ArgumentParser) -> None:
    """`--from`, the store."""
    parser.add_argument(
        "--from",
        choices=("journal", "postgresql"),
        dest="store",
        help="where to read (default: the database if the settings have one, as it keeps more, else the journal)",
    )


def open_history(settings: Settings, store: StoreName | None) -> "History":
    """The store that is named; None: the database if the settings have one, else the journal.

    Raises SmartmeterError if there is no such store.
    """
    if store == "journal" or (store is None and settings.postgresql is None):
        from smartmeter.journal.history import JournalHistory  # noqa: PLC0415

        return JournalHistory(settings.journal.path)
    if settings.postgresql is None:
        raise TransferError("there is no database in the settings; --from journal reads the journal")
    from smartmeter.sinks.driver import require_driver  # noqa: PLC0415

    require_driver()
    from smartmeter.sinks.postgresql.history import PostgresqlHistory  # noqa: PLC0415

    meters = [meter for bus in settings.buses for meter in bus.meters]
    return PostgresqlHistory(settings.postgresql, meters, settings.language)
