"""What is to be told, and how far each recipient was told: in the state file, so that it survives whatever comes.

All functions want a connection within `smartmeter.state.with_state`. A recipient has a name; it is told of what came
after it was enrolled.
"""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass

from smartmeter.alarms.judge import AlarmState, Event
from smartmeter.alarms.rules import Rule
from smartmeter.alarms.state_json import state_from_json, state_to_json
from smartmeter.clock import Moment, elapsed_us

# More than anyone reads. What is older goes, told or not: a recipient may be away for good.
KEPT_EVENTS = 10_000
# Of what everyone was told, so many stay to be looked at.
KEPT_TOLD = 100
# The name that mutes all alarms.
ALL_ALARMS = ""


@dataclass(frozen=True, slots=True)
class KnownAlarm:
    """An alarm's state, and whether its begin was told (posted) or muted."""

    state: AlarmState
    told: bool


@dataclass(frozen=True, slots=True)
class Mute:
    """Quiet from `begun` on for `duration_us` microseconds."""

    begun: Moment
    duration_us: int

    def left_us(self, now: Moment) -> int:
        """How much of it is left, in microseconds; 0 when it is over.

        If it seems to begin only later, a clock was wrong: rather a message too many than quiet for years.
        """
        if self.begun.boot != now.boot and self.begun.time_us > now.time_us:
            return 0
        return max(0, self.duration_us - elapsed_us(self.begun, now))


@dataclass(frozen=True, slots=True)
class Posted:
    """An event with its number."""

    sequence: int
    event: Event


def known_alarms(connection: sqlite3.Connection) -> Mapping[str, KnownAlarm]:
    """The alarms that are not quiet, by the key of their rule; what cannot be read any more is left out."""
    found = {}
    for key, text, told in connection.execute("SELECT rule, state, told FROM alarm"):
        try:
            found[key] = KnownAlarm(state_from_json(text), bool(told))
        except ValueError:
            continue
    return found


def keep_alarm(connection: sqlite3.Connection, key: str, alarm: KnownAlarm) -> None:
    """Remember how an alarm is; one that is quiet needs no memory."""
    if alarm.state.phase == "quiet":
        connection.execute("DELETE FROM alarm WHERE rule = ?", (key,))
    else:
        row = (key, state_to_json(alarm.state), alarm.told)
        connection.execute("INSERT OR REPLACE INTO alarm (rule, state, told) VALUES (?, ?, ?)", row)


def post(connection: sqlite3.Connection, event: Event) -> None:
    """Have all recipients told; what nobody waits for any more goes."""
    connection.execute("INSERT INTO event (event) VALUES (?)", (json.dumps(asdict(event), ensure_ascii=False),))
    forget_old(connection)


def enroll(connection: sqlite3.Connection, recipient: str) -> None:
    """Have a recipient told of what comes from now on; one that is enrolled already goes on where it was."""
    connection.execute(
        "INSERT OR IGNORE INTO recipient (name, sequence) SELECT ?, coalesce(max(seq), 0) FROM sqlite_sequence "
        "WHERE name = 'event'",
        (recipient,),
    )


def dismiss(connection: sqlite3.Connection, recipient: str) -> None:
    """Forget a recipient."""
    connection.execute("DELETE FROM recipient WHERE name = ?", (recipient,))


def recipients(connection: sqlite3.Connection) -> list[str]:
    """The names of all."""
    return [name for (name,) in connection.execute("SELECT name FROM recipient ORDER BY name")]


def untold(connection: sqlite3.Connection, recipient: str) -> list[Posted]:
    """What the recipient is to be told, in order; nothing if it is not enrolled. What cannot be read is left out."""
    rows = connection.execute(
        "SELECT event.sequence, event FROM event JOIN recipient ON event.sequence > recipient.sequence "
        "WHERE recipient.name = ? ORDER BY event.sequence",
        (recipient,),
    )
    return [Posted(sequence, event) for sequence, text in rows if (event := _event(text)) is not None]


def latest(connection: sqlite3.Connection, limit: int) -> list[Event]:
    """The last events, the newest first."""
    rows = connection.execute("SELECT event FROM event ORDER BY sequence DESC LIMIT ?", (limit,))
    return [event for (text,) in rows if (event := _event(text)) is not None]


def note_told(connection: sqlite3.Connection, recipient: str, sequence: int) -> None:
    """Note that the recipient was told everything up to this number; what nobody waits for any more goes."""
    connection.execute("UPDATE recipient SET sequence = max(sequence, ?) WHERE name = ?", (sequence, recipient))
    forget_old(connection)


def forget_old(connection: sqlite3.Connection) -> None:
    """Let what is not needed go, so that the file stays small."""
    connection.execute(
        "DELETE FROM event WHERE sequence <= (SELECT max(sequence) FROM event) - ? OR sequence <= min("
        "(SELECT max(sequence) FROM event) - ?, (SELECT coalesce(min(sequence), 0x7fffffff) FROM recipient))",
        (KEPT_EVENTS, KEPT_TOLD),
    )


def mute(connection: sqlite3.Connection, alarm: str, mute: Mute) -> None:
    """Have alarms of this name (ALL_ALARMS: all) not told for a while."""
    row = (alarm, json.dumps(asdict(mute.begun)), mute.duration_us)
    connection.execute("INSERT OR REPLACE INTO mute (alarm, begun, duration_us) VALUES (?, ?, ?)", row)


def unmute(connection: sqlite3.Connection) -> None:
    """Have all alarms told again."""
    connection.execute("DELETE FROM mute")


def mutes(connection: sqlite3.Connection) -> Mapping[str, Mute]:
    """What was muted last, by name; also what is over, as the clock that says so may be wrong yet."""
    found = {}
    for alarm, begun, duration_us in connection.execute("SELECT alarm, begun, duration_us FROM mute"):
        with suppress(ValueError, TypeError):
            found[alarm] = Mute(Moment(**json.loads(begun)), duration_us)
    return found


def _event(text: str) -> Event | None:
    try:
        fields = json.loads(text)
        return Event(**(fields | {"rule": Rule(**fields["rule"])}))
    except (ValueError, TypeError, KeyError):
        return None
