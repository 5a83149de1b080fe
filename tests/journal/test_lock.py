import os

import pytest

from smartmeter.journal import JournalError


async def test_a_second_daemon_is_told_who_keeps_the_journal(open_journal, path):
    await open_journal()
    with pytest.raises(JournalError) as raised:
        await open_journal()
    assert str(raised.value) == (
        f"{path}: another smartmeter (process {os.getpid()}) keeps this journal; stop it first, "
        "or set another [journal] path"
    )


async def test_the_lock_goes_with_the_journal(open_journal):
    journal = await open_journal()
    await journal.close()
    await open_journal()
