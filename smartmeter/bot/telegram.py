"""The bot at Telegram: asks for what was written to it by long polling, answers paired chats, and tells of alarms.

What is out of reach here costs nobody else anything: everything is tried again, less and less often.
"""

import asyncio
import logging
import random
import sqlite3
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final, Literal, NoReturn
from weakref import WeakValueDictionary

from telegram import Bot, BotCommand, Update
from telegram import Chat as TelegramChat
from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, RetryAfter, TelegramError

from smartmeter.alarms.delivery import RefusedError, UndeliveredError, keep_telling
from smartmeter.alarms.outbox import enroll
from smartmeter.bot.alarm import mute_buttons
from smartmeter.bot.answer import Answer, escaped, short
from smartmeter.bot.client import connected, markup, retry_after_s, send_answer
from smartmeter.bot.commands import COMMANDS, answer, help_text, is_known
from smartmeter.bot.pairing import Chat, Outcome, chats, issue_code, recipient_of, renumber_chat, try_code
from smartmeter.bot.words import say
from smartmeter.clock import Moment, now
from smartmeter.house import House
from smartmeter.settings.model import TelegramSettings
from smartmeter.sinks.backoff import backoff_s
from smartmeter.state import StateError, with_state

# How long a question for news may stay open at Telegram's side.
POLL_S: Final = 50
# A wrong token does not become right by itself, but the owner may have put it right at @BotFather.
WRONG_TOKEN_PAUSE_S: Final = 600.0
# Strangers who got their line are remembered, so that they get no other; not endlessly.
STRANGERS: Final = 1000
# After an error that nobody foresaw, alarms are told on after so long.
TELL_AGAIN_S: Final = 10.0
_ERROR_CHARACTERS: Final = 200
_ASKED_FOR: Final = ["message", "callback_query"]

log = logging.getLogger(__name__)


async def run_bot(house: House, settings: TelegramSettings) -> NoReturn:
    """Serve paired chats until cancelled."""
    async with connected(settings) as bot:
        await TelegramBot(bot, house).run()
    raise AssertionError("it never ends")


class TelegramBot:
    """A bot that runs. `run` is all there is to call."""

    def __init__(self, bot: Bot, house: House) -> None:
        self._bot = bot
        self._house = house
        self._language = house.wording.language
        self._offset: int | None = None
        self._is_set_up = False
        # What each stranger was told.
        self._strangers: OrderedDict[int, set[str]] = OrderedDict()
        # What a chat has written is dealt with in its order.
        self._turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._told: dict[int, asyncio.Task[NoReturn]] = {}
        self._failures = 0
        self._trouble = ""
        self._state_trouble = ""

    async def run(self) -> NoReturn:
        """Serve until cancelled."""
        paired = await self._chats()
        if not paired:
            await self._offer_pairing()
        async with asyncio.TaskGroup() as tasks:
            for chat in paired:
                self._tell(tasks, chat.id)
            while True:
                try:
                    await self._serve(tasks)
                except TelegramError as error:
                    await self._pause(error)

    async def _serve(self, tasks: asyncio.TaskGroup) -> NoReturn:
        """Answer until Telegram cannot be reached."""
        await self._bot.initialize()
        if not self._is_set_up:
            # With a webhook from an earlier life nothing can be asked for.
            await self._bot.delete_webhook()
            await self._bot.set_my_commands(
                [BotCommand(command.name(self._language), command.tells(self._language)) for command in COMMANDS]
            )
            self._is_set_up = True
        while True:
            updates = await self._bot.get_updates(
                offset=self._offset, timeout=timedelta(seconds=POLL_S), allowed_updates=_ASKED_FOR
            )
            self._reached()
            for update in _without_repeats(updates):
                tasks.create_task(self._care(tasks, update))
            if updates:
                self._offset = updates[-1].update_id + 1

    def _reached(self) -> None:
        if self._trouble:
            log.info("Telegram is in reach again.")
        self._trouble, self._failures = "", 0

    async def _pause(self, error: TelegramError) -> None:
        self._failures += 1
        if isinstance(error, RetryAfter):
            await asyncio.sleep(retry_after_s(error))
            return
        pause_s = backoff_s(self._failures, random.random())  # noqa: S311 - no secret hangs on it
        if isinstance(error, InvalidToken):
            trouble = "Telegram does not know the bot's token; ask @BotFather for it, and put it into the settings"
            pause_s = WRONG_TOKEN_PAUSE_S
        elif isinstance(error, Conflict):
            trouble = "another program asks Telegram for what is written to the same bot; end one of them"
            self._is_set_up = False
        else:
            trouble = "Telegram is out of reach"
        # How exactly it fails changes from time to time, which is no news.
        if trouble != self._trouble:
            self._trouble = trouble
            log.warning("%s (%s). It is tried again and again.", trouble, self._safe(error))
        await asyncio.sleep(pause_s)

    def _safe(self, error: Exception) -> str:
        """What the error says, without the token, and not all of a page in HTML."""
        return short(str(error).replace(self._bot.token, "\N{HORIZONTAL ELLIPSIS}"), _ERROR_CHARACTERS)

    async def _offer_pairing(self) -> None:
        """At the first start nobody is paired: say how that is done."""
        with suppress(StateError):
            code = await asyncio.to_thread(with_state, self._house.state, issue_code, now(self._house.clock))
            if code is not None:
                log.warning(
                    "No chat is paired with the Telegram bot yet. Within 10 minutes write to it: /start %s "
                    "(later, `smartmeter telegram pair` shows a new code)",
                    code,
                )

    async def _chats(self) -> Sequence[Chat]:
        """Those that are paired, as soon as that can be read: before, nobody can be served."""
        failures = 0
        while True:
            try:
                return await asyncio.to_thread(with_state, self._house.state, chats)
            except StateError as error:
                failures += 1
                self._state_failed(error)
                await asyncio.sleep(backoff_s(failures, random.random()))  # noqa: S311 - likewise

    def _state_failed(self, error: StateError) -> None:
        """Say so once: else whoever writes to the bot could fill the log."""
        if str(error) != self._state_trouble:
            self._state_trouble = str(error)
            log.error("The bot cannot tell who is paired, and answers nobody: %s.", error)

    async def _care(self, tasks: asyncio.TaskGroup, update: Update) -> None:
        """Deal with one thing that was written; an error in it is an error of this program and stops nothing."""
        chat = update.effective_chat
        if chat is None:
            return
        turn = self._turns.setdefault(chat.id, asyncio.Lock())
        async with turn:
            try:
                await self._handle(tasks, update, chat)
            except TelegramError as error:
                log.warning("An answer did not get through to Telegram: %s.", self._safe(error))
            except StateError as error:
                self._state_failed(error)
            except Exception:
                log.exception("Unexpected error in the bot; please report it.")

    async def _handle(self, tasks: asyncio.TaskGroup, update: Update, chat: TelegramChat) -> None:
        message, query = update.message, update.callback_query
        text = (message.text if message is not None else None) or ""
        came_from = message.migrate_from_chat_id if message is not None else None
        if chat.id in self._strangers and came_from is None and not self._code_in(text):
            # It got its line already.
            return
        paired = {one.id for one in await asyncio.to_thread(with_state, self._house.state, chats)}
        self._state_trouble = ""
        if came_from in paired:
            await self._renumber(tasks, came_from, chat.id)
        elif chat.id not in paired:
            if message is not None and message.migrate_to_chat_id is None:
                await self._handle_stranger(tasks, Chat(chat.id, _title(chat), self._house.clock.wall_us()), text)
        elif query is not None:
            # This only ends the button's waiting, and is refused when the button was pressed long ago.
            with suppress(TelegramError):
                await query.answer()
            await self._answer(tasks, chat, query.data or "")
        elif message is not None and message.migrate_to_chat_id is not None:
            await self._renumber(tasks, chat.id, message.migrate_to_chat_id)
        elif text.startswith("/"):
            await self._answer(tasks, chat, text)
        elif text and chat.type == chat.PRIVATE:
            # In a group people talk to each other.
            await self._send(tasks, chat.id, Answer(help_text(self._language)))

    def _code_in(self, text: str) -> str:
        """The code in "/start CODE"; "" if there is none."""
        name, *rest = text.split(maxsplit=1) or [""]
        return rest[0] if rest and self._command(name) == "start" else ""

    async def _handle_stranger(self, tasks: asyncio.TaskGroup, chat: Chat, text: str) -> None:
        """Pair the chat if it has the code; else it gets one polite line, and then nothing any more."""
        code = self._code_in(text)
        if not code:
            await self._turn_away(tasks, chat, "stranger")
            return
        moment = now(self._house.clock)
        outcome = await asyncio.to_thread(with_state, self._house.state, _pair, code, chat, moment)
        if outcome == "paired":
            log.info("The chat %s (%d) is paired with the Telegram bot.", chat.title, chat.id)
            self._strangers.pop(chat.id, None)
            self._tell(tasks, chat.id)
            hello = escaped(say("hello", self._language))
            await self._send(tasks, chat.id, Answer(f"{hello}\n\n{help_text(self._language)}"))
            return
        # What comes while pairing is closed is not worth a line: there may be no end of it.
        if outcome != "closed":
            log.warning("A wrong code to pair with came from the chat %s (%d).", chat.title, chat.id)
        if outcome == "closing":
            log.warning("Pairing is closed for an hour after five wrong codes.")
        await self._turn_away(tasks, chat, outcome)

    async def _turn_away(self, tasks: asyncio.TaskGroup, chat: Chat, why: Outcome | Literal["stranger"]) -> None:
        """Say why, each thing once; of wrong codes always, as there are but five of them."""
        told = self._strangers.setdefault(chat.id, set())
        while len(self._strangers) > STRANGERS:
            self._strangers.popitem(last=False)
        key = "closed" if why == "closing" else why
        if key not in told or why in ("wrong", "closing"):
            told.add(key)
            await self._send(tasks, chat.id, Answer(escaped(say(key, self._language))))

    async def _answer(self, tasks: asyncio.TaskGroup, chat: TelegramChat, text: str) -> None:
        name, *words = text.split() or [""]
        command = self._command(name)
        # In a group there may be other bots.
        is_for_us = chat.type == chat.PRIVATE or name.partition("@")[2] != ""
        if command is None or not (is_for_us or command == "start" or is_known(command)):
            return
        if command == "start":
            said = f"{escaped(say('paired_already', self._language))}\n\n" if words else ""
            await self._send(tasks, chat.id, Answer(said + help_text(self._language)))
            return
        try:
            said_back = await answer(self._house, command, words)
        except Exception:
            log.exception("Unexpected error in the bot's answer to /%s; please report it.", command)
            said_back = Answer(escaped(say("unexpected", self._language)))
        await self._send(tasks, chat.id, said_back)

    def _command(self, word: str) -> str | None:
        """The command in "/now" or "/now@this_bot"; None if it is for another bot of a group, or none."""
        if not word.startswith("/"):
            return None
        name, _, bot = word[1:].partition("@")
        return name.lower() if not bot or bot.lower() == self._bot.username.lower() else None

    async def _send(self, tasks: asyncio.TaskGroup, chat_id: int, said: Answer) -> None:
        try:
            await send_answer(self._bot, chat_id, said)
        except ChatMigrated as error:
            await self._renumber(tasks, chat_id, error.new_chat_id)
            await send_answer(self._bot, error.new_chat_id, said)

    def _tell(self, tasks: asyncio.TaskGroup, chat_id: int) -> None:
        """Have a chat told of alarms from now on; while it is not paired, there is nothing for it."""
        if chat_id not in self._told:
            self._told[chat_id] = tasks.create_task(self._keep_telling(tasks, chat_id))

    async def _keep_telling(self, tasks: asyncio.TaskGroup, chat_id: int) -> NoReturn:
        async def send(text: str) -> None:
            await self._tell_alarm(tasks, chat_id, text)

        house = self._house
        while True:
            try:
                await keep_telling(recipient_of(chat_id), send, house.state, house.alarms.news, house.wording)
            except Exception:
                log.exception("Unexpected error while telling of alarms; please report it.")
                await asyncio.sleep(TELL_AGAIN_S)

    async def _tell_alarm(self, tasks: asyncio.TaskGroup, chat_id: int, text: str) -> None:
        """Send a message on alarms. Raises UndeliveredError, RefusedError."""
        try:
            await self._bot.send_message(chat_id, text, reply_markup=markup((mute_buttons(self._house),)))
        except RetryAfter as error:
            raise UndeliveredError("Telegram asks for a pause", retry_after_s(error)) from None
        except ChatMigrated as error:
            try:
                await self._renumber(tasks, chat_id, error.new_chat_id)
            except StateError as trouble:
                raise UndeliveredError(str(trouble)) from None
            # Everything that waits for it is told there.
            raise RefusedError(f"the group is {error.new_chat_id} now") from None
        except (Forbidden, BadRequest) as error:
            raise RefusedError(self._safe(error)) from None
        except InvalidToken:
            raise UndeliveredError("Telegram does not know the bot's token") from None
        except TelegramError as error:
            raise UndeliveredError(self._safe(error)) from None

    async def _renumber(self, tasks: asyncio.TaskGroup, old: int, new: int) -> None:
        if await asyncio.to_thread(with_state, self._house.state, renumber_chat, old, new):
            log.info("The group %d is the supergroup %d now; it stays paired.", old, new)
            self._strangers.pop(new, None)
            self._tell(tasks, new)


def _pair(connection: sqlite3.Connection, code: str, chat: Chat, moment: Moment) -> Outcome:
    outcome = try_code(connection, code, chat, moment)
    if outcome == "paired":
        enroll(connection, chat.recipient)
    return outcome


def _title(chat: TelegramChat) -> str:
    """What the chat is called, in one line: strangers choose it, and it goes into the log."""
    title = chat.title or chat.full_name or ""
    return " ".join("".join(one if one.isprintable() else " " for one in title).split()) or str(chat.id)


def _without_repeats(updates: Sequence[Update]) -> list[Update]:
    """Of what one chat wrote or pressed several times while nobody answered, only the last."""
    last: dict[object, Update] = {}
    for update in updates:
        message, query, chat = update.message, update.callback_query, update.effective_chat
        text = message.text if message is not None else query.data if query is not None else None
        # What is no command is answered by the list of those.
        said = text if text is None or text.startswith("/") else ""
        key = update.update_id if chat is None or said is None else (chat.id, said)
        last.pop(key, None)
        last[key] = update
    return list(last.values())
