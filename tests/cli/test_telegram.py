"""`smartmeter telegram`: who the bot serves."""

import os
import re
import time

import pytest

from smartmeter.alarms.outbox import enroll, recipients
from smartmeter.bot.pairing import Chat, chats, try_code
from smartmeter.cli.main import main
from smartmeter.clock import now, system_clock
from smartmeter.state import create_state, with_state

SETTINGS = """
timezone = "Europe/Berlin"
[[bus]]
port = "/dev/ttyUSB0"
[[bus.meter]]
model = "SDM530"
address = 1
"""
BOT = '[telegram]\ntoken = "123456789:AAhunter2hunter2hunter2hunter2hunter22"\n'


@pytest.fixture
def settings(tmp_path):
    path = tmp_path / "smartmeter.toml"
    path.write_text(SETTINGS + BOT)
    path.chmod(0o600)
    return path


@pytest.fixture
def state(settings):
    path = settings.with_name("smartmeter_state.db")
    create_state(path)
    return path


@pytest.fixture
def run(settings, capsys):
    def run(*words):
        status = main(["telegram", *words, "-c", str(settings)])
        out, err = capsys.readouterr()
        assert "hunter2" not in out + err
        assert "Traceback" not in err
        return status, out, err

    return run


def attempt(state, code, chat_id=1):
    return with_state(state, try_code, code, Chat(chat_id, f"Chat {chat_id}", 0), now(system_clock()))


def test_pair_shows_a_code_that_pairs(state, run):
    status, out, err = run("pair")
    assert (status, err) == (0, "")
    code = re.fullmatch(r"Write to the bot before \d\d:\d\d:  /start ([A-Z2-9]{8})\n", out)[1]
    assert attempt(state, code) == "paired"


def test_a_new_code_ends_the_last(state, run):
    codes = [run("pair")[1].split()[-1] for _ in range(2)]
    assert attempt(state, codes[0]) == "wrong"
    assert attempt(state, codes[1]) == "paired"


def test_it_says_until_when_pairing_is_closed_and_reopens_it(state, run):
    for _ in range(5):
        attempt(state, "WRONG")
    status, out, err = run("pair")
    assert (status, out) == (1, "")
    assert re.fullmatch(
        r"smartmeter: pairing is closed until \d\d:\d\d, as five wrong codes came; if these were yours: "
        r"smartmeter telegram pair --reopen\n",
        err,
    )
    status, out, err = run("pair", "--reopen")
    assert status == 0
    assert attempt(state, out.split()[-1]) == "paired"


def test_reopening_what_is_open_is_no_mistake(state, run):
    assert attempt(state, run("pair", "--reopen")[1].split()[-1]) == "paired"


def test_chats_are_listed_in_the_order_in_which_they_were_paired(state, run):
    assert run("chats") == (0, "No chat is paired; smartmeter telegram pair shows how.\n", "")
    for chat in (Chat(5, "Später", 1_790_000_000_000_000), Chat(-1001234567890, "Zuhause", 1_780_000_000_000_000)):
        with_state(
            state,
            lambda connection, chat=chat: connection.execute(
                "INSERT INTO chat VALUES (?, ?, ?)", (chat.id, chat.title, chat.paired_us)
            ),
        )
    assert run("chats")[1] == (
        " -1001234567890  since 2026-05-28 22:26  Zuhause\n              5  since 2026-09-21 16:13  Später\n"
    )


@pytest.mark.parametrize("number", [7, -1001234567890])
def test_a_chat_is_removed_with_all_that_waits_for_it(state, run, number):
    attempt(state, run("pair")[1].split()[-1], number)
    with_state(state, enroll, f"telegram:{number}")
    assert run("remove", str(number)) == (0, f"The bot does not serve chat {number} any more.\n", "")
    assert with_state(state, chats) == []
    assert with_state(state, recipients) == []
    assert run("remove", str(number)) == (
        1,
        "",
        f"smartmeter: no chat {number} is paired; smartmeter telegram chats lists them\n",
    )


@pytest.mark.parametrize(
    "words",
    [(), ("remove",), ("remove", "Anna"), ("remove", "1.5"), ("remove", "1", "2"), ("pair", "x"), ("nonsense",)],
)
def test_what_makes_no_sense_is_refused(state, settings, capsys, words):
    with pytest.raises(SystemExit) as exit_:
        main(["telegram", *words])
    assert exit_.value.code == 2
    assert "usage: smartmeter" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("pair",), ("pair", "--reopen"), ("chats",), ("remove", "1")])
class TestWhatIsMissing:
    def test_no_state_file(self, run, settings, words):
        status, out, err = run(*words)
        assert (status, out) == (1, "")
        assert "there is no such file yet; is smartmeter running with these settings?" in err
        # Whoever gives the command must not make it for the daemon.
        assert not settings.with_name("smartmeter_state.db").exists()

    def test_no_bot_in_the_settings(self, run, settings, state, words):
        settings.write_text(SETTINGS)
        assert run(*words) == (1, "", f"smartmeter: {settings}: there is no bot; its token stands under [telegram]\n")

    def test_no_settings(self, run, settings, words):
        settings.unlink()
        status, out, err = run(*words)
        assert (status, out) == (1, "")
        assert str(settings) in err

    def test_a_file_that_is_something_else(self, run, state, words):
        state.write_bytes(b"no database" * 100)
        status, out, err = run(*words)
        assert (status, out) == (1, "")
        assert str(state) in err

    def test_a_newer_file(self, run, state, words):
        with_state(state, lambda connection: connection.execute("PRAGMA user_version = 99"))
        status, _, err = run(*words)
        assert status == 1
        assert "a newer smartmeter wrote this file" in err


def test_times_are_those_of_the_site(state, run, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        shown = re.search(r"before (\d\d):(\d\d)", run("pair")[1])
    finally:
        monkeypatch.undo()
        time.tzset()
    # Berlin is one or two hours ahead of UTC, Tokyo nine.
    assert (int(shown[1]) * 60 + int(shown[2]) - time.time() // 60) % 1440 in (69, 70, 71, 129, 130, 131)
    assert os.environ.get("TZ") != "Asia/Tokyo"


def test_a_number_that_is_too_large_is_no_chat(state, run):
    status, out, err = run("remove", "9" * 30)
    assert (status, out) == (1, "")
    assert "is paired" in err
