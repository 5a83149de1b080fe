import sqlite3
import statistics
from contextlib import closing
from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartmeter.energy.guard import Point
from smartmeter.energy.site import Rating, Site
from smartmeter.energy.tariff import Tariff
from smartmeter.journal.database import connect_writer, transaction
from smartmeter.journal.schema import STEPS, migrate
from smartmeter.journal.upkeep import Upkeep
from smartmeter.periods import PERIODS, QUARTER_US, period_start
from tests.energy.oracle import assert_same_energy, expected_energy

BERLIN = ZoneInfo("Europe/Berlin")
SITE = Site(BERLIN, ratings={"house": Rating(100, 3)})
COUNTER, VOLTAGE = "active_energy_import", "voltage_l1"
# 2026-10-24 20:00 UTC: the night in which an hour comes twice.
NIGHT_US = 1_792_872_000_000_000
MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
LIMITS = SITE.limits("house", COUNTER)


class Store:
    """A journal in memory's stead: its connection, and readings put in by hand."""

    def __init__(self, path, site=SITE, steps=STEPS):
        self.connection = connect_writer(path)
        # Nothing here is about power cuts.
        self.connection.execute("PRAGMA synchronous = OFF")
        migrate(self.connection, path, [COUNTER, VOLTAGE], steps)
        self.site = site
        with transaction(self.connection):
            self.connection.execute("INSERT OR IGNORE INTO meter (id, name) VALUES (1, 'house')")
            self.connection.execute("INSERT OR IGNORE INTO boot (id, name, first_sequence) VALUES (1, 'boot', 1)")
        self.upkeep = Upkeep(self.connection, site) if steps is STEPS else None

    def put(self, readings):
        with transaction(self.connection):
            self.connection.executemany(
                f"INSERT INTO reading (meter_id, time_us, boot_id, monotonic_us, {COUNTER}, {VOLTAGE}) "
                "VALUES (1, ?, 1, 0, ?, ?)",
                readings,
            )
            self.upkeep.mark((1, time_us) for time_us, *_ in readings)

    def work(self):
        while self.upkeep.work():
            pass

    def energy(self, period):
        query = f"SELECT start_us, energy, gap_energy, gap_from_us FROM energy_{period} WHERE measurand = ? ORDER BY 1"
        return self.connection.execute(query, (COUNTER,)).fetchall()

    def rollups(self, period):
        query = f"""SELECT start_us, n, {VOLTAGE}_mean, {VOLTAGE}_min, {VOLTAGE}_max, {COUNTER}_first, {COUNTER}_last
                    FROM rollup_{period} ORDER BY 1"""
        return self.connection.execute(query).fetchall()

    def rows(self, query):
        return self.connection.execute(query).fetchall()


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "smartmeter.db")
    with closing(made.connection):
        yield made


@st.composite
def nights(draw):
    """Readings of a night of 8 hours at uneven times, with gaps, resets, spikes and zeros, and voltages."""
    time_us, value = NIGHT_US, draw(st.integers(0, 100_000)) / 100
    readings = []
    events = draw(st.lists(st.tuples(st.integers(1, 40), st.floats(0, 1), st.integers(0, 12)), min_size=1, max_size=40))
    for minutes, share, event in events:
        time_us += minutes * MINUTE_US
        value = round(value + share * LIMITS.per_hour * minutes / 60, 2)
        if event == 0:
            value = 0.0
        seen = {1: 0.0, 2: value + 5000}.get(event, value)
        readings.append((time_us, None if event == 3 else seen, draw(st.one_of(st.none(), st.integers(200, 260)))))
    return readings


def points(readings):
    return [Point(time_us, value) for time_us, value, _ in readings if value is not None]


@settings(max_examples=40)
@given(nights(), st.data())
def test_whatever_the_order_energy_is_what_the_counter_says(tmp_path_factory, readings, data):
    arriving = data.draw(st.permutations(readings))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(readings)), max_size=4)))
    store = Store(tmp_path_factory.mktemp("journal") / "smartmeter.db")
    with closing(store.connection):
        for begin, end in zip([0, *cuts], [*cuts, len(readings)], strict=True):
            store.put(arriving[begin:end])
            if data.draw(st.booleans()):
                store.work()
        store.work()
        for period in PERIODS:
            assert_same_energy(store.energy(period), expected_energy(points(readings), LIMITS, period, BERLIN))
        # Working the same off once more changes nothing.
        before = [store.energy(period) for period in PERIODS]
        store.upkeep.mark([])
        store.connection.execute("INSERT INTO dirty SELECT DISTINCT 1, start_us FROM energy_15m")
        store.work()
        assert [store.energy(period) for period in PERIODS] == before


@settings(max_examples=25)
@given(nights())
def test_roll_ups_are_plain_statistics(tmp_path_factory, readings):
    store = Store(tmp_path_factory.mktemp("journal") / "smartmeter.db")
    with closing(store.connection):
        store.put(readings)
        store.work()
        quarters = {}
        for start_us, of_quarter in grouped(readings, "15m"):
            voltages = [voltage for *_, voltage in of_quarter if voltage is not None]
            counts = [count for _, count, _ in of_quarter if count is not None]
            quarters[start_us] = (len(of_quarter), *summary(voltages), *ends(counts))
        assert store.rollups("15m") == [pytest.approx((start_us, *row)) for start_us, row in quarters.items()]
        for period in ("1h", "1d"):
            expected = []
            for start_us, within in grouped([(key, *row) for key, row in quarters.items()], period):
                n = sum(row[1] for row in within)
                means = [row[2] for row in within if row[2] is not None]
                lows = [row[3] for row in within if row[3] is not None]
                highs = [row[4] for row in within if row[4] is not None]
                counts = [count for row in within for count in row[5:] if count is not None]
                mean = statistics.fmean(means) if means else None
                expected.append((start_us, n, mean, min(lows, default=None), max(highs, default=None), *ends(counts)))
            assert store.rollups(period) == [pytest.approx(row) for row in expected]


def grouped(rows, period):
    groups = {}
    for row in sorted(rows, key=lambda row: row[0]):
        groups.setdefault(period_start(period, row[0], BERLIN), []).append(row)
    return groups.items()


def summary(values):
    return (statistics.fmean(values), min(values), max(values)) if values else (None, None, None)


def ends(values):
    return (values[0], values[-1]) if values else (None, None)


def growing(minutes, start_us=NIGHT_US, begin=100.0):
    return [(start_us + minute * MINUTE_US, begin + minute / 100, 230.0) for minute in range(minutes)]


def test_what_was_marked_before_a_crash_is_worked_off_after_it(store, tmp_path):
    store.put(growing(60))
    store.connection.close()
    again = Store(tmp_path / "smartmeter.db")
    with closing(again.connection):
        again.work()
        assert sum(energy for _, energy, *_ in again.energy("15m")) == pytest.approx(0.59)


def test_a_step_that_fails_leaves_the_marks(store, monkeypatch):
    store.put(growing(60))
    monkeypatch.setattr("smartmeter.journal.upkeep.derive", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        store.work()
    monkeypatch.undo()
    assert store.energy("15m") == []
    store.work()
    assert sum(energy for _, energy, *_ in store.energy("1d")) == pytest.approx(0.59)


def test_totals_outlive_readings(store):
    readings = growing(180)
    store.put(readings)
    store.work()
    before = [(store.energy(period), store.rollups(period)) for period in PERIODS]
    store.connection.execute("DELETE FROM reading WHERE time_us < ?", (NIGHT_US + 100 * MINUTE_US,))
    store.put([(NIGHT_US + 5 * MINUTE_US + 1, 100.05, 100.0)])
    store.work()
    assert [(store.energy(period), store.rollups(period)) for period in PERIODS] == before


@settings(max_examples=25)
@given(st.lists(st.booleans(), min_size=4, max_size=16), st.data())
def test_what_comes_late_beside_expired_quarters_keeps_the_total(tmp_path_factory, comes_late, data):
    readings = [one for one in growing(15 * len(comes_late)) if data.draw(st.integers(0, 3)) or one is None]
    late = [one for one in readings if comes_late[quarter_number(one)]]
    early = [one for one in readings if not comes_late[quarter_number(one)]]
    begin, end = sorted(data.draw(st.tuples(*[st.integers(0, 15 * len(comes_late))] * 2)))
    store = Store(tmp_path_factory.mktemp("journal") / "smartmeter.db")
    with closing(store.connection):
        store.put(early)
        store.work()
        expired = (NIGHT_US + begin * MINUTE_US, NIGHT_US + end * MINUTE_US)
        store.connection.execute("DELETE FROM reading WHERE time_us >= ? AND time_us < ?", expired)
        store.put(late)
        store.work()
        counts = [count for _, count, _ in readings]
        for period in PERIODS:
            total = sum(energy for _, energy, *_ in store.energy(period))
            assert total == pytest.approx(max(counts, default=0) - min(counts, default=0))


def quarter_number(one):
    """In which quarter-hour of the night its energy counts; at its very start in the first one."""
    return max(0, one[0] - NIGHT_US - 1) // QUARTER_US


def test_a_gap_that_is_filled_late_is_none_any_more_also_if_what_follows_has_expired(store):
    readings = growing(400)
    store.put([*readings[:60], *readings[157:]])
    store.work()
    before = {start_us: rest for start_us, *rest in store.energy("15m")}
    end_us = NIGHT_US + 10 * QUARTER_US
    assert before[end_us] == [pytest.approx(1.06), pytest.approx(0.98), readings[59][0]]
    store.connection.execute("DELETE FROM reading WHERE time_us >= ?", (readings[157][0],))
    store.put(readings[60:157])
    store.work()
    after = {start_us: rest for start_us, *rest in store.energy("15m")}
    # Seven readings of it came late and its other ones are gone: it begins with the last of the one before.
    assert after[end_us] == [pytest.approx(0.15), 0, None]
    assert sum(energy for _, energy, *_ in store.energy("1d")) == pytest.approx(3.99)


def test_a_reset_in_a_quarter_that_has_expired_stays_what_it_was(store):
    readings = [*growing(150), *growing(150, NIGHT_US + 170 * MINUTE_US, begin=0.0)]
    store.put(readings)
    store.work()
    before = store.energy("15m")
    assert store.rows("SELECT kind FROM counter_flags") == [("reset",)]
    store.connection.execute("DELETE FROM reading WHERE time_us > ?", (NIGHT_US + 150 * MINUTE_US,))
    store.put([(NIGHT_US + 155 * MINUTE_US, 101.55, 230.0)])
    store.work()
    after = {start_us: energy for start_us, energy, *_ in store.energy("15m")}
    assert {start_us: energy for start_us, energy, *_ in before}.items() <= after.items()
    assert store.rows("SELECT kind FROM counter_flags") == [("reset",)]


def test_days_of_another_zone_take_the_place_of_those_before(store, tmp_path):
    readings = growing(8 * 60)
    store.put(readings)
    store.work()
    store.connection.close()
    auckland = ZoneInfo("Pacific/Auckland")
    moved = Store(tmp_path / "smartmeter.db", Site(auckland, ratings=SITE.ratings))
    with closing(moved.connection):
        moved.work()
        for period in PERIODS:
            assert_same_energy(moved.energy(period), expected_energy(points(readings), LIMITS, period, auckland))
        assert sum(n for _, n, *_ in moved.rollups("1d")) == len(readings)


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Pacific/Auckland", "Asia/Tokyo"])
def test_no_day_of_the_zone_before_is_left_at_the_beginning(tmp_path, zone):
    moved_to = ZoneInfo(zone)
    # The day in UTC has begun in the month before.
    readings = growing(120, period_start("1mo", NIGHT_US, moved_to) + HOUR_US)
    path = tmp_path / "smartmeter.db"
    for each in (ZoneInfo("UTC"), moved_to):
        store = Store(path, Site(each, ratings=SITE.ratings))
        with closing(store.connection):
            if each is not moved_to:
                store.put(readings)
            store.work()
            for period in PERIODS:
                assert sum(n for _, n, *_ in store.rollups(period)) == 120
                assert sum(energy for _, energy, *_ in store.energy(period)) == pytest.approx(1.19)


def test_another_zone_is_gone_over_to_in_slices_and_begun_anew_after_a_failure(store, tmp_path, monkeypatch):
    readings = [(NIGHT_US + hour * HOUR_US, hour / 10, 230.0) for hour in range(24 * 10)]
    store.put(readings)
    store.work()
    store.connection.close()
    auckland = ZoneInfo("Pacific/Auckland")
    moved = Store(tmp_path / "smartmeter.db", Site(auckland, ratings=SITE.ratings))
    with closing(moved.connection):
        assert moved.upkeep.work(0)
        assert not moved.connection.in_transaction
        monkeypatch.setattr("smartmeter.journal.settle.derive", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            moved.upkeep.work(0)
        assert moved.rows("SELECT value FROM meta WHERE key = 'timezone'") == [("Europe/Berlin",)]
        monkeypatch.undo()
        moved.work()
        assert moved.rows("SELECT value FROM meta WHERE key = 'timezone'") == [("Pacific/Auckland",)]
        for period in PERIODS:
            assert_same_energy(moved.energy(period), expected_energy(points(readings), LIMITS, period, auckland))


def test_costs_follow_the_tariff(store, tmp_path):
    store.put(growing(120))
    store.work()
    assert store.rows("SELECT sum(cost), sum(unpriced) FROM energy_1d") == [(None, pytest.approx(1.19))]
    store.connection.close()
    tariff = Tariff(valid_from=date(2020, 1, 1), price=0.5)
    priced = Store(tmp_path / "smartmeter.db", Site(BERLIN, (tariff,), SITE.ratings))
    with closing(priced.connection):
        priced.work()
        for period in PERIODS:
            assert priced.rows(f"SELECT sum(cost), sum(unpriced) FROM energy_{period}") == [(pytest.approx(0.595), 0)]


def test_a_journal_without_roll_ups_gets_them(tmp_path):
    path = tmp_path / "smartmeter.db"
    old = Store(path, steps=STEPS[:1])
    with closing(old.connection):
        old.connection.executemany(
            f"INSERT INTO reading (meter_id, time_us, boot_id, monotonic_us, {COUNTER}) VALUES (1, ?, 1, 0, ?)",
            [(time_us, count) for time_us, count, _ in growing(60)],
        )
    new = Store(path)
    with closing(new.connection):
        assert new.rows("SELECT count(*) FROM dirty") == [(5,)]
        new.work()
        assert sum(energy for _, energy, *_ in new.energy("1d")) == pytest.approx(0.59)


def test_what_the_guard_finds_is_flagged_and_the_reading_stays(store):
    readings = growing(60)
    readings[30] = (readings[30][0], 5000.0, 230.0)
    store.put(readings)
    store.work()
    assert store.rows("SELECT meter, measurand, time_us, kind, value FROM counter_flags") == [
        ("house", COUNTER, readings[30][0], "false_value", 5000.0)
    ]
    assert store.rows(f"SELECT max({COUNTER}) FROM readings") == [(5000.0,)]
    assert sum(energy for _, energy, *_ in store.energy("1d")) == pytest.approx(0.59)


def test_marks_are_written_once_for_each_quarter(store):
    store.put(growing(1))
    changes = store.connection.total_changes
    store.put([(NIGHT_US + 1, 100.0, 230.0)])
    # The reading alone; that at the quarter's very start had marked the one before as well.
    assert store.connection.total_changes - changes == 1


def test_a_time_that_cannot_be_is_kept_and_counted_nowhere(store):
    store.put([(1_000_000, 100.0, 230.0), (10**17, 200.0, 230.0)])
    store.work()
    assert [store.energy(period) for period in PERIODS] == [[], [], []]
    assert store.rows("SELECT count(*) FROM reading") == [(2,)]


def test_views_show_what_the_tables_hold(store):
    store.put(growing(61))
    store.work()
    (row,) = store.rows("SELECT time, time_s, meter, n FROM readings_1h ORDER BY time_us LIMIT 1")
    assert row == ("2026-10-24T20:00:00.000Z", NIGHT_US // 1_000_000, "house", 60)
    (row,) = store.rows("SELECT time_s, meter, measurand, energy, gap_from_s FROM energy_per_1h WHERE energy > 0")
    assert row == (NIGHT_US // 1_000_000, "house", COUNTER, pytest.approx(0.6), None)


def test_a_quarter_is_aligned_with_utc(store):
    assert NIGHT_US % QUARTER_US == 0
    with pytest.raises(sqlite3.IntegrityError):
        store.connection.execute("INSERT INTO dirty VALUES (1, 0), (1, 0)")
