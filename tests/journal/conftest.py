import pytest

from smartmeter.journal import Journal
from smartmeter.settings.model import JournalSettings
from tests.journal.made_up import MEASURANDS


@pytest.fixture
def path(tmp_path):
    return tmp_path / "smartmeter.db"


@pytest.fixture
async def open_journal(path):
    """Opens journals that commit when they are told to; closes them in the end."""
    opened = []

    async def open_(*, measurands=MEASURANDS, sinks=(), keep_s=None, commit_interval_s=3600.0):
        journal = await Journal.open(JournalSettings(path, commit_interval_s, keep_s), measurands, sinks)
        opened.append(journal)
        return journal

    yield open_
    for journal in opened:
        await journal.close()


@pytest.fixture
async def journal(open_journal):
    return await open_journal()
