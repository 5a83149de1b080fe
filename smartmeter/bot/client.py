"""The connection to Telegram's Bot API, and how answers go out over it."""

import asyncio
import logging
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

# Otherwise it warns of how it will give durations in its next version.
os.environ.setdefault("PTB_TIMEDELTA", "true")

from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, LinkPreviewOptions
from telegram.constants import ParseMode
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, RetryAfter, TelegramError
from telegram.request import HTTPXRequest

from smartmeter.bot.answer import Answer, Button
from smartmeter.bot.split import CAPTION_UNITS, TEXT_UNITS, split
from smartmeter.settings.model import TelegramSettings
from smartmeter.sinks.backoff import backoff_s

# A picture over a slow line takes its time.
UPLOAD_S: Final = 60.0
CONNECT_S: Final = 15.0
ANSWER_S: Final = 30.0
# An answer that cannot be sent is given up after so many tries: who asked has asked again by then.
SEND_TRIES: Final = 3

# They log the address of every request, and the token is part of it.
for _talkative in ("httpx", "httpcore", "telegram"):
    logging.getLogger(_talkative).setLevel(logging.WARNING)


@asynccontextmanager
async def connected(settings: TelegramSettings) -> AsyncIterator[Bot]:
    """A client of the bot, which connects when it is used."""
    request, polling = (
        HTTPXRequest(size, pool_timeout=UPLOAD_S, connect_timeout=CONNECT_S, read_timeout=ANSWER_S) for size in (8, 1)
    )
    bot = Bot(settings.token, base_url=f"{settings.api_url}/bot", request=request, get_updates_request=polling)
    try:
        yield bot
    finally:
        await request.shutdown()
        await polling.shutdown()


async def send_answer(bot: Bot, chat_id: int, answer: Answer) -> None:
    """Send it, in several messages if it is long; a picture comes first.

    Raises TelegramError if it does not get through.
    """
    pieces = split(answer.text, TEXT_UNITS if answer.picture is None else CAPTION_UNITS)
    for place, piece in enumerate(pieces):
        buttons = markup(answer.buttons) if place == len(pieces) - 1 else None
        if place == 0 and answer.picture is not None:
            await _try(_send_picture, bot, chat_id, answer.picture, piece, buttons)
        else:
            await _try(_send_text, bot, chat_id, piece, buttons)


def markup(rows: Sequence[Sequence[Button]]) -> InlineKeyboardMarkup | None:
    """The rows of buttons as Telegram wants them."""
    if not rows:
        return None
    return InlineKeyboardMarkup(
        [[InlineKeyboardButton(button.text, callback_data=button.command) for button in row] for row in rows]
    )


def retry_after_s(error: RetryAfter) -> float:
    """How long Telegram asks for a pause, in seconds."""
    pause = error.retry_after
    return pause.total_seconds() if isinstance(pause, timedelta) else float(pause)


async def _send_text(bot: Bot, chat_id: int, text: str, buttons: InlineKeyboardMarkup | None) -> None:
    await bot.send_message(
        chat_id,
        text,
        parse_mode=ParseMode.HTML,
        reply_markup=buttons,
        link_preview_options=LinkPreviewOptions(is_disabled=True),
    )


async def _send_picture(
    bot: Bot, chat_id: int, picture: bytes, caption: str, buttons: InlineKeyboardMarkup | None
) -> None:
    await bot.send_photo(
        chat_id,
        picture,
        caption=caption,
        parse_mode=ParseMode.HTML,
        reply_markup=buttons,
        read_timeout=UPLOAD_S,
        write_timeout=UPLOAD_S,
    )


async def _try(send: Callable[..., Awaitable[None]], *args: object) -> None:
    """Send, waiting as Telegram asks for it. Raises TelegramError after some tries."""
    tries = 0
    while True:
        tries += 1
        try:
            return await send(*args)
        except TelegramError as error:
            if tries == SEND_TRIES or isinstance(error, BadRequest | Forbidden | InvalidToken | ChatMigrated):
                raise
            chance = random.random()  # noqa: S311 - no secret hangs on it
            await asyncio.sleep(retry_after_s(error) if isinstance(error, RetryAfter) else backoff_s(tries, chance))
