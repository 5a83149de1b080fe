"""Curves: from where, in which steps, and where they break."""

import csv
import io
import json
import sqlite3
import time
from contextlib import closing

import pytest

from smartmeter.web import history as module
from tests.web.made_up import DAY_US, HOUR_US, NOON_US, SECOND_US, asking, at, home, meter

QUARTER_US = 900 * SECOND_US


def iso(time_us):
    return module.iso(time_us)


def every(step_us, from_us, until_us, value=lambda _: {"voltage_l1": 230.0}, name="house"):
    first_us = -(-from_us // step_us) * step_us
    return [(name, time_us, value(time_us)) for time_us in range(first_us, until_us, step_us)]


async def ask(client, from_us, until_us, *measurands, **more):
    query = [("meter", "house"), ("from", iso(from_us)), ("until", iso(until_us))]
    query += [("measurand", id_) for id_ in measurands or ("voltage_l1",)]
    answer = await client.get("/api/v1/history", params=[*query, *more.items()])
    assert answer.status_code == 200, answer.text
    return answer.json() if "json" in answer.headers["content-type"] else answer


async def found(tmp_path, history, from_us, until_us, *measurands, meters=None, **more):
    async with home(tmp_path, meters=meters, history=history) as made, asking(made) as client:
        curves = await ask(client, from_us, until_us, *measurands, **more)
    assert curves["times"] == sorted(set(curves["times"]))
    for series in curves["series"].values():
        for values in series.values():
            assert values is None or len(values) == len(curves["times"])
    return curves


async def test_single_readings_have_neither_minimum_nor_maximum(tmp_path):
    values = {NOON_US + n * 10 * SECOND_US: 230.0 + n for n in range(6)}
    history = [("house", time_us, {"voltage_l1": value}) for time_us, value in values.items()]
    curves = await found(tmp_path, history, NOON_US, NOON_US + 60 * SECOND_US)
    assert (curves["source"], curves["step_s"]) == ("readings", 10.0)
    assert curves["times"] == [time_us / 1e6 for time_us in values]
    assert curves["series"] == {"voltage_l1": {"mean": list(values.values()), "min": None, "max": None}}
    assert (curves["from"], curves["until"]) == ("2026-11-24T11:00:00.000Z", "2026-11-24T11:01:00.000Z")


async def test_steps_of_many_have_a_band(tmp_path):
    def value(time_us):
        return {"voltage_l1": 230.0 + time_us // SECOND_US % 60}

    curves = await found(
        tmp_path, every(10 * SECOND_US, NOON_US, NOON_US + HOUR_US, value), NOON_US, NOON_US + HOUR_US, points=60
    )
    assert curves["step_s"] == 60.0
    assert curves["series"]["voltage_l1"] == {"mean": [255.0] * 60, "min": [230.0] * 60, "max": [280.0] * 60}


async def test_steps_are_whole_intervals_and_no_more_than_asked_for(tmp_path):
    curves = await found(
        tmp_path, every(10 * SECOND_US, NOON_US, NOON_US + HOUR_US), NOON_US, NOON_US + HOUR_US, points=11
    )
    assert curves["step_s"] % 10 == 0
    assert len(curves["times"]) <= 12


async def test_no_line_leads_over_a_gap_and_there_is_no_other(tmp_path):
    gap = range(NOON_US + 600 * SECOND_US, NOON_US + 1200 * SECOND_US)
    history = [one for one in every(10 * SECOND_US, NOON_US, NOON_US + HOUR_US) if one[1] not in gap]
    curves = await found(tmp_path, history, NOON_US, NOON_US + HOUR_US)
    mean = curves["series"]["voltage_l1"]["mean"]
    assert mean.count(None) == 1
    assert curves["times"][mean.index(None)] == gap.start / 1e6
    assert len(mean) == len(history) + 1


async def test_what_was_read_at_a_longer_interval_once_is_no_row_of_gaps(tmp_path):
    gap = range(NOON_US + 7200 * SECOND_US, NOON_US + 9000 * SECOND_US)
    history = [one for one in every(120 * SECOND_US, NOON_US, NOON_US + 4 * HOUR_US) if one[1] not in gap]
    curves = await found(tmp_path, history, NOON_US, NOON_US + 4 * HOUR_US)
    mean = curves["series"]["voltage_l1"]["mean"]
    broken = [time_s for time_s, value in zip(curves["times"], mean, strict=True) if value is None]
    assert broken
    assert all(gap.start / 1e6 <= time_s < gap.stop / 1e6 for time_s in broken)


async def test_one_missing_reading_is_a_gap(tmp_path):
    history = every(10 * SECOND_US, NOON_US, NOON_US + 100 * SECOND_US)
    del history[5]
    curves = await found(tmp_path, history, NOON_US, NOON_US + 100 * SECOND_US)
    assert curves["series"]["voltage_l1"]["mean"] == [230.0] * 5 + [None] + [230.0] * 4


async def test_a_measurand_that_alone_is_missing_has_its_own_gap(tmp_path):
    def value(time_us):
        power = {} if NOON_US + 30 * SECOND_US <= time_us < NOON_US + 50 * SECOND_US else {"active_power_total": 5.0}
        return {"voltage_l1": 230.0} | power

    history = every(10 * SECOND_US, NOON_US, NOON_US + 80 * SECOND_US, value)
    curves = await found(tmp_path, history, NOON_US, NOON_US + 80 * SECOND_US, "voltage_l1", "active_power_total")
    assert curves["series"]["voltage_l1"]["mean"] == [230.0] * 8
    assert curves["series"]["active_power_total"]["mean"] == [5.0] * 3 + [None] * 2 + [5.0] * 3


class TestSeldom:
    """A measurand that is read every hour, beside one that is read every ten seconds."""

    METERS = (meter(intervals_us={"active_energy_import": HOUR_US}),)

    @staticmethod
    def value(time_us):
        counted = {"active_energy_import": time_us / 1e10} if time_us % HOUR_US == 0 else {}
        return {"voltage_l1": 230.0} | counted

    async def test_it_keeps_its_value_and_the_other_its_steps(self, tmp_path):
        history = every(10 * SECOND_US, NOON_US, NOON_US + 3 * HOUR_US, self.value)
        span = NOON_US, NOON_US + 3 * HOUR_US
        curves = await found(
            tmp_path, history, *span, "voltage_l1", "active_energy_import", meters=self.METERS, points=1080
        )
        assert curves["step_s"] == 10.0
        counted = curves["series"]["active_energy_import"]["mean"]
        assert [counted.count(value) for value in dict.fromkeys(counted)] == [360] * 3

    async def test_it_ends_when_it_does_not_come(self, tmp_path):
        def value(time_us):
            return self.value(time_us) if time_us < NOON_US + HOUR_US else {"voltage_l1": 230.0}

        history = every(10 * SECOND_US, NOON_US, NOON_US + 3 * HOUR_US, value)
        span = NOON_US, NOON_US + 3 * HOUR_US
        curves = await found(
            tmp_path, history, *span, "voltage_l1", "active_energy_import", meters=self.METERS, points=1080
        )
        counted = curves["series"]["active_energy_import"]["mean"]
        assert counted[:360] == [counted[0]] * 360
        assert counted[360:] == [None] * 720

    async def test_both_break_where_nothing_was_read(self, tmp_path):
        gap = range(NOON_US + HOUR_US // 2, NOON_US + 5 * HOUR_US)
        history = every(10 * SECOND_US, NOON_US, NOON_US + 6 * HOUR_US, self.value)
        history = [one for one in history if one[1] not in gap]
        span = NOON_US, NOON_US + 6 * HOUR_US
        curves = await found(
            tmp_path, history, *span, "voltage_l1", "active_energy_import", meters=self.METERS, points=5000
        )
        within = [place for place, time_s in enumerate(curves["times"]) if gap.start / 1e6 <= time_s < gap.stop / 1e6]
        voltage, counted = (curves["series"][id_]["mean"] for id_ in ("voltage_l1", "active_energy_import"))
        assert [voltage[place] for place in within] == [None] * len(within)
        assert counted[within[0]] == counted[0]
        assert counted[within[-1]] is None

    @pytest.mark.parametrize("days", [1, 3, 30])
    async def test_alone_it_is_no_row_of_gaps(self, tmp_path, days):
        only = every(HOUR_US, NOON_US, NOON_US + days * DAY_US, self.value)
        span = NOON_US, NOON_US + days * DAY_US
        curves = await found(tmp_path, only, *span, "active_energy_import", meters=self.METERS)
        counted = curves["series"]["active_energy_import"]
        assert None not in counted["mean"]
        assert counted["min"] is counted["max"] is None
        assert counted["mean"] == sorted(counted["mean"])
        assert len(set(counted["mean"])) == len(only)

    async def test_alone_it_has_its_gap_at_last(self, tmp_path):
        history = [
            *every(HOUR_US, NOON_US, NOON_US + 10 * HOUR_US, self.value),
            *every(HOUR_US, NOON_US + 20 * HOUR_US, NOON_US + 30 * HOUR_US, self.value),
        ]
        curves = await found(
            tmp_path, history, NOON_US, NOON_US + 30 * HOUR_US, "active_energy_import", meters=self.METERS
        )
        mean = curves["series"]["active_energy_import"]["mean"]
        assert mean.count(None) == 1
        assert curves["times"][mean.index(None)] == (NOON_US + 10 * HOUR_US) / 1e6


@pytest.mark.parametrize(("days", "source"), [(1, "readings"), (1.5, "readings"), (2, "15m"), (20, "1h"), (300, "1d")])
async def test_the_source_follows_the_span(tmp_path, days, source):
    history = every(QUARTER_US, NOON_US - 3 * DAY_US, NOON_US)
    curves = await found(tmp_path, history, NOON_US - round(days * DAY_US), NOON_US)
    assert curves["source"] == source
    assert None not in curves["series"]["voltage_l1"]["mean"] or source == "readings"


async def test_a_meter_that_is_read_ten_times_a_second_is_not_looked_at_one_by_one_for_a_day(tmp_path):
    meters = [meter(interval_us=SECOND_US // 10)]
    history = every(QUARTER_US, NOON_US - DAY_US, NOON_US)
    curves = await found(tmp_path, history, NOON_US - DAY_US, NOON_US, meters=meters)
    assert curves["source"] == "15m"


async def test_rollups_have_a_band_and_the_period_that_reaches_into_the_span(tmp_path):
    def value(time_us):
        return {"voltage_l1": 230.0 + time_us // (300 * SECOND_US) % 3, "active_energy_import": time_us / 1e10}

    history = every(300 * SECOND_US, NOON_US - 3 * DAY_US, NOON_US, value)
    from_us = NOON_US - 2 * DAY_US + 60 * SECOND_US
    curves = await found(tmp_path, history, from_us, NOON_US, "voltage_l1", "active_energy_import")
    assert curves["source"] == "15m"
    assert curves["times"][0] * 1e6 == NOON_US - 2 * DAY_US
    assert len(curves["times"]) == 2 * 96
    assert set(curves["series"]["voltage_l1"]["mean"]) == {231.0}
    assert set(curves["series"]["voltage_l1"]["min"]) == {230.0}
    assert set(curves["series"]["voltage_l1"]["max"]) == {232.0}
    last = curves["series"]["active_energy_import"]["mean"][0]
    assert last == round((NOON_US - 2 * DAY_US + 600 * SECOND_US) / 1e10, 4)


async def test_a_gap_in_rollups(tmp_path):
    history = [
        *every(QUARTER_US, NOON_US - 3 * DAY_US, NOON_US - 2 * DAY_US),
        *every(QUARTER_US, NOON_US - DAY_US, NOON_US),
    ]
    curves = await found(tmp_path, history, NOON_US - 3 * DAY_US, NOON_US)
    mean = curves["series"]["voltage_l1"]["mean"]
    assert mean.count(None) == 1
    assert curves["times"][mean.index(None)] == (NOON_US - 2 * DAY_US) / 1e6


@pytest.mark.parametrize("day", [(2026, 3, 29), (2026, 10, 25)])
async def test_days_of_23_and_25_hours_are_no_gaps(tmp_path, day):
    around = at(*day, 12)
    history = every(QUARTER_US, around - 10 * DAY_US, around + 10 * DAY_US)
    curves = await found(tmp_path, history, around - 8 * DAY_US, around + 8 * DAY_US, points=10)
    assert curves["source"] == "1d"
    assert None not in curves["series"]["voltage_l1"]["mean"]
    lengths = {
        round((after - before) / 3600) for before, after in zip(curves["times"], curves["times"][1:], strict=False)
    }
    assert lengths == {24, 23 if day[1] == 3 else 25}
    assert len(curves["times"]) >= 17


async def test_a_day_that_was_not_read_is_one_also_beside_one_of_25_hours(tmp_path):
    history = [
        *every(QUARTER_US, at(2026, 10, 18), at(2026, 10, 26)),
        *every(QUARTER_US, at(2026, 10, 27), at(2026, 11, 3)),
    ]
    curves = await found(tmp_path, history, at(2026, 10, 18), at(2026, 11, 3), points=10)
    mean = curves["series"]["voltage_l1"]["mean"]
    assert mean.count(None) == 1
    assert mean.index(None) == 8


async def test_the_newest_part_is_there(tmp_path):
    history = every(QUARTER_US, NOON_US - 3 * DAY_US, NOON_US + 300 * SECOND_US)
    curves = await found(tmp_path, history, NOON_US - 2 * DAY_US, NOON_US + 300 * SECOND_US)
    assert curves["times"][-1] * 1e6 == NOON_US
    assert curves["series"]["voltage_l1"]["mean"][-1] == 230.0


async def test_what_has_expired_as_a_reading_comes_from_the_rollups(tmp_path):
    history = every(60 * SECOND_US, NOON_US - DAY_US, NOON_US)
    async with (
        home(tmp_path, history=history, meters=[meter(interval_us=60 * SECOND_US)]) as made,
        asking(made) as client,
    ):
        with closing(sqlite3.connect(made.path)) as connection, connection:
            connection.execute("DELETE FROM reading WHERE time_us < ?", (NOON_US - 6 * HOUR_US + 100 * SECOND_US,))
        curves = await ask(client, NOON_US - DAY_US, NOON_US, points=1440)
        assert curves["source"] == "readings"
        assert curves["times"][0] * 1e6 == NOON_US - DAY_US
        steps_s = [round(after - before) for before, after in zip(curves["times"], curves["times"][1:], strict=False)]
        assert steps_s[:71] == [900] * 71
        assert steps_s[-350:] == [60] * 350
        assert [value for value in curves["series"]["voltage_l1"]["mean"] if value is not None] == [230.0] * (72 + 358)
        with closing(sqlite3.connect(made.path)) as connection, connection:
            connection.execute("DELETE FROM reading")
        curves = await ask(client, NOON_US - DAY_US, NOON_US, points=1441)
        assert (curves["source"], len(curves["times"])) == ("15m", 96)


async def test_a_meter_that_began_within_the_span_has_nothing_before(tmp_path):
    history = every(10 * SECOND_US, NOON_US + 420 * SECOND_US, NOON_US + HOUR_US)
    curves = await found(tmp_path, history, NOON_US - HOUR_US, NOON_US + HOUR_US)
    assert curves["times"][0] * 1e6 == NOON_US + 420 * SECOND_US


async def test_values_are_rounded_and_infinity_is_none(tmp_path):
    history = [
        ("house", NOON_US, {"voltage_l1": 230.123456789}),
        ("house", NOON_US + 10 * SECOND_US, {"voltage_l1": float("inf")}),
        ("house", NOON_US + 20 * SECOND_US, {"voltage_l1": -1e-12}),
    ]
    curves = await found(tmp_path, history, NOON_US, NOON_US + HOUR_US)
    assert curves["series"]["voltage_l1"]["mean"] == [230.123, None, 0.0]
    async with home(tmp_path) as made, asking(made) as client:
        text = (await client.get("/api/v1/history", params=_query(NOON_US - 3 * DAY_US, NOON_US + DAY_US))).text
    json.loads(text, parse_constant=pytest.fail)


def _query(from_us, until_us):
    return {"meter": "house", "measurand": "voltage_l1", "from": iso(from_us), "until": iso(until_us)}


async def test_nothing_is_there(tmp_path):
    curves = await found(tmp_path, (), NOON_US, NOON_US + HOUR_US)
    assert curves["times"] == []
    assert curves["series"] == {"voltage_l1": {"mean": [], "min": None, "max": None}}


async def test_ages_are_answered_quickly_and_in_bounds(tmp_path):
    history = every(QUARTER_US, NOON_US - 3 * DAY_US, NOON_US)
    async with home(tmp_path, history=history) as made, asking(made) as client:
        began_s = time.perf_counter()
        for from_us, until_us in ((0, at(2199, 12, 31)), (0, 1000), (at(2199, 12, 30), at(2199, 12, 31))):
            curves = await ask(client, from_us, until_us)
            assert len(curves["times"]) < 10
        assert time.perf_counter() - began_s < 1


async def test_many_measurands_have_fewer_points_each(tmp_path):
    ids = list(meter().model.registers)[:20]
    meters = [meter(measurands=ids, interval_us=SECOND_US)]
    history = every(SECOND_US, NOON_US, NOON_US + HOUR_US, lambda _: dict.fromkeys(ids, 1.0))
    curves = await found(tmp_path, history, NOON_US, NOON_US + HOUR_US, *ids, meters=meters, points=5000)
    assert curves["step_s"] == 4.0
    assert list(curves["series"]) == ids


async def test_a_measurand_asked_for_twice_is_one(tmp_path):
    curves = await found(tmp_path, (), NOON_US, NOON_US + HOUR_US, "voltage_l1", "voltage_l1")
    assert list(curves["series"]) == ["voltage_l1"]


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"meter": "garage"}, 404, "there is no meter 'garage'"),
        ({"meter": None}, 400, "meter is missing"),
        ({"measurand": None}, 400, "measurand is missing"),
        ({"measurand": "voltage_l9"}, 400, "did you mean voltage_l1?"),
        ({"measurand": "frequency"}, 400, "its settings leave it out"),
        ({"measurand": ["voltage_l1"] * 21}, 400, "at most 20"),
        ({"from": None}, 400, "from is missing"),
        ({"from": "yesterday"}, 400, "from must be a time"),
        ({"from": ["2026-11-24T00:00:00Z"] * 2}, 400, "from is there 2 times"),
        ({"until": "2026-11-24T12:30:00"}, 400, 'with "Z" or an offset'),
        ({"until": "2026-11-24T00:00:00Z"}, 400, "until must be after from"),
        ({"until": "2026-11-23T00:00:00Z"}, 400, "until must be after from"),
        ({"points": "9"}, 400, "points must be a whole number from 10 to 5000"),
        ({"points": "5001"}, 400, "points must be"),
        ({"format": "xml"}, 400, "format must be one of"),
        ({"zoom": "1"}, 400, "there is no parameter 'zoom'"),
    ],
)
async def test_what_cannot_be_asked(tmp_path, change, status, words):
    query = {
        "meter": "house",
        "measurand": "voltage_l1",
        "from": "2026-11-24T00:00:00Z",
        "until": iso(NOON_US),
    } | change
    async with home(tmp_path) as made, asking(made) as client:
        answer = await client.get(
            "/api/v1/history", params={key: value for key, value in query.items() if value is not None}
        )
    assert answer.status_code == status
    assert words in answer.json()["detail"]


async def test_csv(tmp_path):
    history = [
        ("house", NOON_US, {"voltage_l1": 230.5, "active_energy_import": 1000.25}),
        ("house", NOON_US + 60 * SECOND_US, {"voltage_l1": 231.5}),
    ]
    async with home(tmp_path, history=history) as made, asking(made) as client:
        span = NOON_US, NOON_US + HOUR_US
        answer = await ask(client, *span, "voltage_l1", "active_energy_import", format="csv")
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert answer.headers["content-disposition"] == 'attachment; filename="house-history.csv"'
        rows = list(csv.reader(io.StringIO(answer.text)))
        by_header = await client.get(answer.url.copy_remove_param("format"), headers={"Accept": "text/csv"})
        assert by_header.text == answer.text
    assert rows == [
        ["time", "voltage_l1_mean", "voltage_l1_min", "voltage_l1_max", "active_energy_import_last"],
        ["2026-11-24T11:00:00.000Z", "230.5", "230.5", "230.5", "1000.25"],
        ["2026-11-24T11:01:00.000Z", "231.5", "231.5", "231.5", ""],
    ]


@pytest.mark.parametrize(
    "name", ["Süd", 'a"; filename=x', "a\r\nSet-Cookie: x", "\N{ELECTRIC PLUG}", "../../etc/passwd", " "]
)
async def test_any_name_of_a_meter_can_be_downloaded(tmp_path, name):
    history = [(name, NOON_US, {"voltage_l1": 230.5})]
    async with home(tmp_path, meters=[meter(name)], history=history) as made, asking(made) as client:
        query = _query(NOON_US, NOON_US + HOUR_US) | {"meter": name, "format": "csv"}
        answer = await client.get("/api/v1/history", params=query)
        assert answer.status_code == 200
        file_name = answer.headers["content-disposition"].removeprefix('attachment; filename="').removesuffix('"')
        assert file_name.isascii()
        assert not set(file_name) & set('/\\"; \r\n')
        assert "set-cookie" not in answer.headers
        assert (await client.get("/api/v1/history", params=query | {"format": "json"})).json()["meter"] == name


async def test_without_compression_too(tmp_path):
    history = every(10 * SECOND_US, NOON_US, NOON_US + HOUR_US)
    async with home(tmp_path, history=history) as made, asking(made) as client:
        query = _query(NOON_US, NOON_US + HOUR_US)
        plain = await client.get("/api/v1/history", params=query, headers={"Accept-Encoding": "identity"})
        packed = await client.get("/api/v1/history", params=query, headers={"Accept-Encoding": "gzip"})
        assert "content-encoding" not in plain.headers
        assert packed.headers["content-encoding"] == "gzip"
        assert packed.json() == plain.json()
        assert int(packed.headers["content-length"]) < int(plain.headers["content-length"])


async def test_a_journal_that_cannot_be_read_is_a_problem(tmp_path, caplog):
    async with home(tmp_path) as made, asking(made) as client:
        broken = made.path.with_name("broken.db")
        for content in (None, b"", b"x" * 10_000, made.path.read_bytes()[:1500]):
            if content is not None:
                broken.write_bytes(content)
            client.page.look_up._journal = broken  # noqa: SLF001
            for path in ("history", "energy", "meters"):
                query = {} if path == "meters" else {"meter": "house", "span": "day"}
                query = _query(NOON_US, NOON_US + HOUR_US) if path == "history" else query
                answer = await client.get(f"/api/v1/{path}", params=query)
                assert answer.status_code == 503
                assert "broken.db" in answer.json()["detail"]
            assert (await client.get("/api/v1/latest")).status_code == 200
            assert (await client.get("/api/v1/state")).status_code == 200
    assert not caplog.records
