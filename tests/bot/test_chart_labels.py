"""What is written in charts, in both languages."""

import pytest

from smartmeter.bot.chart_labels import bars_unit, curve_note, span_text, time_axis, value_labels
from smartmeter.bot.chart_values import Bars, Curve, Stretch
from smartmeter.periods import QUARTER_US
from tests.reports.made_up import BERLIN, at

SECOND_US, HOUR_US = 1_000_000, 3_600_000_000
DOT = "\N{MIDDLE DOT}"


def test_numbers_in_both_languages():
    assert value_labels([229.0, 229.5, 230.0], "de") == ["229,0", "229,5", "230,0"]
    assert value_labels([229.0, 229.5, 230.0], "en") == ["229.0", "229.5", "230.0"]
    assert value_labels([0.0, 1000.0, 2000.0], "de") == ["0", "1.000", "2.000"]
    assert value_labels([-0.25, 0.0, 0.25], "en") == ["-0.25", "0.00", "0.25"]
    assert value_labels([1.0], "en") == ["1"]


def labels(from_us, until_us, language="de", zone=BERLIN):
    return [label for _, label in time_axis(from_us, until_us, zone, language).labels]


def test_times_of_an_hour_and_a_day():
    assert labels(at(2026, 6, 1, 11, 20), at(2026, 6, 1, 12, 20))[::3] == ["11:20", "11:50", "12:20"]
    assert labels(at(2026, 6, 1, 12, 20), at(2026, 6, 2, 12, 20)) == [
        *("15:00", "18:00", "21:00", "00:00", "03:00", "06:00", "09:00", "12:00"),
    ]


def test_times_when_clocks_are_set():
    assert labels(at(2026, 3, 29), at(2026, 3, 29, 8)) == [f"{hour:02}:00" for hour in (0, 1, 3, 4, 5, 6, 7, 8)]
    assert labels(at(2026, 10, 25), at(2026, 10, 25, 6))[2:4] == ["02:00 A", "02:00 B"]


def test_days_weeks_and_months():
    assert labels(at(2026, 6, 1), at(2026, 6, 3)) == [
        *("Mo\n01.06.", "06:00", "12:00", "18:00", "Di\n02.06.", "06:00", "12:00", "18:00", "Mi\n03.06."),
    ]
    axis = time_axis(at(2026, 6, 1), at(2026, 6, 8), BERLIN, "en")
    assert [label for _, label in axis.labels][::6] == ["Mon\n1 Jun", "Sun\n7 Jun"]
    assert axis.labels[0][0] == at(2026, 6, 1, 12)
    assert list(axis.lines_us) == [at(2026, 6, day) for day in range(2, 8)]
    assert labels(at(2026, 6, 1), at(2026, 7, 1)) == [
        f"Mo\n{date}" for date in ("01.06.", "08.06.", "15.06.", "22.06.", "29.06.")
    ]
    assert labels(at(2026, 1, 1), at(2026, 5, 1)) == ["Jan\n2026", "Feb\n2026", "Mär\n2026", "Apr\n2026"]


def test_the_span_in_words():
    assert span_text(at(2026, 6, 1, 8), at(2026, 6, 1, 9), BERLIN, "de") == "Mo 01.06.2026 08:00 \N{EN DASH} 09:00"
    assert (
        span_text(at(2026, 6, 1), at(2026, 6, 2), BERLIN, "en")
        == "Mon 2026-06-01 00:00 \N{EN DASH} Tue 2026-06-02 00:00"
    )


@pytest.mark.parametrize(
    ("width_us", "language", "note"),
    [
        (5 * SECOND_US, "en", f"means per 5 s {DOT} band: min to max"),
        (5 * SECOND_US, "de", f"Mittel je 5 s {DOT} Band: Min bis Max"),
        (QUARTER_US, "de", f"Mittel je 15 min {DOT} Band: Min bis Max"),
        (HOUR_US, "en", f"means per hour {DOT} band: min to max"),
        (24 * HOUR_US, "de", f"Mittel je Tag {DOT} Band: Min bis Max"),
    ],
)
def test_what_line_and_band_are(width_us, language, note):
    assert curve_note(Curve([Stretch(0, width_us, 2, 230.0, 229.0, 231.0)], width_us, 0), language) == note


def test_where_there_is_no_band_there_is_no_note():
    assert curve_note(Curve([Stretch(0, HOUR_US, 1, 230.0, 230.0, 230.0)], HOUR_US, 0), "en") == ""


def test_what_bars_are():
    assert bars_unit(Bars((), "15m"), "kWh", "en") == "kWh per 15 min"
    assert bars_unit(Bars((), "1h"), "kWh", "de") == "kWh je Stunde"
