"""What each command answers, in both languages, from a house that is made up of real parts."""

# ruff: noqa: RUF001 - dashes and letters as people see and write them

import re
from dataclasses import replace

import pytest

from smartmeter.alarms.judge import Event
from smartmeter.alarms.outbox import post
from smartmeter.alarms.rules import Rule
from smartmeter.bot import graph
from smartmeter.bot.answer import CALLBACK_BYTES
from smartmeter.bot.chart import Chart, ChartError
from smartmeter.bot.client import markup
from smartmeter.bot.commands import COMMANDS, answer, help_text
from smartmeter.bot.split import split
from smartmeter.bot.words import _WORDS
from smartmeter.energy.tariff import Tariff
from smartmeter.measurands import measurands
from smartmeter.polling.load import shortest_interval_us
from smartmeter.reading import Reading
from smartmeter.sinks.shipper import ShipperState
from smartmeter.state import with_state
from tests.bot.made_up import BOOT, NASTY, NOON_US, at, home, in_english, meter
from tests.fixtures.telegram_api import MOST_BUTTONS
from tests.fixtures.telegram_text import parse_html, utf16_units

IMPORT, EXPORT = "active_energy_import", "active_energy_export"
VOLTAGE = Rule("Spannung", "measurand", "house", "voltage_l1", "above", 253.0, 1.0, 0, 60_000_000)
SILENCE = Rule("still", "silence", "heat pump", None, "above", 300.0, 0.0, 0, 60_000_000)


async def said(house, text):
    """The answer as people see it; whatever goes to Telegram must be what Telegram takes."""
    name, *words = text.split()
    found = await answer(house, name.removeprefix("/"), words)
    pieces = split(found.text)
    assert pieces
    for piece in pieces:
        assert utf16_units(piece) <= 4096
        parse_html(piece)
    rows = markup(found.buttons)
    buttons = [button for row in rows.inline_keyboard for button in row] if rows else []
    assert len(buttons) <= MOST_BUTTONS
    for button in buttons:
        assert len(button.callback_data.encode()) <= CALLBACK_BYTES
        assert 0 < len(button.text) <= 40
    return "\n".join(parse_html(piece)[0] for piece in pieces), [(one.text, one.callback_data) for one in buttons]


async def text_of(house, text):
    return (await said(house, text))[0]


# --- /now


async def test_now_in_both_languages(tmp_path):
    async with home(tmp_path) as made:
        values = {"voltage_l1": 230.14, "voltage_l2": 231.0, "voltage_l3": 229.96, "phase_angle_l1": 12.34}
        made.read(values | {"active_power_total": -1234.5, "power_factor_l1": 0.98, IMPORT: 12345.678})
        for command in ("/werte", "/now", "/NOW"):
            assert (await said(made.house, command)) == (
                (
                    "house 12:00:00\n"
                    "Gesamtwirkleistung: -1.234,5 W\n"
                    "Wirkenergie, Bezug: 12.345,68 kWh\n"
                    "Spannung L1/L2/L3: 230,1 / 231,0 / 230,0 V\n"
                    "Leistungsfaktor L1: 0,980\n"
                    "Phasenwinkel L1: 12,3°"
                ),
                [("Aktualisieren", "/now"), ("Energie", "/energy")],
            )
        assert (await said(in_english(made.house), "/werte")) == (
            (
                "house 12:00:00\n"
                "Total active power: -1,234.5 W\n"
                "Active energy, import: 12,345.68 kWh\n"
                "Voltage L1/L2/L3: 230.1 / 231.0 / 230.0 V\n"
                "Power factor L1: 0.980\n"
                "Phase angle L1: 12.3°"
            ),
            [("Refresh", "/now"), ("Energy", "/energy")],
        )


async def test_values_that_are_none_or_old(tmp_path):
    async with home(tmp_path) as made:
        made.read({IMPORT: 5.0, "frequency": 50.0}, ago_s=61)
        made.read({"current_l1": 1.0, "current_l2": None, "current_l3": None, "voltage_l1": None})
        made.read({"active_power_l1": 1.0, "active_power_l2": 2.0}, ago_s=59)
        assert await text_of(made.house, "/now") == (
            "house 12:00:00\n"
            "Wirkenergie, Bezug: 5,00 kWh (11:58:59)\n"
            "Spannung L1: –\n"
            "Strom L1/L2/L3: 1,000 / – / – A\n"
            "Wirkleistung L1/L2: 1,0 / 2,0 W\n"
            "Frequenz: 50,000 Hz (11:58:59)"
        )


async def test_values_of_yesterday_have_their_date_and_a_silent_meter_is_marked(tmp_path):
    async with home(tmp_path) as made:
        assert await text_of(made.house, "/now") == "house\nnoch keine Werte"
        made.read({"voltage_l1": 230.0})
        made.house.pollers[0].state.silent_since_us = made.clock.wall_us
        made.clock.advance(86_400)
        assert await text_of(made.house, "/now") == (
            "house 24.11.2026 12:00\n⚠️ antwortet nicht seit 24.11.2026 12:00\nSpannung L1: 230,0 V"
        )


async def test_several_meters_show_what_matters_and_have_buttons(tmp_path):
    meters = [meter(), meter("heat pump", "SDM230", address=2)]
    async with home(tmp_path, meters, "en") as made:
        for one in meters:
            made.read(dict.fromkeys(one.intervals_us, 1.0), one.name)
        text, buttons = await said(made.house, "/now")
        assert text == (
            "house 12:00:00\n"
            "Total active power: 1.0 W\n"
            "Active energy, import: 1.00 kWh\n"
            "Active energy, export: 1.00 kWh\n"
            "Voltage L1/L2/L3: 1.0 / 1.0 / 1.0 V\n"
            "Current L1/L2/L3: 1.000 / 1.000 / 1.000 A\n"
            "Active power L1/L2/L3: 1.0 / 1.0 / 1.0 W\n"
            "Frequency: 1.000 Hz\n"
            "\n"
            "heat pump 12:00:00\n"
            "Active energy, import: 1.00 kWh\n"
            "Active energy, export: 1.00 kWh\n"
            "Voltage L1: 1.0 V\n"
            "Current L1: 1.000 A\n"
            "Active power L1: 1.0 W\n"
            "Frequency: 1.000 Hz"
        )
        assert [label for label, _ in buttons] == ["Refresh", "Energy", "house", "heat pump"]
        text, buttons = await said(made.house, buttons[-1][1])
        assert text.startswith("heat pump ")
        assert "Reactive power L1: 1.0 var" in text
        assert [label for label, _ in buttons] == ["Refresh", "All meters", "Energy", "house"]
        assert await text_of(made.house, buttons[0][1]) == text
        assert await text_of(made.house, "/now HEAT pump") == text
        # What only one measures is told of that one.
        assert await text_of(made.house, "/now Spannung_L2") == "house 12:00:00\nVoltage L2: 1.0 V"
        assert (await text_of(made.house, "/now frequency")).count("Frequency: 1.000 Hz") == 2
        assert await text_of(made.house, "/now Ladungsmenge heat pump") == "Charge is not read."
        assert (await text_of(made.house, "/now 24h")).startswith("/now [METER]")


async def test_thirty_meters_with_names_of_all_sorts(tmp_path):
    names = [f"{number} {NASTY}"[:100] for number in range(28)] + ["\N{ELECTRIC PLUG}" * 100, "<i>"]
    meters = [meter(name, address=number + 1) for number, name in enumerate(names)]
    async with home(tmp_path, meters) as made:
        for one in meters[1:]:
            made.read(dict.fromkeys(one.intervals_us, 1.0), one.name)
        for command in ("/now", "/energy", "/status", "/chart nonsense", "/alarm", "/fast"):
            text, buttons = await said(made.house, command)
            if command in ("/now", "/energy", "/status"):
                assert all(name in text for name in names)
            assert len(buttons) <= 33
        text, buttons = await said(made.house, "/now <i>")
        assert text.startswith("<i> 12:00:00")
        for _, data in buttons:
            await said(made.house, data)


# --- /energy


def counting(from_us, until_us, kw=1.0, export=7.0, name="house"):
    """A reading every quarter-hour of a counter that runs at so many kW."""
    return [
        (name, time_us, {IMPORT: 1000 + kw * (time_us - from_us) / 3.6e9, EXPORT: export})
        for time_us in range(from_us, until_us + 1, 900_000_000)
    ]


async def test_energy_of_today_yesterday_and_this_month(tmp_path):
    async with home(tmp_path, history=counting(at(2026, 10, 28), NOON_US)) as made:
        for command in ("/verbrauch", "/energy"):
            assert (await said(made.house, command)) == (
                (
                    "Energie Stand 12:00\n\n"
                    "house\n"
                    "heute: Bezug 12,00 kWh, Einspeisung 0,00 kWh\n"
                    "gestern: Bezug 24,00 kWh, Einspeisung 0,00 kWh\n"
                    f"dieser Monat: Bezug {23 * 24 + 12},00 kWh, Einspeisung 0,00 kWh"
                ),
                [
                    ("Aktualisieren", "/energy"),
                    ("Energie 7 d", "/chart active_energy_import 7d"),
                    ("Werte", "/now"),
                ],
            )
        assert await text_of(in_english(made.house), "/energy HOUSE") == (
            "Energy as of 12:00\n\n"
            "house\n"
            "today: import 12.00 kWh, export 0.00 kWh\n"
            "yesterday: import 24.00 kWh, export 0.00 kWh\n"
            "this month: import 564.00 kWh, export 0.00 kWh"
        )


@pytest.mark.parametrize(
    ("now_us", "since_us", "today", "yesterday", "month"),
    [
        # Clocks went back on 25 October: that day has 25 hours, in Berlin.
        (at(2026, 10, 26, 0, 30), at(2026, 9, 20), "0,50", "25,00", "601,50"),
        (at(2026, 10, 25, 12), at(2026, 9, 20), "13,00", "24,00", "589,00"),
        # And forward on 29 March.
        (at(2026, 3, 30, 6), at(2026, 3, 1), "6,00", "23,00", "701,00"),
        # The first minutes of a month; yesterday is in the last one.
        (at(2026, 11, 1, 0, 15), at(2026, 10, 30), "0,25", "24,00", "0,25"),
        # The first minutes of a year.
        (at(2027, 1, 1, 1), at(2026, 12, 30), "1,00", "24,00", "1,00"),
    ],
)
async def test_days_and_months_begin_at_midnight_of_the_site(tmp_path, now_us, since_us, today, yesterday, month):
    async with home(tmp_path, history=counting(since_us, now_us)) as made:
        made.clock.wall_us = now_us
        lines = (await text_of(made.house, "/energy")).splitlines()[3:]
        assert [re.search(r"Bezug (\S+) kWh", line)[1] for line in lines] == [today, yesterday, month]


async def test_costs_and_earnings(tmp_path):
    begin_us = at(2026, 11, 23)
    history = [
        ("house", time_us, {IMPORT: 10 + (time_us - begin_us) / 3.6e9, EXPORT: 5 + (time_us - begin_us) / 7.2e9})
        for time_us in range(begin_us, NOON_US + 1, 900_000_000)
    ]
    async with home(tmp_path, history=history, tariffs=[Tariff(price=0.3, feed_in=0.08, base_price=10)]) as made:
        assert (await text_of(made.house, "/energy")).splitlines()[3:] == [
            "heute: Bezug 12,00 kWh (3,60 EUR), Einspeisung 6,00 kWh (Vergütung 0,48 EUR)",
            "gestern: Bezug 24,00 kWh (7,20 EUR), Einspeisung 12,00 kWh (Vergütung 0,96 EUR)",
            "dieser Monat: Bezug 36,00 kWh (10,80 EUR), Einspeisung 18,00 kWh (Vergütung 1,44 EUR)",
            "(ohne Grundpreis)",
        ]


async def test_energy_that_is_not_there(tmp_path):
    meters = [meter("a", measurands=["voltage_l1"]), meter("b", measurands=[IMPORT], address=2)]
    async with home(tmp_path, meters, "en", history=[("b", at(2026, 11, 24, 11), {IMPORT: 1.0})]) as made:
        text, buttons = await said(made.house, "/energy")
        assert "a\nneither import nor export is read" in text
        assert "b\ntoday: import 0.00 kWh\nyesterday: import –\nthis month: import 0.00 kWh" in text
        _, of_one = await said(made.house, "/energy a")
        assert [(label, data.partition(" #")[0]) for label, data in of_one] == [
            ("Refresh", "/energy"),
            ("Values", "/now"),
        ]
        assert (await text_of(made.house, "/energy 7d")).startswith("/energy [METER] shows")
        assert buttons[1] == ("Energy 7 d", f"/chart {IMPORT} 7d")


async def test_a_journal_that_cannot_be_read_is_said(tmp_path):
    async with home(tmp_path) as made:
        for path in tmp_path.glob("smartmeter.db*"):
            path.unlink()
        text = await text_of(made.house, "/energy")
        assert text.startswith("Das lässt sich gerade nicht sagen: ")
        assert "there is no journal" in text


# --- /fast


@pytest.mark.parametrize(
    ("words", "interval_s", "duration_s", "first", "rest"),
    [
        ("", 2, 120, "alle 2 s bis 12:02:00.", ""),
        ("1", 1, 120, "alle 1 s bis 12:02:00.", ""),
        ("2,5", 2.5, 120, "alle 2,5 s bis 12:02:00.", ""),
        ("2.5s", 2.5, 120, "alle 2,5 s bis 12:02:00.", ""),
        ("2 s", 2, 120, "alle 2 s bis 12:02:00.", ""),
        ("2 10m", 2, 600, "alle 2 s bis 12:10:00.", ""),
        ("2 10 Min", 2, 600, "alle 2 s bis 12:10:00.", ""),
        ("2 30", 2, 30, "alle 2 s bis 12:00:30.", ""),
        ("5M", 2, 300, "alle 2 s bis 12:05:00.", ""),
        ("10 min", 2, 600, "alle 2 s bis 12:10:00.", ""),
        ("2 100h", 2, 3600, "alle 2 s bis 13:00:00.", "Länger als 1 h geht es nicht."),
        ("30 30s", 30, 30, "alle 30 s bis 12:00:30.", "So oft wird ohnehin alles gelesen."),
        ("300", 300, 300, "alle 300 s bis 12:05:00.", "So oft wird ohnehin alles gelesen."),
    ],
)
async def test_fast(tmp_path, words, interval_s, duration_s, first, rest):
    async with home(tmp_path) as made:
        for command in ("/fast", "/schnelles_messintervall"):
            text, buttons = await said(made.house, f"{command} {words}")
            assert text == f"Intervall verkürzt: alles {first}" + (f"\n{rest}" if rest else "")
            assert made.shortened.pop() == (interval_s * 1e6, duration_s)
            assert made.fast.active
            assert made.fast.interval_us == interval_s * 1e6
        assert buttons[1] == ("Werte", "/now")
        await said(made.house, buttons[0][1])
        assert made.shortened == [(interval_s * 1e6, min(2 * duration_s, 3600))]


@pytest.mark.parametrize(
    "words",
    [
        *("0", "-1", "1e9", "much", "nan", "inf", "2 0", "2 -5m", "2 10m 3", "1000000000", "3601", "20 10s", "2 x"),
        *("9" * 400, "0s", "٣", "2 10m\N{PILE OF POO}"),
    ],
)
async def test_fast_that_means_nothing(tmp_path, words):
    async with home(tmp_path, language="en") as made:
        assert await text_of(made.house, f"/fast {words}") == "/fast [SECONDS] [DURATION], for instance /fast 2 10m"
        assert made.shortened == []


async def test_fast_keeps_to_what_the_line_can_give(tmp_path):
    async with home(tmp_path, language="en") as made:
        assert await text_of(made.house, "/fast 0.01") == "Less than 0.1 s is not possible."
        assert made.shortened == []
        assert await text_of(made.house, "/fast 100ms 1m") == (
            "Interval shortened: everything every 0.7 s until 12:01:00.\n"
            "The line needs that long: 0.7 s instead of 0.1 s."
        )
        assert made.shortened == [(shortest_interval_us(made.house.settings.buses, made.house.learned), 60)]
        # All of its 68 values by 8N1 at 9600 baud take half a second and more.
        assert shortest_interval_us(made.house.settings.buses, made.house.learned) == 700_000


async def test_two_meters_on_a_line_need_twice_as_long(tmp_path):
    meters = [meter("a"), meter("b", address=2), meter("c", address=3)]
    async with home(tmp_path, meters) as made:
        assert 3 * 600_000 <= shortest_interval_us(made.house.settings.buses, made.house.learned) <= 3 * 700_000


# --- /chart


@pytest.fixture
def drawn(monkeypatch):
    orders = []

    async def draw(order):
        orders.append(order)
        return Chart(b"png", 1.0, 2.0, 3.0, "V")

    monkeypatch.setattr(graph, "draw_chart", draw)
    return orders


@pytest.mark.parametrize(
    ("text", "measurand", "span_s", "caption"),
    [
        ("/chart", "active_power_total", 86_400, "house Gesamtwirkleistung, 1 d\nMin. 1,0 W, Mittel 2,0 W, Max. 3,0 W"),
        ("/grafik Spannung_L1 1h", "voltage_l1", 3600, "house Spannung L1, 1 h\nMin. 1,0 V, Mittel 2,0 V, Max. 3,0 V"),
        ("/grafik Spannung L1 1h30m", "voltage_l1", 5400, "house Spannung L1, 1 h 30 min\nMin. 1,0 V, M"),
        ("/chart 7d", "active_power_total", 7 * 86_400, "house Gesamtwirkleistung, 7 d\n"),
        ("/chart frequency 1s", "frequency", 60, "house Frequenz, 1 min\n"),
        ("/chart frequency 36500d", "frequency", 3660 * 86_400, "house Frequenz, 3660 d\n"),
        ("/chart Frequenz 61.9s", "frequency", 61, "house Frequenz, 1 min 1 s\n"),
        (
            "/chart import_wh_seit_reset 7d",
            IMPORT,
            7 * 86_400,
            "house Wirkenergie, Bezug, 7 d\nMin. 1,00 kWh, Mittel 2,00 kWh, Max. 3,00 kWh (je Balken)",
        ),
    ],
)
async def test_chart(tmp_path, drawn, text, measurand, span_s, caption):
    async with home(tmp_path) as made:
        assert (await text_of(made.house, text)).startswith(caption)
        (order,) = drawn
        assert (order.meter, order.measurand, order.until_us) == ("house", measurand, NOON_US)
        assert order.until_us - order.from_us == span_s * 10**6
        assert (order.zone, order.language) == ("Europe/Berlin", "de")


async def test_chart_in_english_and_its_buttons_work(tmp_path, drawn):
    async with home(tmp_path, language="en") as made:
        text, buttons = await said(made.house, "/grafik Spannung_L1 90s")
        assert text == "house Voltage L1, 1 min 30 s\nmin 1.0 V, mean 2.0 V, max 3.0 V"
        assert [label for label, _ in buttons][:6] == [
            "1h",
            "24h",
            "7d",
            "30d",
            "Total active power",
            "Active power L1",
        ]
        for _, data in buttons:
            await said(made.house, data)
        assert [order.measurand for order in drawn[1:6]] == ["voltage_l1"] * 4 + ["active_power_total"]


async def test_every_button_of_every_measurand_fits(tmp_path, drawn):
    async with home(tmp_path, [meter(NASTY), meter("b", address=2)]) as made:
        for one in made.house.meters[0].intervals_us:
            await said(made.house, f"/chart {one} 86399s {NASTY}")
        assert max(map(len, measurands())) <= 64 - len("/chart  316224000s #00000000")


async def test_which_of_several_meters(tmp_path, drawn):
    meters = [meter("SDM", "SDM230"), meter("three phases", address=2)]
    async with home(tmp_path, meters, "en") as made:
        await said(made.house, "/chart")
        await said(made.house, "/chart voltage_l2")
        await said(made.house, "/chart voltage_l1 three phases")
        assert [(order.meter, order.measurand) for order in drawn] == [
            ("SDM", "active_power_l1"),
            ("three phases", "voltage_l2"),
            ("three phases", "voltage_l1"),
        ]
        assert await text_of(made.house, "/chart voltage_l2 SDM") == "Voltage L2 is not read from SDM."
        _, buttons = await said(made.house, "/chart voltage_l1 7d")
        assert buttons[-1][0] == "three phases"
        await said(made.house, buttons[-1][1])
        assert (drawn[-1].meter, drawn[-1].until_us - drawn[-1].from_us) == ("three phases", 7 * 86_400 * 10**6)


async def test_what_is_read_from_no_meter(tmp_path, drawn):
    async with home(tmp_path, [meter(measurands=["charge"])], "en") as made:
        assert await text_of(made.house, "/chart voltage_l1") == "Voltage L1 is not read."
        await said(made.house, "/chart")
        assert [order.measurand for order in drawn] == ["charge"]


async def test_a_chart_without_values_and_one_that_fails(tmp_path, monkeypatch):
    async def draw(order):
        if order.measurand == "frequency":
            raise ChartError("<no matplotlib>")
        return Chart(b"png", None, None, None, "")

    monkeypatch.setattr(graph, "draw_chart", draw)
    async with home(tmp_path) as made:
        assert await text_of(made.house, "/chart voltage_l1") == "house Spannung L1, 1 d\nkeine Werte in dieser Zeit"
        assert await text_of(made.house, f"/chart {IMPORT}") == "house Wirkenergie, Bezug, 1 d"
        for _ in range(3):
            assert await text_of(made.house, "/chart frequency") == (
                "Das Diagramm konnte nicht gezeichnet werden: <no matplotlib>"
            )


async def test_two_charts_at_a_time_and_no_more(tmp_path, monkeypatch):
    monkeypatch.setattr(graph, "_waiting", [None, None])
    async with home(tmp_path) as made:
        assert (await text_of(made.house, "/chart")).startswith("Es werden schon zwei Diagramme gezeichnet")


async def test_a_typing_error_is_a_button_away(tmp_path, drawn):
    async with home(tmp_path, language="en") as made:
        text, buttons = await said(made.house, "/grafik Spannug_L1")
        assert text == "I know no measurand or meter “Spannug_L1”. Did you mean Spannung_L1?"
        assert buttons == [("Spannung_L1", "/chart Spannung_L1")]
    async with home(tmp_path / "..", [meter("ä" * 100)], "en") as made:
        assert (await said(made.house, "/now " + "ä" * 99))[1] == []


# --- /status


async def test_status_in_both_languages(tmp_path):
    meters = [meter(), meter("<i>heat</i> pump", address=2), meter("c", address=3), meter("d", address=4)]
    async with home(tmp_path, meters, rules=[VOLTAGE]) as made:
        made.read({"voltage_l1": 254.0}, ago_s=3)
        made.read({"voltage_l1": 230.0}, "d", ago_s=3600)
        made.house.alarms.hear(Reading("house", made.clock.wall_us, BOOT, 1, {"voltage_l1": 254.0}))
        states = [poller.state for poller in made.house.pollers]
        states[0].readings, states[3].readings, states[3].skipped = 1234, 1, 2
        states[3].failures["NoAnswerError"] = 1
        states[1].silent_since_us = at(2026, 11, 24, 9, 30)
        made.house.buses[0].counters.requests = 5000
        made.house.buses[0].counters.no_answer = 7
        made.house.buses[0].counters.busy_s = 360.0
        made.house.shippers["postgresql"] = ShipperState("postgresql")
        text, buttons = await said(made.house, "/status")
        assert re.fullmatch(
            r"Smartmeter \S+, läuft seit 1 h\n"
            r"⚠️ Alarme an: 1, siehe /alarm\n\n"
            r"house: 1\.234 Ablesungen, letzte vor 3 s, 0 Fehler\n"
            r"⚠️ <i>heat</i> pump: antwortet nicht seit 09:30\n"
            r"⚠️ c: noch keine Ablesung\n"
            r"d: 1 Ablesung, letzte vor 1 h, 1 Fehler, 2 Runden ausgelassen\n\n"
            r"bus1: zu 10 % ausgelastet, 5\.000 Anfragen, 7 gescheitert\n\n"
            r"postgresql: nichts wartet\n"
            r"Journal: \d+,\d MB\n"
            r"Datenträger: \d+ % belegt, [\d.]+,\d GB frei",
            text,
        )
        assert buttons == [("Aktualisieren", "/status"), ("Alarme", "/alarm")]
        made.house.shippers["postgresql"] = ShipperState("postgresql", error="<refused>" + "x" * 1000)
        made.house.buses[0].trouble = "no such port"
        text = await text_of(in_english(made.house), "/status now please")
        assert "Alarms on: 1, see /alarm" in text
        assert "d: 1 reading, the last 1 h ago, 1 error, 2 rounds skipped" in text
        assert "⚠️ bus1: no such port" in text
        assert re.search(r"⚠️ postgresql: nothing waits; <refused>x+…\n", text)
        assert re.search(r"Disk: \d+ % in use, [\d,]+\.\d GB free$", text)


async def test_the_backlog_is_told(tmp_path):
    async with home(tmp_path, history=counting(at(2026, 11, 24), at(2026, 11, 24, 1)), language="en") as made:
        made.house.shippers["postgresql"] = ShipperState("postgresql")
        assert "postgresql: 5 readings wait\n" in await text_of(made.house, "/status")


# --- /alarm


async def test_alarms_that_are_on_and_messages(tmp_path):
    async with home(tmp_path, rules=[VOLTAGE, replace(VOLTAGE, subject="b", limit=200.0), SILENCE]) as made:
        assert (await text_of(made.house, "/alarm")).startswith("Kein Alarm ist an.\n\nÜberwacht:\n")
        made.house.alarms.hear(Reading("house", made.clock.wall_us, BOOT, 1, {"voltage_l1": 254.5}))
        event = Event("begun", VOLTAGE, made.clock.wall_us, made.clock.wall_us, 254.5, 254.5, 0)
        with_state(made.house.state, post, event)
        text, buttons = await said(made.house, "/alarm")
        assert text == (
            "⚠️ An:\n"
            "• house: Spannung, Spannung L1 > 253,0 V, seit 12:00; schlimmster Wert 254,5 V\n\n"
            "Überwacht:\n"
            "• Spannung: Spannung L1 > 253,0 V; Spannung L1 > 200,0 V\n"
            "• still: keine Ablesung seit 5 min\n\n"
            "Letzte Meldungen:\n"
            "⚠️ 24.11.2026 12:00 house · Spannung\n"
            "Spannung L1 ist 254,5 V, seit 24.11.2026 12:00 über 253,0 V\n\n"
            "/alarm zeigt Alarme, /alarm stumm 2h [NAME] schaltet sie stumm, /alarm laut beendet das."
        )
        assert [label for label, _ in buttons] == ["Stumm 1h", "Stumm 8h", "Stumm 24h"]
        english = await text_of(in_english(made.house), "/alarm")
        assert "• house: Spannung, Voltage L1 > 253.0 V, since 12:00; worst 254.5 V" in english
        assert "Watched:" in english


@pytest.mark.parametrize(
    ("words", "name", "left"),
    [
        ("mute", "", "1 h"),
        ("stumm 2h", "", "2 h"),
        ("MUTE 2 hours", "", "2 h"),
        ("mute 8h spannung", "Spannung", "8 h"),
        ("stumm SPANNUNG 30min", "Spannung", "30 min"),
        ("mute Spannung", "Spannung", "1 h"),
        ("mute 36500d", "", "30 d"),
    ],
)
async def test_muting_and_its_end(tmp_path, words, name, left):
    async with home(tmp_path, rules=[VOLTAGE], language="en") as made:
        text, buttons = await said(made.house, f"/alarm {words}")
        assert text.splitlines()[0] == (f"{name}: muted" if name else "Muted") + f" for another {left}."
        assert list(made.house.alarms.muted()) == [name]
        assert [label for label, _ in buttons][-1] == "Unmute"
        assert len(buttons) == (4 if name else 1)
        assert (await said(made.house, buttons[-1][1]))[0].startswith("No alarm is on.")
        assert made.house.alarms.muted() == {}


@pytest.mark.parametrize("words", ["mute nonsense", "mute 0h", "nonsense", "unmute all", "mute 2h 3h", "mute -1h"])
async def test_alarm_that_means_nothing(tmp_path, words):
    async with home(tmp_path, rules=[VOLTAGE], language="en") as made:
        assert "/alarm mute 2h [NAME] mutes them" in await text_of(made.house, f"/alarm {words}")
        assert made.house.alarms.muted() == {}


async def test_without_rules_it_says_how_to_get_some(tmp_path):
    async with home(tmp_path) as made:
        assert 'alarms = "en50160"' in await text_of(made.house, "/alarm")


async def test_an_alarm_whose_name_is_html(tmp_path):
    rule = replace(VOLTAGE, name="<b>R&D", subject="<i>")
    async with home(tmp_path, rules=[rule]) as made:
        made.house.alarms.hear(Reading("<i>", made.clock.wall_us, BOOT, 1, {"voltage_l1": 254.5}))
        assert "• <i>: <b>R&D, Spannung" in await text_of(made.house, "/alarm")
        assert "<b>R&D: noch 1 h stumm." in await text_of(made.house, "/alarm stumm <b>r&d")


# --- all of them


async def test_help_and_what_is_unknown(tmp_path):
    async with home(tmp_path) as made:
        text = await text_of(made.house, "/hilfe")
        assert text == await text_of(made.house, "/help")
        assert "/schnelles_messintervall – eine Zeit lang öfter messen: [SEKUNDEN] [DAUER]" in text
        unknown = await text_of(in_english(made.house), "/nonsense <b>")
        assert unknown.startswith("I do not know that command.\n\nI understand:\n/now – the values now\n")


def test_names_are_what_telegram_takes_and_differ():
    for language in ("en", "de"):
        names = [command.name(language) for command in COMMANDS]
        assert len(set(names)) == len(names)
        assert all(re.fullmatch("[a-z0-9_]{1,32}", name) for name in names)
        assert utf16_units(help_text(language)) < 1000


def test_both_languages_have_the_same_places():
    for key, (english, german) in _WORDS.items():
        assert sorted(re.findall(r"{\w+}", english)) == sorted(re.findall(r"{\w+}", german)), key
