"""The whole program with its bot, as people use it: the daemon as a process, the real client, and a Bot API server."""

import io
import re
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from PIL import Image

from smartmeter.modbus.line import SerialFormat
from smartmeter.models import load_model
from smartmeter.simulator import NO_FAULTS, Faults, VirtualLine, VirtualMeter
from tests.fixtures.daemon import own_settings, running
from tests.fixtures.documents import ROOT
from tests.fixtures.telegram_api import Person

LINE = SerialFormat(115200, 8, "N", 1)
MODEL = load_model("SDM530")
ANNA = Person(4711, "Anna", language_code="de")
MALLORY = Person(666, "Mallory")
CODE = re.compile(r"/start ([A-Z2-9]{8})")


@pytest.fixture
def meter():
    return VirtualMeter(MODEL, values={"voltage_l1": 230.5, "active_power_total": 1234.5})


@pytest.fixture
def line(tmp_path, meter):
    with VirtualLine(LINE, [meter], link=tmp_path / "tty", turnaround_s=0.001) as line:
        yield line


@pytest.fixture
def settings(tmp_path, telegram_api, line):
    def settings(more="", language="de"):
        path = own_settings(tmp_path, interval="0.5s", more=more)
        bot = f'[telegram]\ntoken = "{telegram_api.token}"\napi_url = "{telegram_api.url}"\n'
        path.write_text(f'language = "{language}"\ntimezone = "Europe/Berlin"\n{path.read_text()}{bot}')
        return path

    return settings


def pair(daemon, telegram_api, person=ANNA):
    """Pairs a chat by the code in the log."""
    daemon.until(lambda: CODE.search(daemon.log))
    telegram_api.say(person.id, f"/start {CODE.search(daemon.log)[1]}", person)
    telegram_api.wait_for(lambda sent: sent.chat_id == person.id and "/status" in sent.text, within_s=20)


def ask(telegram_api, text, person=ANNA, within_s=20):
    """What the bot answers to this."""
    before = len(telegram_api.sent(person.id))
    telegram_api.say(person.id, text, person)
    return telegram_api.wait_for(before + 1, within_s=within_s, chat_id=person.id)[-1]


def told_to(state):
    """How many events are noted as told to the chat."""
    with closing(sqlite3.connect(state)) as connection:
        [(sequence,)] = connection.execute("SELECT sequence FROM recipient")
    return sequence


def smartmeter(*arguments):
    command = [sys.executable, "-m", "smartmeter", *map(str, arguments)]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=30)
    return done.returncode, done.stdout + done.stderr


# A chart is drawn by a process that is nice to all others.
@pytest.mark.timeout(300)
def test_pairing_refusal_and_every_command_in_both_languages(settings, telegram_api, tmp_path):
    path = settings('[[tariff]]\nprice = 0.3\n[[alarm]]\nname = "voltage"\nmeasurand = "voltage_l1"\nabove = 253\n')
    with running(path) as daemon:
        refused = ask(telegram_api, "/werte", MALLORY)
        assert refused.text.startswith("Dieser Bot gehört zu einem Stromzähler")
        pair(daemon, telegram_api)
        assert telegram_api.commands()[:2] == [
            ("werte", "die Werte jetzt"),
            ("verbrauch", "Energie heute, gestern, diesen Monat"),
        ]
        for command in ("/werte", "/now"):
            answer = ask(telegram_api, command)
            assert answer.text.startswith("house ")
            assert re.search(r"^Spannung L1/L2/L3: 230,5 / \d+,\d / \d+,\d V$", answer.text, re.MULTILINE)
            assert re.search(
                r"^Wirkleistung, gesamt: 1\.234,5 W$|^Gesamtwirkleistung: 1\.234,5 W$", answer.text, re.MULTILINE
            )
        for command in ("/verbrauch", "/energy"):
            answer = ask(telegram_api, command)
            assert re.search("^heute: Bezug (\N{EN DASH}|\\d+,\\d\\d kWh)", answer.text, re.MULTILINE)
            assert "Einspeisung" in answer.text
            assert re.search(r"^gestern: .*\ndieser Monat: ", answer.text, re.MULTILINE)
        for command in ("/schnelles_messintervall", "/fast 1 30s", "/fast 5 30s"):
            answer = ask(telegram_api, command)
            assert answer.text.startswith("Intervall verkürzt: alles alle ")
            assert re.search(r"bis \d\d:\d\d:\d\d\.$", answer.text, re.MULTILINE)
        for command in ("/grafik Spannung_L1 1h", "/chart voltage_l1 1h"):
            answer = ask(telegram_api, command, within_s=120)
            picture = Image.open(io.BytesIO(answer.photo))
            assert picture.size == (1280, 720)
            assert len(picture.convert("RGB").getcolors(1 << 20)) > 10
            assert "Spannung L1, 1 h" in answer.text
            assert "Min. 230,5 V, Mittel 230,5 V, Max. 230,5 V" in answer.text
        answer = ask(telegram_api, "/status")
        assert re.search(r"^house: [\d.]+ Ablesungen, letzte vor \d s, 0 Fehler", answer.text, re.MULTILINE)
        assert re.search(r"^bus1: zu \d+ % ausgelastet, [\d.]+ Anfragen, 0 gescheitert$", answer.text, re.MULTILINE)
        assert re.search(r"^Datenträger: \d+ % belegt", answer.text, re.MULTILINE)
        answer = ask(telegram_api, "/alarm")
        assert answer.text.startswith("Kein Alarm ist an.")
        assert "voltage: Spannung L1 > 253,0 V" in answer.text
        assert ask(telegram_api, "/hilfe").text == ask(telegram_api, "/help").text
        # Somebody who is not paired got one line, and gets nothing more, whatever they write.
        for text in ("/werte", "hallo", "/status", "/fast 1 1h"):
            telegram_api.say(MALLORY.id, text, MALLORY)
        ask(telegram_api, "/status")
        assert len(telegram_api.sent(MALLORY.id)) == 1
        assert daemon.end() == 0
    assert telegram_api.token not in daemon.log
    assert telegram_api.token.partition(":")[2] not in daemon.log
    assert "Traceback" not in daemon.log


def test_english_answers_where_the_site_is_english(settings, telegram_api):
    with running(settings(language="en")) as daemon:
        pair(daemon, telegram_api)
        assert re.search(r"^Voltage L1/L2/L3: 230\.5 / ", ask(telegram_api, "/werte").text, re.MULTILINE)
        assert ask(telegram_api, "/schnelles_messintervall 2 10m").text.startswith(
            "Interval shortened: everything every 2 s"
        )
        assert ask(telegram_api, "/nonsense").text.startswith("I do not know that command.")
        assert ask(telegram_api, "/fast much").text.startswith("/fast [SECONDS] [DURATION]")
        assert ask(telegram_api, "/chart frequence").text.endswith("Did you mean frequency?")
        assert telegram_api.commands()[0] == ("now", "the values now")
        first = telegram_api.sent(ANNA.id)
        status = ask(telegram_api, "/status")
        telegram_api.press(ANNA.id, status.message_id, status.buttons[0][1])
        telegram_api.wait_for(len(first) + 2, chat_id=ANNA.id)
        assert telegram_api.answers


def test_the_fast_interval_is_what_was_asked_for(settings, telegram_api, line):
    path = settings()
    path.write_text(path.read_text().replace('interval = "0.5s"', 'interval = "1h"'))
    with running(path) as daemon:
        pair(daemon, telegram_api)
        seen = line.counts.requests
        # Shorter than the line can give all 68 values: the answer says what it takes.
        answer = ask(telegram_api, "/fast 0,1 1m")
        assert re.search(r"alle \d,\d s bis", answer.text)
        daemon.until(lambda: line.counts.requests >= seen + 8)
        assert "Fast interval" in daemon.log


def test_an_alarm_is_told_at_its_begin_and_end_and_survives_a_restart(settings, telegram_api, meter):
    alarm = '[[alarm]]\nname = "Spannung"\nmeasurand = "voltage_l1"\nabove = 253\nfor = "1s"\nhysteresis = 1\n'
    path = settings(alarm)
    with running(path) as daemon:
        pair(daemon, telegram_api)
        meter.values = {**meter.values, "voltage_l1": 255.5}
        begun = telegram_api.wait_for(lambda sent: "255,5 V" in sent.text, within_s=20)
        assert re.search(r"house · Spannung\nSpannung L1 ist 255,5 V, seit .* über 253,0 V$", begun.text)
        assert [text for text, _ in begun.buttons] == ["Stumm 1h", "Stumm 8h", "Stumm 24h"]
        # Ended before that is noted it would be told once more.
        daemon.until(lambda: told_to(path.with_name("smartmeter_state.db")) == 1)
        assert daemon.end() == 0
    with running(path) as daemon:
        answer = ask(telegram_api, "/alarm")
        assert "An:\n• house: Spannung, Spannung L1 > 253,0 V" in answer.text
        meter.values = {**meter.values, "voltage_l1": 256.5}
        daemon.until(lambda: "256,5" in ask(telegram_api, "/werte").text)
        meter.values = {**meter.values, "voltage_l1": 252.0}
        ended = telegram_api.wait_for(lambda sent: "wieder 252,0 V" in sent.text, within_s=20)
        assert re.search(r"Spannung L1 ist wieder 252,0 V, nach .* über 253,0 V; höchster Wert 256,5 V", ended.text)
        assert daemon.end() == 0
    # The begin is not told twice.
    assert sum(sent.text == begun.text for sent in telegram_api.sent(ANNA.id)) == 1


@pytest.mark.slow
def test_a_meter_that_falls_silent_is_an_alarm(settings, telegram_api, meter):
    with running(settings('[[alarm]]\nname = "still"\nsilent = "10s"\n')) as daemon:
        pair(daemon, telegram_api)
        meter.faults = Faults(silent=True)
        begun = telegram_api.wait_for(lambda sent: "keine Ablesung" in sent.text, within_s=120)
        assert re.search(r"seit 1\d s keine Ablesung", begun.text)
        meter.faults = NO_FAULTS
        telegram_api.wait_for(lambda sent: "wird wieder gelesen" in sent.text, within_s=120)


@pytest.mark.slow
def test_telegram_out_of_reach_costs_nothing_and_alarms_come_later_together(settings, telegram_api, meter, tmp_path):
    alarm = '[[alarm]]\nname = "v"\nmeasurand = "voltage_l1"\nabove = 253\nfor = "0s"\n'
    with running(settings(alarm)) as daemon:
        pair(daemon, telegram_api)
        told = len(telegram_api.sent(ANNA.id))
        telegram_api.down()
        for number in range(5):
            meter.values = {**meter.values, "voltage_l1": 254.0 + number}
            daemon.until(lambda number=number: daemon.log.count("has begun") > number)
            meter.values = {**meter.values, "voltage_l1": 230.0}
            daemon.until(lambda number=number: daemon.log.count("has ended") > number)
        telegram_api.up()
        message = telegram_api.wait_for(lambda sent: "258,0 V" in sent.text, within_s=100)
        sent = telegram_api.sent(ANNA.id)[told:]
        assert len(sent) <= 3
        assert daemon.log.count("out of reach") <= 2
        assert re.search(r"^\d+ Meldungen seit ", message.text)
        order = [message.text.find(f"{254 + number},0 V") for number in range(1, 5)]
        assert order == sorted(order)
        assert -1 not in order


def test_a_wrong_token_is_said_once_and_stops_nothing(settings, telegram_api, line):
    path = settings()
    path.write_text(path.read_text().replace(telegram_api.token, "987654321:AAhunter2hunter2hunter2hunter2hunter"))
    with running(path) as daemon:
        daemon.until(lambda: "does not know the bot's token" in daemon.log)
        seen = line.counts.requests
        daemon.until(lambda: line.counts.requests > seen + 8)
        assert daemon.end() == 0
    assert "hunter2" not in daemon.log
    assert "Traceback" not in daemon.log


def test_the_command_pairs_lists_and_removes(settings, telegram_api):
    path = settings()
    status, text = smartmeter("telegram", "pair", "-c", path)
    assert status == 1
    assert "is smartmeter running with these settings?" in text
    with running(path) as daemon:
        pair(daemon, telegram_api)
        status, text = smartmeter("telegram", "pair", "-c", path)
        assert status == 0
        code = CODE.search(text)[1]
        telegram_api.say(MALLORY.id, f"/start {code.lower()}", MALLORY)
        telegram_api.wait_for(lambda sent: sent.chat_id == MALLORY.id and "/status" in sent.text)
        status, text = smartmeter("telegram", "chats", "-c", path)
        assert status == 0
        assert re.search(r"4711 +since \d{4}-\d\d-\d\d \d\d:\d\d +Anna\n +666 ", text)
        assert smartmeter("telegram", "remove", "666", "-c", path)[0] == 0
        assert smartmeter("telegram", "remove", "666", "-c", path) == (
            1,
            "smartmeter: no chat 666 is paired; smartmeter telegram chats lists them\n",
        )
        assert ask(telegram_api, "/werte", MALLORY).text.startswith("Dieser Bot gehört")
