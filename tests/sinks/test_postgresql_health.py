from dataclasses import replace

import pytest

from smartmeter.journal import Health, Journal
from smartmeter.settings.model import JournalSettings
from tests.sinks.made_up import START_US, entries

QUARTER_US = 900_000_000
QUARTER = START_US - START_US % QUARTER_US
NOTE = Health("bus", "cellar", "load", QUARTER, 0.25)


@pytest.fixture
async def journal(tmp_path):
    opened = await Journal.open(JournalSettings(tmp_path / "smartmeter.db"), [], [])
    yield opened
    await opened.close()


def noted(postgresql):
    query = "SELECT part, name, quantity, extract(epoch FROM ts)::int8, value FROM smartmeter_health ORDER BY ts"
    return postgresql.rows(query)


async def test_notes_follow_into_the_database_and_newer_ones_count(postgresql, sink_on, journal):
    async with sink_on(postgresql.settings()) as sink:
        journal.note_health([NOTE])
        await journal.commit()
        # Without a connection there is nowhere to put them; they wait in the journal.
        await sink.write_health(journal)
        await sink.write(entries([1]))
        await sink.write_health(journal)
        assert noted(postgresql) == [("bus", "cellar", "load", QUARTER // 1_000_000, 0.25)]
        journal.note_health([replace(NOTE, value=0.5), replace(NOTE, start_us=QUARTER + QUARTER_US)])
        await journal.commit()
        await sink.write_health(journal)
        assert [value for *_, value in noted(postgresql)] == [0.5, 0.25]


async def test_where_there_is_no_place_for_them_readings_go_in_all_the_same(postgresql, sink_on, journal):
    postgresql.run("CREATE TABLE smartmeter (ts timestamptz, meter text, voltage_l1 float8, PRIMARY KEY (meter, ts))")
    journal.note_health([NOTE])
    await journal.commit()
    async with sink_on(postgresql.settings(manage_schema=False)) as sink:
        await sink.write(entries([1]))
        await sink.write_health(journal)
    assert postgresql.rows("SELECT to_regclass('smartmeter_health')") == [(None,)]
    assert postgresql.rows("SELECT count(*) FROM smartmeter") == [(1,)]
