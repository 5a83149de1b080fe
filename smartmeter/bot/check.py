"""What the bot would meet at Telegram, found out without changing anything."""

from telegram.error import InvalidToken, TelegramError

from smartmeter.bot.client import connected
from smartmeter.bot.pairing import chats
from smartmeter.errors import SmartmeterError
from smartmeter.settings.model import Settings, TelegramSettings
from smartmeter.state import StateError, with_state


class BotError(SmartmeterError):
    """The bot would not work."""


class UnreachableError(SmartmeterError):
    """Telegram cannot be asked now."""


async def check_bot(settings: Settings, telegram: TelegramSettings) -> str:
    """A line that says which bot it is, and how many chats are paired.

    Raises BotError if Telegram does not know the token, UnreachableError if it cannot be asked.
    """
    async with connected(telegram) as bot:
        try:
            user = await bot.get_me()
        except InvalidToken:
            raise BotError("telegram: Telegram does not know the bot's token; ask @BotFather for it") from None
        except TelegramError as error:
            said = str(error).replace(telegram.token, "…")
            raise UnreachableError(f"telegram: {telegram.api_url} is out of reach: {said}") from None
    try:
        paired = len(with_state(settings.journal.state_path, chats))
    except StateError:
        paired = 0
    return f"telegram: the bot is @{user.username}; chats that are paired: {paired}"
