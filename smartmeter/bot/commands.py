"""The bot's commands: their names in both languages, what they do, and who answers."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from smartmeter.bot.alarm import alarm
from smartmeter.bot.answer import CALLBACK_BYTES, Answer, Button, NotUnderstoodError, escaped, short
from smartmeter.bot.energy import energy
from smartmeter.bot.fast import fast
from smartmeter.bot.graph import chart
from smartmeter.bot.now import now
from smartmeter.bot.status import status
from smartmeter.bot.words import say
from smartmeter.errors import SmartmeterError
from smartmeter.house import House
from smartmeter.measurands import Language

_BUTTON_CHARACTERS: Final = 30

Handler = Callable[[House, Sequence[str]], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Command:
    """`english` and `german` are its names, both always understood; `tells_*` what the menu says of it."""

    english: str
    german: str
    tells_english: str
    tells_german: str
    handler: Handler

    def name(self, language: Language) -> str:
        return self.english if language == "en" else self.german

    def tells(self, language: Language) -> str:
        return self.tells_english if language == "en" else self.tells_german


async def _help(house: House, words: Sequence[str]) -> Answer:  # noqa: ARG001 - as every command
    return Answer(help_text(house.wording.language))


COMMANDS: Final = (
    Command("now", "werte", "the values now", "die Werte jetzt", now),
    Command(
        "energy", "verbrauch", "energy today, yesterday, this month", "Energie heute, gestern, diesen Monat", energy
    ),
    Command("chart", "grafik", "a chart: [MEASURAND] [DURATION]", "ein Diagramm: [MESSWERT] [DAUER]", chart),
    Command(
        "fast",
        "schnelles_messintervall",
        "read more often for a while: [SECONDS] [DURATION]",
        "eine Zeit lang öfter messen: [SEKUNDEN] [DAUER]",
        fast,
    ),
    Command("alarm", "alarm", "list alarms, mute them", "Alarme zeigen, stumm schalten", alarm),
    Command("status", "status", "meters, bus, disk, errors", "Zähler, Bus, Datenträger, Fehler", status),
    Command("help", "hilfe", "this list", "diese Liste", _help),
)
_BY_NAME: Final = {name: command for command in COMMANDS for name in (command.english, command.german)}


def is_known(name: str) -> bool:
    """Whether there is a command of this name."""
    return name.lower() in _BY_NAME


async def answer(house: House, name: str, words: Sequence[str]) -> Answer:
    """The answer to the command of this name (without its slash, in any case) with what was written behind it."""
    language = house.wording.language
    command = _BY_NAME.get(name.lower())
    if command is None:
        return Answer(f"{escaped(say('unknown', language))}\n\n{help_text(language)}")
    try:
        return await command.handler(house, words)
    except NotUnderstoodError as error:
        return _not_understood(command, error)
    except SmartmeterError as error:
        return Answer(escaped(say("not_now", language, why=str(error))))


def _not_understood(command: Command, error: NotUnderstoodError) -> Answer:
    if error.meant is None:
        return Answer(escaped(str(error)))
    again = f"/{command.english} {error.meant}"
    is_short = len(again.encode()) <= CALLBACK_BYTES
    return Answer(escaped(str(error)), ((Button(short(error.meant, _BUTTON_CHARACTERS), again),),) if is_short else ())


def help_text(language: Language) -> str:
    """What is understood, a line for each command."""
    lines = [f"/{command.name(language)} \N{EN DASH} {escaped(command.tells(language))}" for command in COMMANDS]
    return "\n".join([escaped(say("help", language)), *lines])
