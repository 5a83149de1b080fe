"""Who may talk to the bot: chats that were paired by a one-time code.

The state file holds it, as a command may issue a code while the daemon checks another. All functions want a connection
within `smartmeter.state.with_state`.
"""

import hmac
import json
import secrets
import sqlite3
from dataclasses import asdict, dataclass
from typing import Literal

from smartmeter.alarms.outbox import dismiss
from smartmeter.clock import Moment, elapsed_us

CODE_VALID_US = 600_000_000
WRONG_CODES = 5
CLOSED_US = 3_600_000_000
# Without letters and digits that are taken for each other; 8 of these 31 are 40 bits.
_ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
_CODE_CHARACTERS = 8

# "closing": wrong as well, and the last one before pairing is closed.
Outcome = Literal["paired", "wrong", "closing", "closed"]


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat that may talk to the bot: its number at Telegram, its title or its person's name, since when (UTC)."""

    id: int
    title: str
    paired_us: int

    @property
    def recipient(self) -> str:
        """Its name among those who are told of alarms."""
        return recipient_of(self.id)


def recipient_of(chat_id: int) -> str:
    """The name of a chat among those who are told of alarms."""
    return f"telegram:{chat_id}"


def closed_for_us(connection: sqlite3.Connection, now: Moment) -> int:
    """How long pairing stays closed because of wrong codes, in microseconds; 0 if it is open."""
    (closed,) = connection.execute("SELECT closed FROM pairing").fetchone()
    return 0 if closed is None else _left_us(closed, CLOSED_US, now)


def issue_code(connection: sqlite3.Connection, now: Moment) -> str | None:
    """A new code, valid for ten minutes, in place of the last one; None while pairing is closed."""
    if closed_for_us(connection, now):
        return None
    code = "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_CHARACTERS))
    connection.execute("UPDATE pairing SET code = ?, issued = ?, wrong = 0, closed = NULL", (code, _text(now)))
    return code


def reopen(connection: sqlite3.Connection) -> None:
    """Open pairing again before its time."""
    connection.execute("UPDATE pairing SET wrong = 0, closed = NULL")


def try_code(connection: sqlite3.Connection, code: str, chat: Chat, now: Moment) -> Outcome:
    """Pair the chat if the code is the valid one, in any case, which is then used up. The fifth wrong one closes."""
    if closed_for_us(connection, now):
        return "closed"
    valid, issued, wrong = connection.execute("SELECT code, issued, wrong FROM pairing").fetchone()
    is_valid = valid is not None and _left_us(issued, CODE_VALID_US, now) > 0
    given = "".join(code.split()).upper().encode("utf-8", "replace")
    if is_valid and hmac.compare_digest(valid.encode(), given):
        connection.execute("UPDATE pairing SET code = NULL, issued = NULL, wrong = 0, closed = NULL")
        row = (chat.id, chat.title, chat.paired_us)
        connection.execute("INSERT OR REPLACE INTO chat (id, title, paired_us) VALUES (?, ?, ?)", row)
        return "paired"
    if wrong + 1 >= WRONG_CODES:
        connection.execute("UPDATE pairing SET code = NULL, issued = NULL, wrong = 0, closed = ?", (_text(now),))
        return "closing"
    connection.execute("UPDATE pairing SET wrong = ?, closed = NULL", (wrong + 1,))
    return "wrong"


def chats(connection: sqlite3.Connection) -> list[Chat]:
    """All that are paired, in the order in which they were."""
    return [Chat(*row) for row in connection.execute("SELECT id, title, paired_us FROM chat ORDER BY paired_us, id")]


def remove_chat(connection: sqlite3.Connection, chat_id: int) -> bool:
    """Have the chat served no more; whether it was there."""
    dismiss(connection, recipient_of(chat_id))
    return connection.execute("DELETE FROM chat WHERE id = ?", (chat_id,)).rowcount > 0


def renumber_chat(connection: sqlite3.Connection, old: int, new: int) -> bool:
    """A group has become a supergroup and has another number; if it was paired it stays so, and is told what waits."""
    if not connection.execute("UPDATE OR REPLACE chat SET id = ? WHERE id = ?", (new, old)).rowcount:
        return False
    connection.execute(
        "UPDATE OR REPLACE recipient SET name = ? WHERE name = ?", (recipient_of(new), recipient_of(old))
    )
    return True


def _left_us(begun: str, lasting_us: int, now: Moment) -> int:
    """How much is left of what has begun then, in microseconds.

    Nothing if it seems to begin only later: a clock was wrong, and what waits for that moment would wait for years.
    """
    moment = Moment(**json.loads(begun))
    if moment.boot != now.boot and moment.time_us > now.time_us:
        return 0
    return max(0, lasting_us - elapsed_us(moment, now))


def _text(moment: Moment) -> str:
    return json.dumps(asdict(moment))
