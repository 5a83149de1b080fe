"""The API of our own, as the real client sees it: what the bot's tests lean on must itself hold."""

import asyncio
import http.client
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from datetime import timedelta
from urllib.request import Request, urlopen

import pytest
from telegram import (
    Bot,
    BotCommand,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
    ForceReply,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputFile,
    ReplyParameters,
)
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    EndPointNotFound,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TimedOut,
)
from telegram.request import HTTPXRequest

from tests.fixtures.http_form import parse_body
from tests.fixtures.image_size import image_size
from tests.fixtures.telegram_api import LARGEST_PHOTO, Person, TelegramApi
from tests.fixtures.telegram_text import Refusal, parse_html

HOME = 4711
GROUP = -42
SUPERGROUP = -1_001_234_567_890


@pytest.fixture
def api():
    with TelegramApi() as api:
        api.add_chat(HOME)
        yield api


@pytest.fixture
async def bot(api, monkeypatch):
    # Else every RetryAfter warns that its attribute will be a timedelta.
    monkeypatch.setenv("PTB_TIMEDELTA", "true")
    async with client(api) as bot:
        yield bot


def client(api, token=None):
    # Nothing is encrypted here, and to read all the certificates there are takes most of a test's time.
    plain = {"trust_env": False, "verify": False}
    requests = [HTTPXRequest(connection_pool_size=4, httpx_kwargs=plain) for _ in range(2)]
    return Bot(
        token or api.token,
        base_url=f"{api.url}/bot",
        base_file_url=f"{api.url}/file/bot",
        get_updates_request=requests[0],
        request=requests[1],
    )


def png(width=30, height=20, *, noise=False):
    row = b"\0" + (os.urandom(width * 3) if noise else b"\x20\x40\x60" * width)
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        # What ends parts and lines elsewhere is nothing but data in here.
        (b"tEXt", b"Comment\0" + bytes(range(256)) + b"\r\n\r\n--\r\n--boundary--\r\n"),
        (b"IDAT", zlib.compress(row * height)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


def keyboard(*buttons):
    return InlineKeyboardMarkup([[InlineKeyboardButton(text, callback_data=data)] for text, data in buttons])


class TestMethods:
    async def test_knows_the_bot(self, api, bot):
        me = await bot.get_me()
        assert (me.id, me.is_bot, me.username) == (123456789, True, "smartmeter_test_bot")
        assert [request.method for request in api.requests] == ["getMe", "getMe"]
        assert abs(api.requests[-1].time - time.time()) < 5

    async def test_sends_text(self, api, bot):
        message = await bot.send_message(HOME, "1 < 2 & 3", disable_notification=True)
        [sent] = api.sent(HOME)
        assert (message.text, message.chat.type, message.from_user.is_bot) == ("1 < 2 & 3", "private", True)
        assert (sent.method, sent.chat_id, sent.message_id) == ("sendMessage", HOME, message.message_id)
        assert (sent.text, sent.html, sent.photo, sent.buttons) == ("1 < 2 & 3", None, None, [])
        assert (sent.edited, sent.silent) == (False, True)
        assert api.parameters("sendMessage")[0]["disable_notification"] == "true"
        assert api.count("sendmessage") == 1

    async def test_sends_html(self, api, bot):
        message = await bot.send_message(HOME, " <b>⚡️ 5 &lt; 6 kW</b> <i>now</i>\n", parse_mode="HTML")
        [sent] = api.sent()
        assert sent.text == message.text == "⚡️ 5 < 6 kW now"
        assert sent.html == " <b>⚡️ 5 &lt; 6 kW</b> <i>now</i>\n"
        assert message.text_html == "<b>⚡️ 5 &lt; 6 kW</b> <i>now</i>"

    async def test_sends_buttons(self, api, bot):
        rows = [
            [InlineKeyboardButton("Day", callback_data="day"), InlineKeyboardButton("Web", url="https://example.org")],
            [InlineKeyboardButton("Week", callback_data="ä" * 32)],
        ]
        message = await bot.send_message(HOME, "Which?", reply_markup=InlineKeyboardMarkup(rows))
        assert api.sent()[0].buttons == [("Day", "day"), ("Web", "https://example.org"), ("Week", "ä" * 32)]
        assert message.reply_markup == InlineKeyboardMarkup(rows)

    async def test_takes_other_markup(self, api, bot):
        message = await bot.send_message(HOME, "Name?", reply_markup=ForceReply())
        assert (message.reply_markup, api.sent()[0].buttons) == (None, [])

    async def test_replies(self, api, bot):
        asked = api.say(HOME, "/status")
        message = await bot.send_message(HOME, "well", reply_parameters=ReplyParameters(asked))
        assert message.reply_to_message.text == "/status"
        with pytest.raises(BadRequest, match="Message to be replied not found"):
            await bot.send_message(HOME, "well", reply_parameters=ReplyParameters(999))
        lenient = ReplyParameters(999, allow_sending_without_reply=True)
        assert (await bot.send_message(HOME, "well", reply_parameters=lenient)).reply_to_message is None

    async def test_sends_photos_unharmed(self, api, bot):
        picture = png(400, 300, noise=True)
        message = await bot.send_photo(
            HOME, picture, caption="<b>Today</b>", parse_mode="HTML", reply_markup=keyboard(("Next", "n"))
        )
        [sent] = api.sent()
        assert sent.photo == picture
        assert (sent.method, sent.text, sent.html, sent.buttons) == (
            "sendPhoto",
            "Today",
            "<b>Today</b>",
            [("Next", "n")],
        )
        assert (message.photo[-1].width, message.photo[-1].height, message.photo[-1].file_size) == (
            400,
            300,
            len(picture),
        )
        assert message.caption_html == "<b>Today</b>"
        await bot.send_photo(HOME, message.photo[-1].file_id)
        await bot.send_photo(HOME, InputFile(picture, attach=True))
        assert [sent.photo for sent in api.sent()] == [picture] * 3

    async def test_edits_text(self, api, bot):
        first = await bot.send_message(HOME, "5 kW", reply_markup=keyboard(("Again", "a")))
        await bot.send_message(HOME, "other")
        edited = await bot.edit_message_text("<i>6 kW</i>", HOME, first.message_id, parse_mode="HTML")
        assert (edited.text, edited.reply_markup) == ("6 kW", None)
        sent = api.sent()[0]
        assert (sent.message_id, sent.text, sent.html) == (first.message_id, "6 kW", "<i>6 kW</i>")
        assert (sent.buttons, sent.edited) == ([], True)
        assert api.sent()[1].edited is False

    async def test_edits_buttons(self, api, bot):
        first = await bot.send_photo(HOME, png(), caption="5 kW", reply_markup=keyboard(("Again", "a")))
        await bot.edit_message_reply_markup(HOME, first.message_id, reply_markup=keyboard(("Once more", "b")))
        [sent] = api.sent()
        assert (sent.buttons, sent.text, sent.edited) == ([("Once more", "b")], "5 kW", True)
        await bot.edit_message_reply_markup(HOME, first.message_id)
        assert api.sent()[0].buttons == []
        with pytest.raises(BadRequest, match="Message is not modified"):
            await bot.edit_message_reply_markup(HOME, first.message_id)

    async def test_answers_buttons_once(self, api, bot):
        query_id = api.press(HOME, 1, "day")
        assert await bot.answer_callback_query(query_id, "Here you are", show_alert=True)
        assert api.answers == [(query_id, "Here you are", True)]
        for unknown in (query_id, "7"):
            with pytest.raises(BadRequest, match="Query is too old"):
                await bot.answer_callback_query(unknown)
        with pytest.raises(BadRequest, match="too_long"):
            await bot.answer_callback_query(api.press(HOME, 1, "day"), "x" * 201)

    async def test_shows_actions(self, api, bot):
        assert await bot.send_chat_action(HOME, "typing")
        assert api.actions == [(HOME, "typing")]
        with pytest.raises(BadRequest, match="Wrong parameter action"):
            await bot.send_chat_action(HOME, "dancing")

    async def test_keeps_commands_apart(self, api, bot):
        await bot.set_my_commands([BotCommand("status", "How it is")])
        await bot.set_my_commands([("status", "Wie es ist")], language_code="de")
        await bot.set_my_commands([("day", "Today")], scope=BotCommandScopeAllPrivateChats())
        await bot.set_my_commands([("admin", "All else")], scope=BotCommandScopeChat(HOME))
        assert await bot.get_my_commands() == (BotCommand("status", "How it is"),)
        assert await bot.get_my_commands(language_code="de") == (BotCommand("status", "Wie es ist"),)
        assert await bot.get_my_commands(language_code="fr") == ()
        assert await bot.get_my_commands(scope=BotCommandScopeChat(HOME)) == (BotCommand("admin", "All else"),)
        assert api.commands(language_code="de") == [("status", "Wie es ist")]
        assert api.commands("chat", chat_id=HOME) == api.menu(HOME) == [("admin", "All else")]
        assert api.menu(HOME + 1, "de") == [("day", "Today")]
        assert api.menu(GROUP, "de") == [("status", "Wie es ist")]
        assert await bot.delete_my_commands(language_code="de")
        assert api.menu(GROUP, "de") == [("status", "How it is")]

    @pytest.mark.parametrize(
        ("commands", "why"),
        [
            ([("Status", "x")], "Bot_command_invalid"),
            ([("s" * 33, "x")], "Bot_command_invalid"),
            ([("", "x")], "Bot_command_invalid"),
            ([("ok", "")], "Bot_command_description_invalid"),
            ([("ok", "x" * 257)], "Bot_command_description_invalid"),
            ([(f"c{number}", "x") for number in range(101)], "Bot_commands_too_much"),
        ],
    )
    async def test_refuses_commands(self, api, bot, commands, why):
        with pytest.raises(BadRequest, match=f"(?i){why}"):
            await bot.set_my_commands(commands)
        assert api.commands() == []

    async def test_has_no_webhook_unless_told(self, api, bot):
        api.webhook = "https://example.org/hook"
        api.say(HOME, "hello")
        info = await bot.get_webhook_info()
        assert (info.url, info.pending_update_count) == ("https://example.org/hook", 1)
        with pytest.raises(Conflict, match="webhook is active"):
            await bot.get_updates()
        assert await bot.delete_webhook(drop_pending_updates=True)
        assert (await bot.get_webhook_info()).url == ""
        assert await bot.get_updates() == ()


class TestUpdates:
    async def test_brings_what_people_write(self, api, bot):
        anna = Person(HOME, "Anna", "Meyer", "anna", "de")
        message_id = api.say(HOME, "Hi 😀 /status@smartmeter_test_bot and /day", anna)
        [update] = await bot.get_updates()
        message = update.message
        assert (message.message_id, message.chat.id, message.chat.type) == (message_id, HOME, "private")
        assert (message.from_user.full_name, message.from_user.language_code) == ("Anna Meyer", "de")
        assert list(message.parse_entities().values()) == ["/status@smartmeter_test_bot", "/day"]

    async def test_brings_all_kinds(self, api, bot):
        first = api.say(HOME, "/dya")
        api.edit(HOME, first, "/day")
        api.channel_post(SUPERGROUP - 1, "News")
        api.say(GROUP, "hello all", user=7, reply_to=None)
        api.send_photo(HOME)
        api.announce_migration(GROUP, SUPERGROUP)
        api.block(HOME)
        api.deliver("inline_query", {"id": "1", "from": Person(7).as_json(), "query": "x", "offset": ""})
        updates = await bot.get_updates()
        assert [update.update_id for update in updates] == list(range(900_000_001, 900_000_010))
        texts, edit, post, group, photo, old, new, member, inline = updates
        assert texts.message.text == "/dya"
        assert (edit.edited_message.text, edit.edited_message.message_id) == ("/day", first)
        assert edit.edited_message.parse_entities()
        assert (post.channel_post.chat.type, post.channel_post.from_user) == ("channel", None)
        assert (group.message.chat.type, group.message.from_user.id) == ("group", 7)
        assert photo.message.text is None
        assert photo.message.photo
        assert old.message.migrate_to_chat_id == new.message.chat.id == SUPERGROUP
        assert new.message.migrate_from_chat_id == GROUP
        assert new.message.chat.type == "supergroup"
        assert member.my_chat_member.new_chat_member.status == "kicked"
        assert inline.inline_query.query == "x"

    async def test_brings_pressed_buttons(self, api, bot):
        message = await bot.send_message(HOME, "Which?", reply_markup=keyboard(("Day", "day")))
        query_id = api.press(HOME, message.message_id, "day", user=9)
        api.press(HOME, 999, "old")
        query, old = [update.callback_query for update in await bot.get_updates()]
        assert (query.id, query.data, query.from_user.id, query.message.text) == (query_id, "day", 9, "Which?")
        assert query.message.reply_markup == keyboard(("Day", "day"))
        assert not old.message.is_accessible

    async def test_brings_them_until_confirmed(self, api, bot):
        for text in "abcd":
            api.say(HOME, text)
        assert len(await bot.get_updates()) == 4
        assert len(await bot.get_updates(limit=3)) == 3
        [third, fourth] = await bot.get_updates(offset=900_000_003)
        assert (third.message.text, fourth.message.text, api.pending) == ("c", "d", 2)
        assert await bot.get_updates(offset=-1) == (fourth,)
        assert await bot.get_updates(offset=900_000_005) == ()
        assert await bot.get_updates() == ()

    async def test_brings_only_the_allowed_from_then_on(self, api, bot):
        first = api.say(HOME, "before")
        api.edit(HOME, first, "edited before")
        assert len(await bot.get_updates(allowed_updates=["message"])) == 2
        api.edit(HOME, first, "edited after")
        api.say(HOME, "after")
        assert [update.message.text for update in await bot.get_updates(offset=900_000_003)] == ["after"]

    async def test_wakes_whoever_waits(self, api, bot):
        waiting = asyncio.create_task(bot.get_updates(timeout=30))
        await api.wait_until_async(lambda: api.polling)
        start = time.monotonic()
        api.say(HOME, "now")
        [update] = await waiting
        assert time.monotonic() - start < 0.5
        assert update.message.text == "now"
        assert not api.polling

    async def test_ends_a_wait_in_time(self, api, bot):
        start = time.monotonic()
        assert await bot.get_updates(timeout=1) == ()
        assert 0.9 < time.monotonic() - start < 2

    async def test_ends_the_first_of_two(self, api, bot):
        async with client(api) as other:
            first = asyncio.create_task(bot.get_updates(timeout=30))
            await api.wait_until_async(lambda: api.polling)
            second = asyncio.create_task(other.get_updates(timeout=30))
            with pytest.raises(Conflict, match="terminated by other getUpdates request"):
                await first
            api.say(HOME, "to the second")
            assert len(await second) == 1


class TestRefusals:
    async def test_refuses_tokens(self, api):
        bot = client(api, "123456789:AAF-of_another_bot")
        with pytest.raises(InvalidToken):
            await bot.initialize()
        await bot.shutdown()
        assert ask(api, "getMe", token="123:wrong") == (
            401,
            {"ok": False, "error_code": 401, "description": "Unauthorized"},
        )
        assert ask(api, "getMe", token="nonsense")[0] == 404

    async def test_refuses_methods_there_are_not(self, api, bot):
        status, answer = ask(api, "sendNothing")
        assert (status, answer["description"]) == (404, "Not Found")
        # The client's own word for a 404 in this place.
        with pytest.raises(EndPointNotFound):
            await bot.do_api_request("sendNothing")

    @pytest.mark.parametrize("text", ["", "  \n", "<b> </b>"])
    async def test_refuses_empty_text(self, api, bot, text):
        with pytest.raises(BadRequest, match="Message text is empty"):
            await bot.send_message(HOME, text, parse_mode="HTML")

    async def test_measures_text_as_people_see_it(self, api, bot):
        await bot.send_message(HOME, f"<b>{'😀' * 2048}</b>", parse_mode="HTML")
        with pytest.raises(BadRequest, match="Message is too long"):
            await bot.send_message(HOME, "😀" * 2048 + "x")
        await bot.send_photo(HOME, png(), caption="x" * 1024)
        with pytest.raises(BadRequest, match="Message caption is too long"):
            await bot.send_photo(HOME, png(), caption="x" * 1025)
        message_id = api.sent()[0].message_id
        with pytest.raises(BadRequest, match="Message is too long"):
            await bot.edit_message_text("x" * 4097, HOME, message_id)

    async def test_refuses_bad_html(self, api, bot):
        with pytest.raises(BadRequest, match="Can't parse entities: unsupported start tag"):
            await bot.send_message(HOME, "<h1>5</h1>", parse_mode="HTML")
        with pytest.raises(BadRequest, match="Unsupported parse_mode"):
            await bot.send_message(HOME, "*5*", parse_mode="Markdown")
        assert api.sent() == []

    async def test_refuses_chats(self, api, bot):
        for unknown in (1, "@anybody", "x"):
            with pytest.raises(BadRequest, match="Chat not found"):
                await bot.send_message(unknown, "hello")
        api.block(HOME)
        with pytest.raises(Forbidden, match="bot was blocked by the user"):
            await bot.send_message(HOME, "hello")
        api.say(HOME, "/start")
        await bot.send_message(HOME, "hello")
        api.block(GROUP)
        with pytest.raises(Forbidden, match="bot was kicked from the group chat"):
            await bot.send_message(GROUP, "hello")

    async def test_tells_where_a_group_went(self, api, bot):
        api.migrate(GROUP, SUPERGROUP)
        with pytest.raises(ChatMigrated) as caught:
            await bot.send_message(GROUP, "hello")
        assert caught.value.new_chat_id == SUPERGROUP
        assert (await bot.send_message(SUPERGROUP, "hello")).chat.type == "supergroup"
        assert api.pending == 0

    @pytest.mark.parametrize(
        ("photo", "why"),
        [
            (b"no image at all", "Image_process_failed"),
            (png()[:-20], "Image_process_failed"),
            (png() + b"\0" * LARGEST_PHOTO, "too big for a photo"),
            (png(1, 21), "Photo_invalid_dimensions"),
            (png(6000, 4001), "Photo_invalid_dimensions"),
            (b"", "file must be non-empty"),
        ],
        ids=["text", "cut off", "large", "narrow", "wide", "empty"],
    )
    async def test_refuses_photos(self, api, bot, photo, why):
        with pytest.raises(BadRequest, match=f"(?i){why}"):
            await bot.send_photo(HOME, InputFile(photo, filename="chart.png"))
        assert api.sent() == []

    async def test_refuses_files_it_has_not(self, api, bot):
        with pytest.raises(BadRequest, match="Wrong file identifier"):
            await bot.send_photo(HOME, "no-such-file")
        assert ask(api, "sendPhoto", chat_id=HOME)[1]["description"] == "Bad Request: there is no photo in the request"

    @pytest.mark.parametrize(
        ("text", "data", "why"),
        [
            ("Day", "", "Button_data_invalid"),
            ("Day", "ä" * 33, "Button_data_invalid"),
            ("", "day", "Button_text_invalid"),
        ],
    )
    async def test_refuses_buttons(self, api, bot, text, data, why):
        with pytest.raises(BadRequest, match=f"(?i){why}"):
            await bot.send_message(HOME, "x", reply_markup=keyboard((text, data)))

    async def test_refuses_edits(self, api, bot):
        theirs, photo = api.say(HOME, "mine"), await bot.send_photo(HOME, png())
        message = await bot.send_message(HOME, "5 kW")
        for message_id, text, why in (
            (999, "6 kW", "Message to edit not found"),
            (theirs, "6 kW", "Message can't be edited"),
            (photo.message_id, "6 kW", "There is no text in the message to edit"),
            (message.message_id, "5 kW", "Message is not modified"),
            (message.message_id, " ", "Message text is empty"),
        ):
            with pytest.raises(BadRequest, match=why):
                await bot.edit_message_text(text, HOME, message_id)


class TestOutages:
    async def test_is_down_and_up_at_the_same_port(self, api, bot):
        waiting = asyncio.create_task(bot.get_updates(timeout=30))
        await api.wait_until_async(lambda: api.polling)
        url = api.url
        api.down()
        with pytest.raises(NetworkError):
            await waiting
        with pytest.raises(NetworkError, match="ConnectError"):
            await bot.send_message(HOME, "lost")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", api.port))
        api.say(HOME, "meanwhile")
        api.down()
        for _ in range(3):
            api.up()
            assert (await bot.send_message(HOME, "back")).text == "back"
            api.down()
        api.up()
        assert len(await bot.get_updates()) == 1
        assert (api.url, len(api.sent())) == (url, 3)

    async def test_hangs(self, api, bot):
        api.hang()
        with pytest.raises(TimedOut):
            await bot.send_message(HOME, "lost", read_timeout=0.2)
        hanging = asyncio.create_task(bot.send_message(HOME, "lost too"))
        await api.wait_until_async(lambda: api.count("sendMessage") == 2)
        api.up()
        with pytest.raises(NetworkError):
            await hanging
        await bot.send_message(HOME, "answered")
        assert [sent.text for sent in api.sent()] == ["answered"]

    async def test_hangs_with_a_poll_under_way(self, api, bot):
        waiting = asyncio.create_task(bot.get_updates(timeout=30))
        await api.wait_until_async(lambda: api.polling)
        api.hang()
        api.say(HOME, "unheard")
        assert await asyncio.wait([waiting], timeout=0.1) == (set(), {waiting})
        api.down()
        with pytest.raises(NetworkError):
            await waiting

    async def test_fails_so_many_times(self, api, bot):
        api.fail("sendMessage", 400, "Bad Request: not today", times=2)
        await bot.get_me()
        for _ in range(2):
            with pytest.raises(BadRequest, match="Not today"):
                await bot.send_message(HOME, "hello")
        await bot.send_message(HOME, "hello")
        api.fail(None, 500, "Internal Server Error")
        with pytest.raises(NetworkError, match="Internal Server Error"):
            await bot.get_me()
        api.fail(None, 500, "Internal Server Error", times=9)
        api.recover()
        await bot.get_me()

    async def test_limits_the_rate(self, api, bot):
        api.rate_limit(17)
        await bot.get_updates()
        with pytest.raises(RetryAfter) as caught:
            await bot.send_message(HOME, "hello")
        assert caught.value.retry_after == timedelta(seconds=17)
        await bot.send_message(HOME, "hello")
        api.rate_limit(3, method="getUpdates")
        with pytest.raises(RetryAfter):
            await bot.get_updates()

    async def test_limits_a_flood_in_each_chat(self, api, bot):
        api.add_chat(GROUP)
        api.flood_limit(2)
        for text in "ab":
            await bot.send_message(HOME, text)
        with pytest.raises(RetryAfter) as caught:
            await bot.send_message(HOME, "c")
        assert caught.value.retry_after == timedelta(seconds=1)
        await bot.send_message(GROUP, "c")
        with pytest.raises(RetryAfter):
            await bot.edit_message_text("d", HOME, api.sent()[0].message_id)
        await asyncio.sleep(1.01)
        await bot.send_message(HOME, "c")
        api.flood_limit(None)
        for text in "defg":
            await bot.send_message(HOME, text)
        assert "".join(sent.text for sent in api.sent(HOME)) == "abcdefg"

    async def test_answers_garbage(self, api, bot):
        api.garbage(times=1)
        with pytest.raises(NetworkError, match="Bad Gateway"):
            await bot.send_message(HOME, "hello")
        await bot.send_message(HOME, "hello")

    async def test_loses_an_answer_after_the_deed(self, api, bot):
        api.lose_answers()
        with pytest.raises(NetworkError):
            await bot.send_message(HOME, "said")
        assert [sent.text for sent in api.sent()] == ["said"]
        await bot.send_message(HOME, "said")
        assert len(api.sent()) == 2

    async def test_raises_its_own_faults(self, monkeypatch):
        api = TelegramApi()
        api.start()
        monkeypatch.setitem(api._methods, "getme", lambda **_: 1 / 0)  # noqa: SLF001
        assert ask(api, "getMe")[0] == 500
        with pytest.raises(ZeroDivisionError):
            api.close()


class TestWaiting:
    async def test_waits_for_messages(self, api, bot):
        sending = asyncio.create_task(bot.send_message(HOME, "one"))
        assert [sent.text for sent in await api.wait_for_async(1)] == ["one"]
        message = await sending
        changing = asyncio.create_task(bot.edit_message_text("two", HOME, message.message_id))
        assert (await api.wait_for_async(lambda sent: sent.edited)).text == "two"
        await changing
        with pytest.raises(AssertionError, match=r"no 2 messages within 0\.05 s; sent: .*'two'"):
            await api.wait_for_async(2, within_s=0.05)

    def test_waits_without_a_loop(self, api):
        speaking = threading.Timer(0.05, ask, (api, "sendMessage"), {"chat_id": HOME, "text": "one"})
        speaking.start()
        assert api.wait_for(lambda sent: sent.text == "one", chat_id=HOME) == api.wait_for(1)[0]
        speaking.join()
        with pytest.raises(AssertionError, match=r"no such message within 0\.05 s"):
            api.wait_for(lambda sent: sent.text == "two", within_s=0.05)
        assert api.wait_until(lambda: api.count("sendMessage")) == 1

    def test_serves_other_processes_and_says_nothing(self, api, capfd):
        program = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())"
        url = f"{api.url}/bot{api.token}/sendMessage?chat_id={HOME}&text=a+b"
        answer = subprocess.run(
            [sys.executable, "-c", program, url], env={"no_proxy": "*"}, capture_output=True, check=True
        )
        assert json.loads(answer.stdout)["result"]["text"] == api.sent()[0].text == "a b"
        with socket.create_connection(("127.0.0.1", api.port)) as rude:
            rude.sendall(b"GARBAGE\r\n\r\n")
            assert rude.recv(4096)
        assert capfd.readouterr() == ("", "")

    def test_closes_at_once_whoever_waits(self):
        api = TelegramApi()
        api.start()
        poll = http.client.HTTPConnection("127.0.0.1", api.port)
        poll.request("GET", f"/bot{api.token}/getUpdates?timeout=50")
        idle = socket.create_connection(("127.0.0.1", api.port))
        api.wait_until(lambda: api.polling)
        threads, start = threading.active_count(), time.monotonic()
        api.close()
        assert time.monotonic() - start < 0.5
        assert threads - threading.active_count() >= 2
        with pytest.raises(ConnectionError):
            poll.getresponse()
        poll.close()
        idle.close()


class TestParsing:
    @pytest.mark.parametrize(
        ("text", "plain", "kinds"),
        [
            ("a &amp; b &#8364; &#x20ac; &nbsp; & &copy > c", "a & b € € &nbsp; & &copy > c", []),
            ("<b>1<i>2</i></b><U>3</U><s>4</s>", "1234", ["bold", "italic", "underline", "strikethrough"]),
            ('<pre><code class="language-sql">x</code></pre>', "x", ["pre"]),
            ('<a href="https://example.org/?a=1&amp;b=>">x</a>', "x", ["text_link"]),
            ('<span class="tg-spoiler">x</span><tg-spoiler>y</tg-spoiler>', "xy", ["spoiler", "spoiler"]),
            ("<blockquote expandable>x</blockquote>", "x", ["expandable_blockquote"]),
            ("<strong>x</strong><em>y</em><code>z</code><b></b>", "xyz", ["bold", "italic", "code"]),
        ],
    )
    def test_understands_html(self, text, plain, kinds):
        parsed, entities = parse_html(text)
        assert (parsed, [entity["type"] for entity in entities]) == (plain, kinds)

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("ä<h1>x</h1>", 'Unsupported start tag "h1" at byte offset 2'),
            ("1 < 2 > 1", 'Unsupported start tag "" at byte offset 2'),
            ("1 < 2", "Unclosed start tag at byte offset 2"),
            ("<br/>", 'Unsupported start tag "br/" at byte offset 0'),
            ("<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
            ("x</b>", "Unexpected end tag at byte offset 1"),
            ("<b>x<i>y</b></i>", 'Unmatched end tag at byte offset 8, expected "</i>", found "</b>"'),
            ("<b>x</b", "Unclosed end tag at byte offset 4"),
            ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
            ("<a href>x</a>", 'Expected equal sign in declaration of an attribute of the tag "a" at byte offset 0'),
        ],
    )
    def test_refuses_other_html(self, text, why):
        with pytest.raises(Refusal) as caught:
            parse_html(text)
        assert str(caught.value) == f"Bad Request: can't parse entities: {why}"

    def test_takes_every_kind_of_body(self):
        multipart = (
            b'preamble\r\n--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xc3\xa4\r\n'
            b'--B\r\nContent-Disposition: form-data; name="f"; filename="x"\r\nContent-Type: image/png\r\n\r\n'
            b"\r\n\xff\r\n\r\n--\r\n--B--\r\nepilogue"
        )
        assert parse_body('multipart/form-data; boundary="B"', multipart) == {"a": "ä", "f": b"\r\n\xff\r\n\r\n--"}
        assert parse_body("application/json; charset=utf-8", b'{"a": [1]}') == {"a": [1]}
        assert parse_body("application/x-www-form-urlencoded", b"a=%C3%A4+b&c=") == {"a": "ä b", "c": ""}
        for kind, body in (("application/json", b"["), ("application/json", b"[]"), ("multipart/form-data", b"")):
            with pytest.raises(ValueError, match=r"."):
                parse_body(kind, body)

    def test_answers_json(self, api):
        request = Request(
            f"{api.url}/bot{api.token}/sendMessage",
            json.dumps({"chat_id": HOME, "text": "x", "disable_notification": True}).encode(),
            {"Content-Type": "application/json"},
        )
        with urlopen(request) as answer:
            assert json.load(answer)["result"]["text"] == "x"
        assert api.sent()[0].silent

    def test_knows_images(self):
        jpeg = (
            b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x0b\x08" + struct.pack(">HH", 20, 30) + b"\x01\x01\x11\0\xff\xd9"
        )
        assert image_size(jpeg) == image_size(png()) == (30, 20)
        assert image_size(b"GIF89a" + struct.pack("<HH", 30, 20) + b";") == (30, 20)
        for damaged in (jpeg[:-1], jpeg[:4] + b"\xff\xd9", png()[:40] + b"x" + png()[41:], b""):
            with pytest.raises(ValueError, match=r"image|chunk"):
                image_size(damaged)


def ask(api, method, token=None, **parameters):
    """The status and answer without any client."""
    connection = http.client.HTTPConnection("127.0.0.1", api.port)
    try:
        headers = {"Content-Type": "application/json"}
        connection.request("POST", f"/bot{token or api.token}/{method}", json.dumps(parameters), headers)
        answer = connection.getresponse()
        return answer.status, json.load(answer)
    finally:
        connection.close()
