import pytest

from smartmeter.journal.bulk import JournalImport
from smartmeter.journal.decisions import Decision, decide, decisions_in, mark_all_dirty, undecide
from smartmeter.journal.errors import JournalError
from smartmeter.journal.history import JournalHistory
from smartmeter.journal.status import journal_status, refresh_journal
from tests.journal.test_history import COUNTER, END_US, MINUTE_US, NIGHT_US, SITE, reading

JUMP = [reading(minute, **{COUNTER: 100.0 if minute < 10 else 5000 + minute / 100}) for minute in range(60)]
JUMP_US = NIGHT_US + 10 * MINUTE_US


@pytest.fixture
def journal(path):
    with JournalImport.for_shipping(path, [COUNTER], SITE) as imported:
        imported.append(JUMP, "made up", "end")
        imported.refresh(lambda *_: None)
    return path


async def total(path):
    refresh_journal(path, SITE, lambda *_: None)
    history = JournalHistory(path)
    rows = await history.energy("house", [COUNTER], "1d", 0, END_US)
    await history.close()
    return sum(row.energy for row in rows)


async def test_a_jump_counts_once_the_owner_says_so_and_no_more_when_that_is_taken_back(journal):
    assert await total(journal) == pytest.approx(0.49)
    counted = Decision("house", COUNTER, JUMP_US, "counted")
    decide(journal, [counted])
    assert decisions_in(journal) == [counted]
    assert await total(journal) == pytest.approx(4900.59)
    undecide(journal, [counted])
    assert decisions_in(journal) == []
    assert await total(journal) == pytest.approx(0.49)


async def test_a_replaced_meter_begins_anew(journal):
    decide(journal, [Decision("house", COUNTER, JUMP_US, "replaced")])
    assert await total(journal) == pytest.approx(0.49)
    history = JournalHistory(journal)
    assert [flag.kind for flag in await history.flags("house", 0, END_US)] == ["replaced"]
    await history.close()


def test_an_unknown_meter_is_named(journal):
    with pytest.raises(JournalError, match="no reading of a meter 'hause'; known are house"):
        decide(journal, [Decision("hause", COUNTER, JUMP_US, "replaced")])


async def test_a_daemon_may_run_meanwhile(journal, open_journal):
    running = await open_journal()
    decide(journal, [Decision("house", COUNTER, JUMP_US, "counted")])
    assert journal_status(journal).dirty > 0
    await running.roll_up()
    assert journal_status(journal).dirty == 0


def test_everything_can_be_marked(journal):
    mark_all_dirty(journal, "house")
    assert journal_status(journal).dirty == 5
    refresh_journal(journal, SITE, lambda *_: None)
    mark_all_dirty(journal, None)
    assert journal_status(journal).dirty == 5


def test_without_a_journal_there_is_nothing_to_decide(tmp_path):
    with pytest.raises(JournalError, match="there is no journal"):
        decide(tmp_path / "nothing.db", [])
