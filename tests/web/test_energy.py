"""Energy of days, months and years: rows, gaps, costs, and what comes before and after."""

import csv
import io
import time

import pytest

from smartmeter.energy.tariff import Tariff
from tests.web.made_up import DAY_US, HOUR_US, NOON_US, SECOND_US, asking, at, home, meter

QUARTER_US = 900 * SECOND_US


def counted(from_us, until_us, step_us=QUARTER_US, without=range(0)):
    """A kilowatt all the time."""
    first_us = -(-from_us // step_us) * step_us
    return [
        ("house", time_us, {"active_energy_import": (time_us - at(2020, 1, 1)) / HOUR_US, "active_energy_export": 5.0})
        for time_us in range(first_us, until_us, step_us)
        if time_us not in without
    ]


async def ask(client, span, date=None, **more):
    query = {"meter": "house", "span": span} | ({} if date is None else {"date": date}) | more
    answer = await client.get("/api/v1/energy", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json() if "json" in answer.headers["content-type"] else answer


def energies(report, id_="active_energy_import"):
    return [row["amounts"].get(id_) and row["amounts"][id_]["energy"] for row in report["rows"]]


async def test_today_until_now(tmp_path):
    async with home(tmp_path, history=counted(NOON_US - 2 * DAY_US, NOON_US)) as made, asking(made) as client:
        report = await ask(client, "day")
        assert (report["meter"], report["span"], report["unit"]) == ("house", "day", "kWh")
        assert (report["from"], report["until"]) == ("2026-11-23T23:00:00.000Z", "2026-11-24T23:00:00.000Z")
        assert report["now"] == "2026-11-24T11:00:00.000Z"
        assert report["counters"] == ["active_energy_import", "active_energy_export"]
        assert len(report["rows"]) == 12
        assert report["rows"][0]["label"] == "2026-11-24T00:00+01:00"
        assert energies(report)[1:11] == [1.0] * 10
        assert energies(report, "active_energy_export") == [0.0] * 12
        assert (report["previous"], report["next"]) == ("2026-11-23", None)
        assert (report["currency"], report["base_cost"]) == (None, None)
        assert await ask(client, "day", "2026-11-24") == report
        yesterday = await ask(client, "day", report["previous"])
        assert (len(yesterday["rows"]), yesterday["next"]) == (24, "2026-11-24")
        assert yesterday["totals"]["active_energy_import"]["energy"] == 24.0


@pytest.mark.parametrize(("date", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-10-24", 24)])
async def test_days_of_23_and_25_hours(tmp_path, date, hours):
    noon_us = at(*map(int, date.split("-")), 12)
    history = counted(noon_us - 2 * DAY_US, noon_us + 2 * DAY_US)
    async with home(tmp_path, history=history) as made, asking(made) as client:
        report = await ask(client, "day", date)
        assert energies(report) == [1.0] * hours
        labels = [row["label"] for row in report["rows"]]
        assert len(set(labels)) == hours
        if hours == 25:
            assert labels[2:4] == ["2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00"]
        assert report["totals"]["active_energy_import"]["energy"] == hours
        month = await ask(client, "month", date)
        assert energies(month)[int(date[-2:]) - 1] == hours


@pytest.mark.parametrize(
    ("span", "rows", "previous", "following"),
    [("week", 7, "2026-11-15", "2026-11-23"), ("month", 30, "2026-10-31", None), ("year", 12, "2025-12-31", None)],
)
async def test_spans_follow_each_other(tmp_path, span, rows, previous, following):
    history = counted(NOON_US - 10 * DAY_US, NOON_US)
    async with home(tmp_path, history=history) as made, asking(made) as client:
        report = await ask(client, span, "2026-11-18")
        assert (report["previous"], report["next"]) == (previous, following)
        assert len(report["rows"]) == {"week": 7, "month": 24, "year": 11}[span] <= rows
        before = await ask(client, span, previous)
        assert before["until"] == report["from"]
        assert before["next"] is not None


async def test_a_gap_is_told_and_its_energy_is_in_no_row_that_it_does_not_end_in(tmp_path):
    gap = range(at(2026, 11, 23, 22), at(2026, 11, 24, 3))
    history = counted(NOON_US - 3 * DAY_US, NOON_US, without=gap)
    async with home(tmp_path, history=history) as made, asking(made) as client:
        report = await ask(client, "day")
        # A reading at a full hour is the end of the one before.
        assert energies(report)[:2] == [None] * 2
        third = report["rows"][2]["amounts"]["active_energy_import"]
        assert third["is_part"]
        assert third["gap_energy"] == 5.25
        assert report["gaps"] == [
            {
                "from": "2026-11-23T20:45:00.000Z",
                "until": "2026-11-24T02:00:00.000Z",
                "energies": {"active_energy_import": 5.25, "active_energy_export": 0.0},
            }
        ]
        assert report["totals"]["active_energy_import"]["is_part"]


async def test_gaps_of_a_year_and_of_all_years(tmp_path):
    gaps = [
        range(at(2026, 10, 31, 20), at(2026, 11, 1, 6)),
        range(at(2026, 11, 10, 8, 30), at(2026, 11, 10, 12)),
        range(at(2026, 11, 12, 8, 15), at(2026, 11, 12, 8, 45)),
    ]
    without = {time_us for gap in gaps for time_us in gap[::QUARTER_US]}
    history = counted(at(2026, 10, 20), NOON_US, without=without)
    async with home(tmp_path, history=history) as made, asking(made) as client:
        year = await ask(client, "year")
        assert [gap["from"][:13] for gap in year["gaps"]] == ["2026-10-31T18", "2026-11-10T07"]
        november = year["rows"][10]["amounts"]["active_energy_import"]
        assert november["is_part"]
        assert november["gap_energy"] == 10.25
        assert year["rows"][9]["amounts"]["active_energy_import"]["is_part"]
        total = year["totals"]["active_energy_import"]["energy"]
        assert total == pytest.approx((NOON_US - QUARTER_US - at(2026, 10, 20)) / HOUR_US)
        everything = await ask(client, "all")
        assert everything["totals"]["active_energy_import"]["energy"] == total
        assert everything["gaps"] == year["gaps"]
        month = await ask(client, "month")
        assert len(month["gaps"]) == 3


async def test_all_years(tmp_path):
    history = counted(at(2024, 12, 30), at(2025, 1, 3)) + counted(at(2026, 11, 20), NOON_US)
    async with home(tmp_path, history=history) as made, asking(made) as client:
        report = await ask(client, "all")
        assert [row["label"][:4] for row in report["rows"]] == ["2024", "2025", "2026"]
        assert (report["previous"], report["next"]) == (None, None)
        assert report["until"] == "2026-12-31T23:00:00.000Z"
        amounts = [row["amounts"]["active_energy_import"] for row in report["rows"]]
        assert [amount["is_part"] for amount in amounts] == [False, True, True]
        gap = {"from": "2025-01-02T22:45:00.000Z", "until": "2026-11-19T23:00:00.000Z"}
        assert [{key: one[key] for key in gap} for one in report["gaps"]] == [gap]
        # The gap over 2025 ends in 2026.
        assert amounts[2]["gap_energy"] == pytest.approx((at(2026, 11, 20) - at(2025, 1, 3) + QUARTER_US) / HOUR_US)


async def test_costs(tmp_path):
    tariff = Tariff(price=0.3, feed_in=0.08, base_price=30.0)
    history = counted(at(2026, 11, 20), NOON_US)
    async with home(tmp_path, history=history, tariffs=[tariff]) as made, asking(made) as client:
        report = await ask(client, "day", "2026-11-23")
        assert (report["currency"], report["base_cost"]) == ("EUR", 1.0)
        assert report["totals"]["active_energy_import"]["cost"] == 7.2
        assert (await client.get("/api/v1/meters")).json()["site"]["currency"] == "EUR"


async def test_nothing_is_there(tmp_path):
    async with home(tmp_path) as made, asking(made) as client:
        for span in ("day", "week", "month", "year", "all"):
            report = await ask(client, span)
            assert report["rows"]
            assert all(row["amounts"] == {} for row in report["rows"])
            assert report["totals"] == {}


@pytest.mark.parametrize("date", ["1970-01-01", "1999-12-31", "2000-02-29", "2199-12-31"])
@pytest.mark.parametrize("span", ["day", "week", "month", "year", "all"])
async def test_any_date_is_answered_quickly(tmp_path, date, span):
    history = counted(NOON_US - 2 * DAY_US, NOON_US)
    async with home(tmp_path, history=history) as made, asking(made) as client:
        began_s = time.perf_counter()
        report = await ask(client, span, date)
        assert time.perf_counter() - began_s < 0.3
        assert len(report["rows"]) <= 31
        if report["previous"] is not None:
            await ask(client, span, report["previous"])


async def test_csv(tmp_path):
    history = counted(NOON_US - 2 * DAY_US, NOON_US)
    async with home(tmp_path, history=history) as made, asking(made) as client:
        answer = await ask(client, "day", "2026-11-23", format="csv")
        assert answer.headers["content-disposition"] == 'attachment; filename="house-energy-day.csv"'
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert len(rows) == 48
        assert rows[0]["start"] == "2026-11-23T00:00:00+01:00"
        assert rows[0]["energy"] == "1.0"


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("span=day", 400, "meter is missing"),
        ("meter=house", 400, "span is missing"),
        ("meter=house&span=decade", 400, "span must be one of day, week"),
        ("meter=garage&span=day", 404, "there is no meter"),
        ("meter=house&span=day&date=today", 400, "date must be a date"),
        ("meter=house&span=day&date=0001-01-01", 400, "date must be a date"),
        ("meter=house&span=day&date=9999-12-31", 400, "date must be a date"),
        ("meter=house&span=day&points=5", 400, "no parameter 'points'"),
        ("meter=volts&span=day", 400, "no energy counter is read"),
    ],
)
async def test_what_cannot_be_asked(tmp_path, query, status, words):
    meters = [meter(), meter("volts", measurands=("voltage_l1",), address=2)]
    async with home(tmp_path, meters=meters) as made, asking(made) as client:
        answer = await client.get(f"/api/v1/energy?{query}")
    assert (answer.status_code, words in answer.json()["detail"]) == (status, True)


async def test_today_is_the_site_s(tmp_path):
    async with home(tmp_path, now_us=at(2026, 11, 24, 0, 30)) as made, asking(made) as client:
        assert (await ask(client, "day"))["from"] == "2026-11-23T23:00:00.000Z"
