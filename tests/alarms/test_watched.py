import shutil
from collections import namedtuple
from dataclasses import replace

import pytest

from smartmeter.alarms.watched import backlog_age_s, day_energy, disk_percent
from smartmeter.clock import now
from smartmeter.journal import Journal
from smartmeter.journal.history import JournalHistory
from smartmeter.reading import Reading
from smartmeter.settings.model import JournalSettings
from tests.alarms.made_up import BACKLOG, BERLIN, DAY, HOUR_US, MINUTE_US, MadeUpClock
from tests.reports.made_up import IMPORT, at, history_of, steadily

HOUR_S = 3600
RULE = replace(BACKLOG, limit=600.0)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "smartmeter.db"


@pytest.fixture
async def journal(path):
    opened = await Journal.open(JournalSettings(path, 3600.0, None), [IMPORT], ["postgresql"])
    yield opened
    await opened.close()


@pytest.fixture
def site():
    return MadeUpClock()


async def keep(journal, site, count=1):
    for _ in range(count):
        journal.append(Reading("house", site.wall_us, site.boot, site.monotonic_us, {IMPORT: 1.0}))
    await journal.commit()


async def test_the_age_of_the_oldest_that_waits(journal, site):
    started = now(site.clock)

    async def age_s():
        return await backlog_age_s(journal, RULE, started, site.clock)

    assert await age_s() == 0.0
    await keep(journal, site, 2)
    site.go_on(7)
    await keep(journal, site)
    site.go_on(5)
    assert await age_s() == 12.0
    await journal.advance("postgresql", 2)
    assert await age_s() == 5.0
    await journal.advance("postgresql", 3)
    assert await age_s() == 0.0


@pytest.mark.parametrize("jump_us", [-100 * HOUR_US, 100 * HOUR_US])
async def test_setting_the_clock_makes_nothing_older(journal, site, jump_us):
    started = now(site.clock)
    await keep(journal, site)
    site.wall_us += jump_us
    site.go_on(7)
    assert await backlog_age_s(journal, RULE, started, site.clock) == 7.0


async def test_over_a_restart_of_the_program_it_goes_on(journal, site):
    await keep(journal, site)
    site.go_on(HOUR_S)
    assert await backlog_age_s(journal, RULE, now(site.clock), site.clock) == HOUR_S


async def test_of_another_boot_only_the_time_since_the_start_is_sure(journal, site):
    await keep(journal, site)
    site.reboot("second", off_s=-50 * HOUR_S)
    started = now(site.clock)
    await keep(journal, site)
    for after_s, expected in ((0, None), (600, None), (1, 601.0), (1000, 1601.0)):
        site.go_on(after_s)
        assert await backlog_age_s(journal, RULE, started, site.clock) == expected
    await journal.advance("postgresql", 1)
    assert await backlog_age_s(journal, RULE, started, site.clock) == 1601.0
    await journal.advance("postgresql", 2)
    assert await backlog_age_s(journal, RULE, started, site.clock) == 0.0


async def test_how_full_the_disk_is(path, monkeypatch):
    assert 0 < await disk_percent(path) < 100
    usage = namedtuple("Usage", "total used free")  # noqa: PYI024 - as shutil has it
    # A part is for root alone: for its owner the disk is full when nothing is free.
    monkeypatch.setattr(shutil, "disk_usage", lambda at: usage(100, 72, 18) if at == path.parent else None)
    assert await disk_percent(path) == pytest.approx(80.0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(0, 0, 0))
    assert await disk_percent(path) is None


async def test_a_disk_that_is_gone_says_nothing(path):
    assert await disk_percent(path / "gone" / "smartmeter.db") is None


def without(readings, begin_us, end_us):
    return [each for each in readings if not begin_us < each[0] < end_us]


async def energy_of(history, time_us, rule=DAY):
    try:
        return await day_energy(history, rule, BERLIN, time_us)
    finally:
        await history.close()


async def test_the_energy_since_midnight(path):
    history = history_of(path, steadily(at(2026, 6, 1, 12), at(2026, 6, 2, 10)))
    assert await energy_of(history, at(2026, 6, 2, 10)) == pytest.approx(12.0)
    history = JournalHistory(path)
    assert await energy_of(history, at(2026, 6, 1, 23)) == pytest.approx(14.4)


async def test_a_day_that_is_longer(path):
    history = history_of(path, steadily(at(2026, 10, 25), at(2026, 10, 26)))
    assert await energy_of(history, at(2026, 10, 25, 23)) == pytest.approx(30.0)


async def test_what_was_counted_over_a_gap_from_the_day_before_is_not_sure_to_be_of_today(path):
    readings = without(steadily(at(2026, 6, 1), at(2026, 6, 20, 10)), at(2026, 6, 2), at(2026, 6, 20, 8))
    assert await energy_of(history_of(path, readings), at(2026, 6, 20, 10)) == pytest.approx(2.4)


async def test_what_was_counted_over_a_gap_of_today_is(path):
    readings = without(steadily(at(2026, 6, 1), at(2026, 6, 2, 10)), at(2026, 6, 2, 2), at(2026, 6, 2, 8))
    assert await energy_of(history_of(path, readings), at(2026, 6, 2, 10)) == pytest.approx(12.0)


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(DAY, id="no reading of the day"),
        pytest.param(replace(DAY, subject="pump"), id="another meter"),
        pytest.param(replace(DAY, measurand="reactive_energy_import"), id="another counter"),
    ],
)
async def test_what_was_not_read_is_not_known(path, rule):
    history = history_of(path, steadily(at(2026, 6, 1), at(2026, 6, 2) - MINUTE_US))
    assert await energy_of(history, at(2026, 6, 2, 10) if rule is DAY else at(2026, 6, 1, 10), rule) is None


async def test_without_a_journal_nothing_is_known(path):
    assert await energy_of(JournalHistory(path), at(2026, 6, 2)) is None
