"""The bot in this process: the real client, a Bot API server of our own, and all that people and outages do to both."""

# ruff: noqa: RUF001 - dashes and letters as people see and write them

import asyncio
import logging
import time
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace

import pytest

from smartmeter.alarms import delivery
from smartmeter.alarms.judge import Event
from smartmeter.alarms.outbox import post, recipients, untold
from smartmeter.alarms.rules import Rule
from smartmeter.bot import client, commands, telegram
from smartmeter.bot.answer import Answer, Button
from smartmeter.bot.client import connected, send_answer
from smartmeter.bot.pairing import chats, issue_code, remove_chat
from smartmeter.bot.telegram import run_bot
from smartmeter.settings.model import TelegramSettings
from smartmeter.state import with_state
from tests.bot.made_up import Home, home, meter
from tests.bot.test_telegram_api import png
from tests.fixtures.telegram_api import BOT_NAME, Person

ANNA, BEN, MALLORY = Person(1, "Anna"), Person(2, "Ben"), Person(666, "Mallory")
GROUP, SUPERGROUP = -42, -1_001_234_567_890
STRANGER = "This bot belongs to an electricity meter"
VOLTAGE = Rule("voltage", "measurand", "house", "voltage_l1", "above", 253.0, 1.0, 0, 60_000_000)


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    """What would have been waited, in seconds; nobody waits for it."""
    waited = []

    def backoff_s(failures, chance):
        waited.append(failures)
        return 0.02

    for module in (client, telegram, delivery):
        monkeypatch.setattr(module, "backoff_s", backoff_s)
    monkeypatch.setattr(telegram, "WRONG_TOKEN_PAUSE_S", 0.05)
    # A server that is closed while a question is on its way waits for as long as that may stay open.
    monkeypatch.setattr(telegram, "POLL_S", 3)
    monkeypatch.setattr(telegram, "TELL_AGAIN_S", 0.05)
    return waited


class Running(SimpleNamespace):
    """A bot that runs: `api`, `made` (the home), `house`, `task`."""

    made: Home

    async def until(self, condition, what="what was waited for"):
        return await self.api.wait_until_async(condition, what)

    async def sent(self, number, chat_id=ANNA.id):
        return await self.api.wait_for_async(number, chat_id=chat_id)

    async def ask(self, text, person=ANNA, chat_id=None):
        chat_id = person.id if chat_id is None else chat_id
        before = len(self.api.sent(chat_id))
        self.api.say(chat_id, text, person)
        return (await self.sent(before + 1, chat_id))[-1]

    async def settle(self):
        """All that was written until now is dealt with."""
        await self.until(lambda: self.api.polling and not self.api.pending)
        before = len(self._statuses())
        self.api.say(ANNA.id, "/status", ANNA)
        await self.until(lambda: len(self._statuses()) > before)

    def _statuses(self):
        return [sent for sent in self.api.sent(ANNA.id) if sent.text.startswith("Smartmeter")]

    def alarm(self, value=254.0, rule=VOLTAGE):
        moment_us = self.made.clock.wall_us
        with_state(self.house.state, post, Event("begun", rule, moment_us, moment_us, value, value, 0))
        self.house.alarms.news.announce()

    def paired(self):
        return [chat.id for chat in with_state(self.house.state, chats)]


def pair(house, *chat_ids):
    for chat_id in chat_ids:
        with_state(
            house.state,
            lambda connection, chat_id=chat_id: connection.execute("INSERT INTO chat VALUES (?, 'x', 0)", (chat_id,)),
        )


@asynccontextmanager
async def running(tmp_path, api, *chat_ids, token=None, **more):
    """The bot, with these chats paired, in English."""
    async with home(tmp_path, language="en", rules=[VOLTAGE], **more) as made:
        made.read({"voltage_l1": 230.0})
        pair(made.house, *chat_ids)
        for chat_id in chat_ids:
            api.add_chat(chat_id)
        settings = TelegramSettings(token or api.token, api.url)
        task = asyncio.create_task(run_bot(made.house, settings))
        run = Running(api=api, made=made, house=made.house, task=task)
        try:
            yield run
            assert run.task is None or not task.done()
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@pytest.fixture
async def bot(tmp_path, telegram_api, caplog):
    caplog.set_level(logging.DEBUG)
    async with running(tmp_path, telegram_api, ANNA.id) as run:
        yield run
    assert telegram_api.token not in caplog.text
    assert telegram_api.token.partition(":")[2] not in caplog.text


@pytest.fixture
def code(bot):
    return with_state(bot.house.state, issue_code, bot.made.clock.moment())


# --- who is served


async def test_at_the_first_start_the_log_shows_a_code_that_pairs(tmp_path, telegram_api, caplog):
    async with running(tmp_path, telegram_api) as run:
        await run.until(lambda: "write to it: /start " in caplog.text)
        shown = caplog.text.partition("write to it: /start ")[2][:8]
        hello = await run.ask(f"/start {shown.lower()[:4]} {shown[4:]}")
        assert hello.text.startswith(
            "Paired. I tell you what your meters read, and of alarms.\n\nI understand:\n/now – "
        )
        assert run.paired() == [ANNA.id]
        assert (await run.ask(f"/start {shown}")).text.startswith("This chat is paired already.\n\nI understand:")
        assert (await run.ask("/start")).text.startswith("I understand:")
        assert (await run.ask(f"/start {shown}", BEN)).text.startswith("That code is not valid")


async def test_no_code_is_shown_where_a_chat_is_paired(bot, caplog):
    await bot.settle()
    assert "/start" not in caplog.text


async def test_a_stranger_gets_one_line_and_costs_no_more(bot, monkeypatch):
    assert (await bot.ask("/now", MALLORY)).text.startswith(STRANGER)
    looked = []
    real = telegram.with_state
    monkeypatch.setattr(telegram, "with_state", lambda *args: looked.append(args) or real(*args))
    for text in ("/now", "hello", "/start", "/fast 1 1h", "/start@other_bot CODE", "<b>&\0", "x" * 4096):
        bot.api.say(MALLORY.id, text, MALLORY)
    bot.api.send_photo(MALLORY.id, MALLORY, caption="/now")
    bot.api.press(MALLORY.id, 1, "/alarm mute 8h", MALLORY)
    await bot.settle()
    assert len(bot.api.sent(MALLORY.id)) == 1
    assert bot.api.answers == []
    assert bot.house.alarms.muted() == {}
    assert bot.made.shortened == []
    # Anna's /status is all that the file was asked for.
    assert len(looked) == 1


@pytest.mark.parametrize("first", ["photo", "press", "channel_post", "edit"])
async def test_whatever_a_stranger_begins_with(bot, first):
    if first == "photo":
        bot.api.send_photo(MALLORY.id, MALLORY)
        assert (await bot.sent(1, MALLORY.id))[0].text.startswith(STRANGER)
        return
    if first == "press":
        bot.api.press(MALLORY.id, 7, "/now", MALLORY)
    elif first == "channel_post":
        bot.api.channel_post(-1009, "/now")
    else:
        number = bot.api.say(MALLORY.id, "/now", MALLORY)
        await bot.sent(1, MALLORY.id)
        bot.api.edit(MALLORY.id, number, "/status")
    await bot.settle()
    assert len(bot.api.sent(MALLORY.id)) == (first == "edit")
    assert bot.api.sent(-1009) == []


async def test_strangers_in_a_group_that_is_not_paired(bot):
    assert (await bot.ask("/now", ANNA, GROUP)).text.startswith(STRANGER)
    bot.api.say(GROUP, "/status", MALLORY)
    await bot.settle()
    assert len(bot.api.sent(GROUP)) == 1


async def test_strangers_are_not_remembered_without_end(bot, monkeypatch):
    monkeypatch.setattr(telegram, "STRANGERS", 2)
    for number in (10, 11, 12):
        await bot.ask("hello", Person(number))
    bot.api.say(12, "hello", Person(12))
    await bot.ask("hello", Person(10))
    assert len(bot.api.sent(12)) == 1


async def test_brute_force_from_many_chats_ends_after_five(bot, code, caplog):
    people = [Person(100 + number, f"Eve{number}\nWARNING \x1b[31mforged") for number in range(5)]
    answers = [await bot.ask(f"/start WRONG{number}", person) for number, person in enumerate(people)]
    assert [answer.text.split(",")[0] for answer in answers] == ["That code is not valid"] * 4 + [
        "Pairing is closed for an hour"
    ]
    for number in range(20):
        bot.api.say(100 + number % 5, f"/start {code}{number or ''}", people[number % 5])
    # Each hears once that it is closed.
    await bot.until(lambda: all(len(bot.api.sent(person.id)) >= 2 for person in people[:4]))
    await bot.settle()
    assert [len(bot.api.sent(person.id)) for person in people] == [2, 2, 2, 2, 1]
    assert bot.paired() == [ANNA.id]
    assert caplog.text.count("A wrong code to pair with came") == 5
    assert caplog.text.count("Pairing is closed for an hour") == 1
    assert "\nWARNING \x1b" not in caplog.text
    assert "\x1b" not in caplog.text
    assert "Eve0 WARNING [31mforged (100)" in caplog.text
    assert (await bot.ask(f"/start {code}", BEN)).text.startswith("Pairing is closed")


async def test_two_chats_with_one_code_at_once(bot, code):
    bot.api.down()
    bot.api.say(BEN.id, f"/start {code}", BEN)
    bot.api.say(MALLORY.id, f"/start {code}", MALLORY)
    bot.api.up()
    texts = [(await bot.sent(1, person.id))[0].text[:6] for person in (BEN, MALLORY)]
    assert sorted(texts) == ["Paired", "That c"]
    assert len(bot.paired()) == 2


async def test_what_follows_the_code_at_once_is_served(bot, code):
    bot.api.down()
    for text in (f"/start {code}", "/now", "/alarm mute 2h", "/alarm unmute"):
        bot.api.say(BEN.id, text, BEN)
    bot.api.up()
    sent = await bot.sent(4, BEN.id)
    assert [one.text[:5] for one in sent] == ["Paire", "house", "Muted", "No al"]
    assert bot.house.alarms.muted() == {}


async def test_a_chat_that_is_removed_and_paired_again(bot, code):
    assert (await bot.ask(f"/start {code}", BEN)).text.startswith("Paired")
    bot.alarm(255.0)
    await bot.sent(2, BEN.id)
    assert with_state(bot.house.state, remove_chat, BEN.id)
    bot.alarm(256.0)
    await bot.api.wait_for_async(lambda sent: "256.0" in sent.text, chat_id=ANNA.id)
    assert (await bot.ask("/now", BEN)).text.startswith(STRANGER)
    bot.api.press(BEN.id, 1, "/now", BEN)
    await bot.settle()
    assert len(bot.api.sent(BEN.id)) == 3
    new = with_state(bot.house.state, issue_code, bot.made.clock.moment())
    assert (await bot.ask(f"/start {new}", BEN)).text.startswith("Paired")
    # It hears of what comes from then on, of each once.
    bot.alarm(257.0)
    await bot.api.wait_for_async(lambda sent: "257.0" in sent.text, chat_id=BEN.id)
    await bot.settle()
    assert [sent.text.count("V, above") for sent in bot.api.sent(BEN.id)] == [0, 1, 0, 0, 1]


# --- what is written


async def test_commands_of_a_group(bot, code):
    await bot.ask(f"/start@{BOT_NAME} {code}", BEN, GROUP)
    assert (await bot.ask("/now", MALLORY, GROUP)).text.startswith("house ")
    assert (await bot.ask(f"/NOW@{BOT_NAME.upper()}", MALLORY, GROUP)).text.startswith("house ")
    assert (await bot.ask(f"/nonsense@{BOT_NAME}", MALLORY, GROUP)).text.startswith("I do not know that command")
    before = len(bot.api.sent(GROUP))
    for text in ("/now@other_bot", "/nonsense", "/", "now", "hello", "/@", f"@{BOT_NAME} /now"):
        bot.api.say(GROUP, text, BEN)
    await bot.settle()
    assert len(bot.api.sent(GROUP)) == before
    # Whoever is in a paired group may press its buttons.
    query = bot.api.press(GROUP, bot.api.sent(GROUP)[1].message_id, "/alarm mute 1h", MALLORY)
    assert (await bot.sent(before + 1, GROUP))[-1].text.startswith("Muted for another 1 h.")
    assert [answer.callback_query_id for answer in bot.api.answers] == [query]


async def test_odd_things_in_a_private_chat(bot):
    for text in ("hello", "now", "/", "/x", "\N{PILE OF POO}" * 2000, "/" + "<b>&" * 1000, "/chart " + "&" * 4000):
        answer = await bot.ask(text)
        assert answer.text
        assert len(bot.api.sent(ANNA.id)) < 20
    bot.api.send_photo(ANNA.id, ANNA)
    number = bot.api.say(ANNA.id, "/now", ANNA)
    before = len(bot.api.sent(ANNA.id)) + 1
    await bot.sent(before)
    bot.api.edit(ANNA.id, number, "/status")
    bot.api.press(ANNA.id, number, "nonsense", ANNA)
    bot.api.deliver("my_chat_member", {})
    await bot.settle()
    assert len(bot.api.sent(ANNA.id)) == before + 1


async def test_a_button_is_answered_also_when_it_was_pressed_long_ago(bot):
    status = await bot.ask("/status")
    bot.api.fail("answerCallbackQuery", 400, "Bad Request: query is too old and response timeout expired")
    bot.api.press(ANNA.id, status.message_id, status.buttons[0][1], ANNA)
    assert (await bot.sent(2))[-1].text.startswith("Smartmeter")


async def test_what_was_written_again_and_again_while_the_bot_was_away_is_done_once(tmp_path, telegram_api):
    for _ in range(5):
        telegram_api.say(ANNA.id, "/status", ANNA)
        telegram_api.say(ANNA.id, "/fast 1 1m", ANNA)
        telegram_api.say(ANNA.id, "hello?", ANNA)
        telegram_api.press(ANNA.id, 1, "/now", ANNA)
    async with running(tmp_path, telegram_api, ANNA.id) as run:
        sent = await run.sent(4)
        await run.settle()
        assert [one.text.split()[0] for one in sent] == ["Smartmeter", "Interval", "I", "house"]
        assert len(run.api.sent(ANNA.id)) == 5
        assert run.made.shortened == [(10**6, 60)]


async def test_a_meter_whose_name_is_html_and_a_long_answer(tmp_path, telegram_api):
    meters = [meter(f'<b>&"{number}" \N{ELECTRIC PLUG}' + "ä" * 80, address=number + 1) for number in range(30)]
    async with running(tmp_path, telegram_api, ANNA.id, meters=meters) as run:
        for one in meters:
            run.made.read(dict.fromkeys(one.intervals_us, 1.0), one.name)
        run.api.say(ANNA.id, "/now", ANNA)
        sent = await run.api.wait_until_async(
            lambda: (found := run.api.sent(ANNA.id)) and found[-1].buttons and found, "the last piece"
        )
        assert len(sent) > 1
        assert all(not one.buttons for one in sent[:-1])
        text = "\n".join(one.text for one in sent)
        assert all(one.name in text for one in meters)


async def test_an_error_in_an_answer_is_told_and_stops_nothing(bot, monkeypatch, caplog):
    async def broken(*_):
        raise ZeroDivisionError("nobody foresaw it")

    monkeypatch.setattr(telegram, "answer", broken)
    assert (await bot.ask("/now")).text.startswith("That went wrong")
    assert "Unexpected error in the bot's answer to /now" in caplog.text
    monkeypatch.undo()
    assert (await bot.ask("/now")).text.startswith("house")


async def test_an_error_besides_stops_nothing_either(bot, monkeypatch, caplog):
    monkeypatch.setattr(telegram, "help_text", lambda _: 1 / 0)
    bot.api.say(ANNA.id, "hello", ANNA)
    await bot.until(lambda: "Unexpected error in the bot; please report it." in caplog.text)
    monkeypatch.undo()
    assert (await bot.ask("/now")).text.startswith("house")


# --- outages


async def test_the_menu_is_registered_once(bot):
    await bot.settle()
    assert bot.api.commands() == [(one.english, one.tells_english) for one in commands.COMMANDS]
    bot.api.fail("getUpdates", 502, "Bad Gateway", times=2)
    await bot.ask("/now")
    await bot.settle()
    assert bot.api.count("setMyCommands") == 1


async def test_a_webhook_of_an_earlier_life_is_removed(tmp_path, telegram_api):
    telegram_api.webhook = "https://example.org/hook"
    async with running(tmp_path, telegram_api, ANNA.id) as run:
        assert (await run.ask("/now")).text.startswith("house")
        run.api.webhook = "https://example.org/again"
        assert (await run.ask("/now")).text.startswith("house")
        await run.until(lambda: not run.api.webhook)
        await run.settle()


async def test_down_at_the_start_and_up_later(tmp_path, telegram_api, caplog, pauses):
    telegram_api.down()
    async with running(tmp_path, telegram_api, ANNA.id) as run:
        await run.until(lambda: len(pauses) > 5)
        assert pauses[:5] == [1, 2, 3, 4, 5]
        telegram_api.up()
        assert (await run.ask("/now")).text.startswith("house")
    assert caplog.text.count("Telegram is out of reach") == 1


async def test_trouble_of_all_kinds_is_told_once_and_passes(bot, caplog, pauses):
    await bot.settle()
    bot.api.garbage(times=4)
    bot.api.fail("getUpdates", 500, "Internal Server Error", times=3)
    bot.api.garbage(times=2)
    bot.api.lose_answers(times=2, method="getUpdates")
    bot.api.say(ANNA.id, "/now", ANNA)
    assert (await bot.sent(2))[-1].text.startswith("house")
    await bot.settle()
    assert caplog.text.count("Telegram is out of reach") == 1
    assert caplog.text.count("Telegram is in reach again") == 1
    # Although an answer to getUpdates was lost, nothing is done twice.
    assert len(bot.api.sent(ANNA.id)) == 3
    assert max(pauses) >= 5


async def test_another_program_with_the_same_token(bot, caplog):
    await bot.settle()
    bot.api.fail("getUpdates", 409, "Conflict: terminated by other getUpdates request", times=3)
    bot.api.say(ANNA.id, "/now", ANNA)
    await bot.sent(2)
    await bot.settle()
    assert caplog.text.count("another program asks Telegram") == 1


async def test_a_token_that_is_put_right(bot, caplog):
    await bot.settle()
    bot.api.fail("getUpdates", 401, "Unauthorized", times=3)
    bot.api.say(ANNA.id, "/now", ANNA)
    await bot.sent(2)
    await bot.ask("/now")
    await bot.until(lambda: "in reach again" in caplog.text)
    assert caplog.text.count("Telegram does not know the bot's token") == 1


@pytest.mark.parametrize("token", ["123456789:AAwrong", "987654321:AAhunter2hunter2hunter2hunter2hunter", "a/b"])
async def test_a_wrong_token_is_in_no_log(tmp_path, telegram_api, caplog, token):
    caplog.set_level(logging.DEBUG)
    async with running(tmp_path, telegram_api, token=token) as run:
        await run.until(lambda: len(run.api.requests) > 3)
    assert caplog.text.count("Telegram does not know the bot's token") == 1
    assert token not in caplog.text


async def test_a_server_that_hangs(tmp_path, telegram_api, monkeypatch, caplog):
    monkeypatch.setattr(client, "ANSWER_S", 0.2)
    monkeypatch.setattr(telegram, "POLL_S", 1)
    async with running(tmp_path, telegram_api, ANNA.id) as run:
        await run.settle()
        run.api.hang()
        run.api.say(ANNA.id, "/now", ANNA)
        await run.until(lambda: "Telegram is out of reach" in caplog.text)
        run.api.up()
        assert (await run.sent(2))[-1].text.startswith("house")


@pytest.fixture
def slept(monkeypatch):
    """Pauses that the bot was asked for, in seconds: they are noted and not slept."""
    asked, real = [], asyncio.sleep

    async def sleep(seconds, *args):
        if seconds >= 1:
            asked.append(seconds)
        await real(min(seconds, 0.01), *args)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return asked


async def test_rate_limits_are_obeyed(bot, slept, caplog):
    await bot.settle()
    bot.api.rate_limit(17, method="getUpdates")
    bot.api.rate_limit(23, times=2, method="sendMessage")
    bot.api.say(ANNA.id, "/now", ANNA)
    assert (await bot.sent(2))[-1].text.startswith("house")
    await bot.until(lambda: 17 in slept)
    assert sorted(seconds for seconds in slept if seconds >= 2) == [17, 23, 23]
    assert "out of reach" not in caplog.text
    # An alarm waits as well, and is told once.
    slept.clear()
    bot.api.rate_limit(31, method="sendMessage")
    bot.alarm()
    assert "254.0 V" in (await bot.sent(3))[-1].text
    assert 31 in slept


async def test_rate_limits_at_the_start(tmp_path, telegram_api, slept):
    for method in ("getMe", "setMyCommands", "deleteWebhook"):
        telegram_api.rate_limit(5, method=method)
    async with running(tmp_path, telegram_api, ANNA.id) as run:
        assert (await run.ask("/now")).text.startswith("house")
    assert slept.count(5) == 3


async def test_a_real_pause_is_as_long_as_telegram_wants(bot):
    await bot.settle()
    bot.api.rate_limit(1, method="sendMessage")
    bot.api.say(ANNA.id, "/now", ANNA)
    await bot.sent(2)
    times = [request.time for request in bot.api.requests if request.method == "sendMessage"]
    assert times[-1] - times[-2] >= 1


async def test_an_answer_that_does_not_get_through_is_given_up(bot, caplog):
    await bot.settle()
    tries = bot.api.count("sendMessage")
    bot.api.garbage(times=3, method="sendMessage")
    bot.api.say(ANNA.id, "/now", ANNA)
    await bot.until(lambda: "An answer did not get through to Telegram" in caplog.text)
    assert bot.api.count("sendMessage") == tries + 3
    # Not all of the page that a proxy sends is in the log.
    assert max(map(len, caplog.text.splitlines())) < 500
    assert (await bot.ask("/now")).text.startswith("house")


async def test_an_answer_of_which_nobody_knows_whether_it_came_is_sent_again(bot):
    await bot.settle()
    bot.api.lose_answers(method="sendMessage")
    bot.api.say(ANNA.id, "/now", ANNA)
    sent = await bot.sent(3)
    assert sent[1].text == sent[2].text


async def test_a_chat_that_is_slow_does_not_hold_up_another(bot, code, monkeypatch):
    await bot.ask(f"/start {code}", BEN)
    waiting = asyncio.Event()
    real = telegram.answer

    async def slow(house, name, words):
        if name == "chart":
            await waiting.wait()
        return await real(house, name, words)

    monkeypatch.setattr(telegram, "answer", slow)
    bot.api.say(ANNA.id, "/chart nonsense", ANNA)
    bot.api.say(ANNA.id, "/now", ANNA)
    assert (await bot.ask("/now", BEN)).text.startswith("house")
    assert bot.api.sent(ANNA.id) == []
    waiting.set()
    sent = await bot.sent(2)
    assert [one.text[:6] for one in sent] == ["I know", "house "]


# --- pictures


@pytest.fixture
async def connection(telegram_api):
    telegram_api.add_chat(ANNA.id)
    async with connected(TelegramSettings(telegram_api.token, telegram_api.url)) as connection:
        await connection.initialize()
        yield connection


async def test_a_picture_with_its_caption_and_buttons(connection, telegram_api, slept):
    telegram_api.rate_limit(7, method="sendPhoto")
    telegram_api.garbage(method="sendPhoto")
    buttons = ((Button("7d", "/chart voltage_l1 7d"),),)
    await send_answer(connection, ANNA.id, Answer("<b>house</b> &lt;&gt;", buttons, png(1280, 720)))
    (sent,) = telegram_api.sent()
    assert (sent.text, sent.photo, sent.buttons) == ("house <>", png(1280, 720), [("7d", "/chart voltage_l1 7d")])
    assert slept == [7]


async def test_a_caption_that_is_too_long_goes_on_below(connection, telegram_api):
    text = "\n".join(f"line {number}" for number in range(200))
    await send_answer(connection, ANNA.id, Answer(text, ((Button("x", "/now"),),), png(1280, 720)))
    first, second = telegram_api.sent()
    assert first.photo
    assert not second.photo
    assert (first.text + "\n" + second.text, first.buttons, second.buttons) == (text, [], [("x", "/now")])


# --- alarms, and chats that change


async def test_an_alarm_reaches_each_chat_once_with_buttons(tmp_path, telegram_api):
    async with running(tmp_path, telegram_api, ANNA.id, BEN.id) as run:
        await run.until(lambda: len(with_state(run.house.state, recipients)) == 2)
        run.alarm()
        for person in (ANNA, BEN):
            (sent,) = await run.sent(1, person.id)
            assert sent.text.endswith("Voltage L1 is 254.0 V, above 253.0 V since 2026-11-24 12:00")
            assert [label for label, _ in sent.buttons] == ["Mute 1h", "Mute 8h", "Mute 24h"]
        await run.settle()
        assert len(run.api.sent(BEN.id)) == 1


async def test_whoever_blocks_the_bot_misses_alarms_and_holds_up_nobody(tmp_path, telegram_api, caplog):
    async with running(tmp_path, telegram_api, ANNA.id, BEN.id) as run:
        await run.until(lambda: len(with_state(run.house.state, recipients)) == 2)
        run.api.block(BEN.id)
        run.alarm(254.0)
        await run.sent(1)
        await run.until(lambda: not with_state(run.house.state, untold, "telegram:2"))
        assert "telegram:2 does not take a message on alarms: Forbidden: bot was blocked by the user" in caplog.text
        run.api.unblock(BEN.id)
        run.alarm(255.0)
        (sent,) = await run.sent(1, BEN.id)
        assert "255.0" in sent.text


async def test_alarms_wait_for_telegram_and_come_later(bot):
    await bot.settle()
    bot.api.down()
    for value in (254.0, 255.0, 256.0):
        bot.alarm(value)
    await asyncio.sleep(0.1)
    bot.api.up()
    await bot.api.wait_for_async(lambda sent: "256.0" in sent.text)
    texts = "\n".join(sent.text for sent in bot.api.sent(ANNA.id))
    assert texts.index("254.0") < texts.index("255.0") < texts.index("256.0")


async def test_an_error_in_telling_stops_neither_telling_nor_answers(bot, monkeypatch, caplog):
    await bot.settle()
    monkeypatch.setattr(delivery, "messages", lambda *_: 1 / 0)
    bot.alarm()
    await bot.until(lambda: "Unexpected error while telling of alarms" in caplog.text)
    assert (await bot.ask("/now")).text.startswith("house")
    monkeypatch.undo()
    assert "254.0" in (await bot.sent(3))[-1].text


async def test_a_group_that_migrates_while_an_alarm_is_told(tmp_path, telegram_api):
    async with running(tmp_path, telegram_api, ANNA.id, GROUP) as run:
        await run.until(lambda: len(with_state(run.house.state, recipients)) == 2)
        run.api.migrate(GROUP, SUPERGROUP)
        run.alarm()
        (sent,) = await run.sent(1, SUPERGROUP)
        assert "254.0" in sent.text
        assert run.paired() == [SUPERGROUP, ANNA.id]
        assert (await run.ask("/now", ANNA, SUPERGROUP)).text.startswith("house")
        run.alarm(255.0)
        await run.sent(3, SUPERGROUP)
        await run.settle()
        assert len(run.api.sent(SUPERGROUP)) == 3


async def test_a_group_that_says_that_it_migrates_and_goes_on_at_once(tmp_path, telegram_api):
    async with running(tmp_path, telegram_api, ANNA.id, GROUP) as run:
        await run.settle()
        run.api.down()
        run.api.announce_migration(GROUP, SUPERGROUP, ANNA)
        run.api.say(SUPERGROUP, "/now", ANNA)
        run.api.up()
        await run.sent(1, SUPERGROUP)
        await run.settle()
        assert [sent.text.partition(" ")[0] for sent in run.api.sent(SUPERGROUP)] == ["house"]
        assert run.paired() == [SUPERGROUP, ANNA.id]


async def test_a_group_that_migrates_while_it_is_answered(tmp_path, telegram_api):
    async with running(tmp_path, telegram_api, ANNA.id, GROUP) as run:
        await run.settle()
        run.api.say(GROUP, "/now", ANNA)
        run.api.migrate(GROUP, SUPERGROUP)
        (sent,) = await run.sent(1, SUPERGROUP)
        assert sent.text.startswith("house")
        assert SUPERGROUP in run.paired()


@pytest.mark.parametrize("is_known", [True, False])
async def test_a_stranger_s_group_that_migrates_gets_nothing_by_it(bot, is_known):
    if is_known:
        await bot.ask("hello", MALLORY, GROUP)
    bot.api.announce_migration(GROUP, SUPERGROUP, MALLORY)
    bot.api.say(SUPERGROUP, "/now", MALLORY)
    await bot.sent(1, SUPERGROUP)
    await bot.settle()
    assert bot.paired() == [ANNA.id]
    assert [sent.text.startswith(STRANGER) for sent in bot.api.sent(SUPERGROUP)] == [True]


async def test_a_stranger_s_group_that_migrates_while_it_is_turned_away_is_not_told_of_alarms(bot):
    await bot.settle()
    bot.api.say(GROUP, "hello", MALLORY)
    bot.api.migrate(GROUP, SUPERGROUP)
    (sent,) = await bot.sent(1, SUPERGROUP)
    assert sent.text.startswith(STRANGER)
    bot.alarm()
    await bot.api.wait_for_async(lambda sent: "254.0" in sent.text, chat_id=ANNA.id)
    await bot.settle()
    assert len(bot.api.sent(SUPERGROUP)) == 1
    assert with_state(bot.house.state, recipients) == ["telegram:1"]


# --- the file that knows who is paired


async def test_the_file_gone_while_it_runs(bot, caplog):
    await bot.settle()
    aside = bot.house.state.with_name("aside")
    bot.house.state.rename(aside)
    for number in range(5):
        bot.api.say(ANNA.id, f"/now {number}", ANNA)
        bot.api.say(MALLORY.id, "/now", MALLORY)
    await bot.until(lambda: "answers nobody" in caplog.text and not bot.api.pending)
    await asyncio.sleep(0.1)
    assert caplog.text.count("answers nobody") == 1
    assert len(bot.api.sent()) == 1
    aside.rename(bot.house.state)
    await bot.settle()
    bot.alarm()
    await bot.api.wait_for_async(lambda sent: "254.0" in sent.text)


async def test_the_file_gone_at_the_start(tmp_path, telegram_api, caplog):
    async with home(tmp_path, language="en") as made:
        pair(made.house, ANNA.id)
        aside = made.house.state.with_name("aside")
        made.house.state.rename(aside)
        task = asyncio.create_task(run_bot(made.house, TelegramSettings(telegram_api.token, telegram_api.url)))
        await telegram_api.wait_until_async(lambda: "answers nobody" in caplog.text)
        aside.rename(made.house.state)
        telegram_api.say(ANNA.id, "/now", ANNA)
        (sent,) = await telegram_api.wait_for_async(1)
        assert sent.text.startswith("house")
        # It is told of alarms too, and was not taken for the first start.
        await telegram_api.wait_until_async(lambda: with_state(made.house.state, recipients) == ["telegram:1"])
        assert "/start" not in caplog.text
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_it_ends_at_once_when_it_is_told_to(bot):
    await bot.settle()
    await bot.until(lambda: bot.api.polling)
    started_s = time.monotonic()
    bot.task.cancel()
    with suppress(asyncio.CancelledError):
        await bot.task
    assert time.monotonic() - started_s < 1
    bot.task = None
