from dataclasses import replace
from types import SimpleNamespace

import pytest

from smartmeter.journal.complete import CompleteValues
from smartmeter.journal.entry import Entry
from smartmeter.reading import Reading
from smartmeter.sinks.postgresql.rows import Batch
from smartmeter.sinks.sink import SinkUnavailableError
from tests.fixtures.postgresql import USER
from tests.sinks.made_up import START_US, entries, legacy_table, meter, reading

VOLTAGE = [meter(ids=["voltage_l1"])]


def volts(values, first=0):
    return [entry for number, value in enumerate(values, first) for entry in entries([number], {"voltage_l1": value})]


def stored(postgresql):
    return [value for (value,) in postgresql.rows("SELECT voltage_l1 FROM smartmeter ORDER BY ts")]


async def test_a_batch_goes_in_whole(postgresql, sink_on):
    async with sink_on(postgresql.settings()) as sink:
        assert await sink.write(entries(range(500))) == []
    assert postgresql.rows("SELECT count(*), count(voltage_l1), sum(voltage_l1) FROM smartmeter") == [
        (500, 500, pytest.approx(sum(entry.reading.values["voltage_l1"] for entry in entries(range(500)))))
    ]


async def test_an_empty_batch_is_nothing(postgresql, sink_on):
    async with sink_on(postgresql.settings()) as sink:
        assert await sink.write([]) == []


async def test_times_are_kept_to_the_microsecond(postgresql, sink_on):
    times = [0, -1, 1_790_000_000_123_457, 253_402_300_799_999_999]
    batch = [Entry(n, replace(reading(n), time_us=time)) for n, time in enumerate(times)]
    async with sink_on(postgresql.settings()) as sink:
        assert await sink.write(batch) == []
    query = "SELECT (extract(epoch FROM ts) * 1000000)::int8 FROM smartmeter ORDER BY 1"
    assert [time for (time,) in postgresql.rows(query)] == sorted(times)


async def test_a_time_that_no_database_holds_is_refused(postgresql, sink_on):
    bad = [Entry(1, replace(reading(1), time_us=10**18)), Entry(2, replace(reading(2), time_us=-(10**18)))]
    async with sink_on(postgresql.settings()) as sink:
        refusals = await sink.write([*bad, *entries([3])])
    assert [(refusal.sequence, "beyond the years 1 to 9999" in refusal.error) for refusal in refusals] == [
        (1, True),
        (2, True),
    ]
    assert postgresql.rows("SELECT count(*) FROM smartmeter") == [(1,)]


async def test_what_a_reading_lacks_is_null(postgresql, sink_on):
    batch = [
        *entries([1], {"voltage_l1": 230.1}),
        *entries([2], {"frequency": 50.0}),
        *entries([3], {"voltage_l1": None}),
    ]
    async with sink_on(postgresql.settings()) as sink:
        assert await sink.write(batch) == []
    assert postgresql.rows("SELECT voltage_l1, frequency FROM smartmeter ORDER BY ts") == [
        (230.1, None),
        (None, 50.0),
        (None, None),
    ]


@pytest.mark.parametrize("type_", ["double precision", "real", "numeric(6,2)", "smallint"])
async def test_a_repeat_changes_nothing(postgresql, sink_on, type_):
    postgresql.run(f"CREATE TABLE smartmeter (ts timestamptz PRIMARY KEY, voltage_l1 {type_})")
    async with sink_on(postgresql.settings(), VOLTAGE) as sink:
        assert await sink.write(volts([230.123, 231.456, None])) == []
        before = stored(postgresql)
        assert await sink.write(volts([230.123, 231.456, None, 232.789])) == []
        assert await sink.write(volts([230.123, 231.456, None, 232.789])) == []
    assert stored(postgresql)[:3] == before
    assert len(stored(postgresql)) == 4


async def test_another_reading_with_the_same_time_is_refused_and_the_first_stays(postgresql, sink_on):
    async with sink_on(postgresql.settings(), VOLTAGE) as sink:
        await sink.write(volts([230.0, 231.0, None]))
        # The clock was set back: new readings get the times of old ones.
        again = [replace(entry, sequence=entry.sequence + 100) for entry in volts([230.0, 999.0, 998.0])]
        refusals = await sink.write([*again, *volts([232.0], first=3)])
    assert [(refusal.sequence, refusal.error) for refusal in refusals] == [
        (101, "another reading with this time is already there"),
        (102, "another reading with this time is already there"),
    ]
    assert stored(postgresql) == [230.0, 231.0, None, 232.0]


async def test_of_two_readings_with_one_time_in_one_batch_the_first_is_kept(postgresql, sink_on):
    first, second = volts([230.0]), [Entry(7, reading(0, {"voltage_l1": 231.0}))]
    async with sink_on(postgresql.settings(), VOLTAGE) as sink:
        (refusal,) = await sink.write([*first, *second])
    assert refusal.sequence == 7
    assert stored(postgresql) == [230.0]


async def test_two_meters_with_one_time_are_no_clash(postgresql, sink_on):
    meters = [meter("haus"), meter("garage")]
    async with sink_on(postgresql.settings(), meters) as sink:
        batch = [*entries([1], {"voltage_l1": 1.0}, "haus"), *entries([1], {"voltage_l1": 2.0}, "garage")]
        assert await sink.write(batch) == []
        assert await sink.write(batch) == []


@pytest.mark.parametrize("bad", [{0}, {99}, {50, 51}, set(range(0, 100, 10)), set(range(100))])
async def test_values_out_of_range_are_refused_and_the_rest_goes_in(postgresql, sink_on, bad):
    postgresql.run("CREATE TABLE smartmeter (ts timestamptz PRIMARY KEY, voltage_l1 smallint)")
    batch = volts([1e6 if number in bad else number for number in range(100)])
    async with sink_on(postgresql.settings(), VOLTAGE) as sink:
        refusals = await sink.write(batch)
    assert {refusal.sequence for refusal in refusals} == bad
    assert {refusal.error for refusal in refusals} == {"smallint out of range (22003)"}
    assert stored(postgresql) == sorted(set(range(100)) - bad)


@pytest.mark.parametrize(
    ("type_", "bad", "good"),
    [
        ("real", 1e300, 230.1),
        ("numeric(5,2)", 1000.0, 230.1),
        ("double precision CHECK (voltage_l1 < 400)", 500.0, 230.1),
        ("double precision NOT NULL", None, 230.1),
        ("smallint", 40000.0, 230.4),
    ],
)
async def test_a_column_that_refuses_a_value_refuses_only_that(postgresql, sink_on, type_, bad, good):
    postgresql.run(f"CREATE TABLE smartmeter (ts timestamptz PRIMARY KEY, voltage_l1 {type_})")
    async with sink_on(postgresql.settings(), VOLTAGE) as sink:
        (refusal,) = await sink.write(volts([good, bad, good]))
    assert refusal.sequence == 1
    assert "\n" not in refusal.error
    assert [float(value) for value in stored(postgresql)] == [pytest.approx(good, abs=0.5)] * 2


async def test_refusals_and_clashes_and_repeats_in_one_batch(postgresql, sink_on):
    postgresql.run("CREATE TABLE smartmeter (ts timestamptz PRIMARY KEY, voltage_l1 smallint)")
    async with sink_on(postgresql.settings(), VOLTAGE) as sink:
        await sink.write(volts([1, 2]))
        refusals = await sink.write(volts([1, 3, 1e6, 4]))
    assert {refusal.sequence: refusal.error for refusal in refusals} == {
        2: "smallint out of range (22003)",
        1: "another reading with this time is already there",
    }
    assert stored(postgresql) == [1, 2, 4]


async def test_a_constraint_that_is_checked_late_refuses_only_what_breaks_it(postgresql, sink_on):
    postgresql.run(
        "CREATE TABLE zaehler (name text PRIMARY KEY)",
        "INSERT INTO zaehler VALUES ('haus')",
        """CREATE TABLE smartmeter (ts timestamptz, voltage_l1 float8, PRIMARY KEY (meter, ts),
                                    meter text REFERENCES zaehler DEFERRABLE INITIALLY DEFERRED)""",
    )
    async with sink_on(postgresql.settings(), [meter("haus"), meter("garage")]) as sink:
        batch = [*entries([1], {"voltage_l1": 1.0}, "haus"), *entries([2], {"voltage_l1": 2.0}, "garage")]
        (refusal,) = await sink.write(batch)
    assert (refusal.sequence, "foreign key" in refusal.error) == (2, True)
    assert stored(postgresql) == [1.0]


async def test_another_unique_constraint_refuses_its_row(postgresql, sink_on):
    postgresql.run("CREATE TABLE smartmeter (ts timestamptz PRIMARY KEY, voltage_l1 float8 UNIQUE)")
    async with sink_on(postgresql.settings(), VOLTAGE) as sink:
        (refusal,) = await sink.write(volts([230.0, 230.0, 231.0]))
    assert (refusal.sequence, "another unique constraint" in refusal.error) == (1, True)
    assert stored(postgresql) == [230.0, 231.0]


async def test_a_trigger_that_raises_refuses_its_row(postgresql, sink_on):
    postgresql.run(
        "CREATE TABLE smartmeter (ts timestamptz PRIMARY KEY, voltage_l1 float8)",
        """CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN IF NEW.voltage_l1 > 400 THEN RAISE EXCEPTION 'zu viel'; END IF; RETURN NEW; END $$""",
        "CREATE TRIGGER guard BEFORE INSERT ON smartmeter FOR EACH ROW EXECUTE FUNCTION guard()",
    )
    async with sink_on(postgresql.settings(), VOLTAGE) as sink:
        (refusal,) = await sink.write(volts([230.0, 500.0, 231.0]))
    assert (refusal.sequence, refusal.error) == (1, "zu viel (P0001)")
    assert stored(postgresql) == [230.0, 231.0]


async def test_row_level_security_is_no_obstacle(postgresql, sink_on):
    postgresql.run(
        "CREATE TABLE smartmeter (ts timestamptz PRIMARY KEY, voltage_l1 float8)",
        "ALTER TABLE smartmeter ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY everything ON smartmeter USING (true)",
        f"GRANT INSERT, SELECT ON smartmeter TO {USER}",
        user=None,
    )
    async with sink_on(postgresql.settings(), VOLTAGE) as sink:
        assert await sink.write(volts([230.0, 231.0])) == []
    assert stored(postgresql) == [230.0, 231.0]


async def test_a_column_whose_type_changes_meanwhile_is_no_obstacle(postgresql, sink_on):
    async with sink_on(postgresql.settings(), VOLTAGE) as sink:
        await sink.write(volts([230.0]))
        postgresql.run("ALTER TABLE smartmeter ALTER COLUMN voltage_l1 TYPE real")
        assert await sink.write(volts([231.0], first=1)) == []
    assert stored(postgresql) == [230.0, 231.0]


async def test_a_column_that_is_dropped_meanwhile_is_added_again(postgresql, sink_on):
    async with sink_on(postgresql.settings(), VOLTAGE) as sink:
        await sink.write(volts([230.0]))
        postgresql.run("ALTER TABLE smartmeter DROP COLUMN voltage_l1")
        with pytest.raises(SinkUnavailableError, match="looked at anew"):
            await sink.write(volts([231.0], first=1))
        assert await sink.write(volts([231.0], first=1)) == []
    assert stored(postgresql) == [None, 231.0]


async def test_the_originals_rows_and_ours_are_one_series(postgresql, sink_on):
    postgresql.run(
        legacy_table(), f"INSERT INTO smartmeter (ts, spannung_l1) VALUES (to_timestamp({START_US // 10**6}), 229.9)"
    )
    async with sink_on(postgresql.settings(), language="de") as sink:
        refusals = await sink.write(entries([0, 1], {"voltage_l1": 230.1}))
    assert [refusal.sequence for refusal in refusals] == [0]
    assert postgresql.rows("SELECT spannung_l1 FROM smartmeter ORDER BY ts") == [(229.9,), (230.1,)]


@pytest.mark.parametrize("has_meter", [True, False])
@pytest.mark.parametrize("wanted", [("a", "b", "c"), ("c", "a"), ("b",), ("a", "other"), ()])
def test_complete_readings_make_the_same_rows_as_others(has_meter, wanted):
    stored = ("b", "a", "c")
    values = {"b": 2.0, "a": 1.0, "c": 3.0}
    complete = CompleteValues(stored, ("meter", 7, *values.values()), 2)
    layout = SimpleNamespace(has_meter=has_meter)
    columns = dict.fromkeys(wanted)
    entries_of = {
        kind: [Entry(number, Reading("haus", 1_000_000 * number, "boot", number, given)) for number in (1, 2)]
        for kind, given in (("complete", complete), ("dict", values))
    }
    rows = {kind: list(Batch(layout, columns, entries).rows()) for kind, entries in entries_of.items()}
    assert rows["complete"] == rows["dict"]
    assert [row[2 if has_meter else 1 :] for row in rows["dict"]] == [tuple(map(values.get, wanted))] * 2
