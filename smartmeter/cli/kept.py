"""What commands do to both places where readings are kept: the journal and, if there is one, the database."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from smartmeter.cli.progress import progress_bar
from smartmeter.settings.model import Settings

if TYPE_CHECKING:
    from smartmeter.journal.decisions import Decision
    from smartmeter.sinks.postgresql.access import Target

QUARTERS = "quarter-hours"

Progress = Callable[[int, int], None]


def database_of(settings: Settings) -> "Target | None":
    """The database of the settings; None if they have none.

    Raises DriverError if the library for it is missing.
    """
    if settings.postgresql is None:
        return None
    from smartmeter.sinks.driver import require_driver  # noqa: PLC0415 - only who has a database pays for it

    require_driver()
    from smartmeter.sinks.postgresql.access import target_of  # noqa: PLC0415

    return target_of(settings)


def change_decisions(settings: Settings, decided: Sequence["Decision"], withdrawn: Sequence["Decision"]) -> None:
    """Note decisions and take others back, in the database and in the journal, and work out anew what they change.

    Raises SmartmeterError; the database comes first, so that nothing has changed if it is not to be reached.
    """
    from smartmeter.journal import decisions as journal  # noqa: PLC0415

    target = database_of(settings)
    if target is not None:
        from smartmeter.sinks.postgresql import decisions as database  # noqa: PLC0415

        if withdrawn:
            asyncio.run(database.undecide(target, withdrawn))
        if decided:
            asyncio.run(database.decide(target, decided))
    if not settings.journal.path.exists():
        return
    known = asyncio.run(meters_in_journal(settings.journal.path))
    here = [decision for decision in withdrawn if decision.meter in known]
    if here:
        journal.undecide(settings.journal.path, here)
    here = [decision for decision in decided if decision.meter in known]
    if here:
        journal.decide(settings.journal.path, here)
    roll_up_journal(settings)


def roll_up_journal(settings: Settings) -> bool:
    """Roll up what waits for it in the journal; False if a daemon keeps it and does so itself, which is said.

    Raises JournalError.
    """
    from smartmeter.journal.errors import JournalInUseError  # noqa: PLC0415
    from smartmeter.journal.status import refresh_journal  # noqa: PLC0415
    from smartmeter.settings.site import site_of  # noqa: PLC0415

    try:
        with progress_bar("journal", QUARTERS) as tell:
            refresh_journal(settings.journal.path, site_of(settings), shares(tell))
    except JournalInUseError:
        print("journal: the daemon is running and works it out, beginning within a minute")
        return False
    return True


def shares(tell: Callable[[float, int], None]) -> Progress:
    """What tells a progress bar of so many of so many."""
    return lambda done, total: tell(done / total if total else 1.0, done)


async def meters_in_journal(path: Path) -> Sequence[str]:
    """The meters that the journal has readings of. Raises JournalError."""
    from smartmeter.journal.history import JournalHistory  # noqa: PLC0415

    history = JournalHistory(path)
    try:
        return await history.meters()
    finally:
        await history.close()
