"""What the bot sends back."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from smartmeter.errors import SmartmeterError

# What a button may hold, by https://core.telegram.org/bots/api#inlinekeyboardbutton.
CALLBACK_BYTES: Final = 64
WARNING: Final = "\N{WARNING SIGN}\N{VARIATION SELECTOR-16}"


@dataclass(frozen=True, slots=True)
class Button:
    """A button below an answer: pressing it is writing the command, which has at most CALLBACK_BYTES bytes."""

    text: str
    command: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A text in Telegram's HTML, with rows of buttons below; with a picture, the text is its caption."""

    text: str
    buttons: tuple[tuple[Button, ...], ...] = ()
    picture: bytes | None = None


class NotUnderstoodError(SmartmeterError):
    """What was written means nothing; the text says so in the language of the site.

    `meant` is what may have been meant instead, as it would stand behind the command.
    """

    def __init__(self, text: str, meant: str | None = None) -> None:
        super().__init__(text)
        self.meant = meant


def escaped(text: str) -> str:
    """The text as it is, for HTML."""
    return html.escape(text, quote=False)


def short(text: str, most: int = 60) -> str:
    """The text, cut off if it has more than `most` characters."""
    return text if len(text) <= most else f"{text[: most - 1]}\N{HORIZONTAL ELLIPSIS}"


def bold(text: str) -> str:
    """The text in bold letters."""
    return f"<b>{escaped(text)}</b>"


def rows_of(buttons: Sequence[Button], per_row: int) -> tuple[tuple[Button, ...], ...]:
    """The buttons in rows."""
    return tuple(tuple(buttons[place : place + per_row]) for place in range(0, len(buttons), per_row))
