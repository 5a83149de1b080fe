"""A report cannot tell from which store it is made."""

import json
from datetime import date

import pytest

from smartmeter.reading import Reading
from smartmeter.reports.en50160 import quality_report
from smartmeter.reports.en50160_data import quality_json
from smartmeter.reports.energy import Question, energy_report
from smartmeter.reports.energy_data import energy_json
from smartmeter.reports.span import span_of
from smartmeter.sinks.postgresql.history import PostgresqlHistory
from tests.reports.made_up import BERLIN, EXPORT, IMPORT, SITE, STEP_US, at, history_of, steadily
from tests.sinks.beside import store
from tests.sinks.made_up import meter

VOLTAGE = "voltage_l2"


def made_up_readings():
    """Six days around the end of summer time, with a gap over midnight, a false value, a reset and an interruption."""
    before = steadily(at(2026, 10, 22), at(2026, 10, 26, 12))
    after = steadily(at(2026, 10, 26, 12, 5), at(2026, 10, 28), begin=0.0)
    readings = [
        (time_us, {**values, VOLTAGE: 0.0 if at(2026, 10, 24, 3) <= time_us < at(2026, 10, 24, 4) else 231.0})
        for time_us, values in before + after
        if not at(2026, 10, 22, 22) < time_us < at(2026, 10, 23, 4)
    ]
    readings[50][1][IMPORT] = 5000.0
    return readings


async def said(history):
    """All that reports for programs say, but for rounding."""
    try:
        found = []
        for kind, day, row_kind in (
            ("month", date(2026, 10, 1), "1d"),
            ("day", date(2026, 10, 25), "15m"),
            ("day", date(2026, 10, 22), "1h"),
        ):
            question = Question((IMPORT, EXPORT), span_of(kind, day, BERLIN, row_kind), at(2026, 11, 1))
            found.append(json.loads(energy_json([await energy_report(history, SITE, "house", question)])))
        week = span_of("week", date(2026, 10, 19), BERLIN)
        found.append(json.loads(quality_json([await quality_report(history, "house", week, at(2026, 11, 1))])))
        return found
    finally:
        await history.close()


async def test_journal_and_database_say_the_same(postgresql, tmp_path):
    readings, meters = made_up_readings(), [meter("house", (IMPORT, EXPORT, VOLTAGE))]
    rows = [Reading("house", time_us, "boot", 0, values) for time_us, values in readings]
    await store(postgresql.settings(), rows, meters=meters, site=SITE)
    in_database = await said(PostgresqlHistory(postgresql.settings(), meters, "en"))
    in_journal = await said(history_of(tmp_path / "smartmeter.db", readings))
    assert len(in_journal[0][0]["flags"]) == 2
    assert len(in_journal[0][0]["gaps"]) == 1
    assert in_journal[3][0]["interruptions"]
    assert in_database == in_journal
    # The reset costs what was counted in one step.
    total = in_journal[0][0]["totals"][IMPORT]["energy"]
    assert total == pytest.approx(1.2 * 145, abs=2 * 1.2 * STEP_US / 3.6e9)
