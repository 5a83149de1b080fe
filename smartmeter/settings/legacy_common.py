"""What the original's two formats share: how numbers are written, the serial line, and what is passed over."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field

from smartmeter.modbus.line import Parity, SerialFormat
from smartmeter.models import Model
from smartmeter.settings import defaults
from smartmeter.settings.defaults import default_keep_s
from smartmeter.settings.demand import demand_period_min
from smartmeter.settings.durations import MAX_DURATION_US, SECOND_US, UNITS_US
from smartmeter.settings.file import MAX_BAUDRATE, SHORTEST_INTERVAL_US, TOKEN_TEXT, is_token
from smartmeter.settings.mistakes import Mistakes, Place, key_text
from smartmeter.settings.model import BusSettings, JournalSettings, MeterSettings, TelegramSettings
from smartmeter.settings.names import find_measurand_id
from smartmeter.settings.places import default_journal
from smartmeter.settings.shape import Shape, Text, optional, required, unknown_keys

# The original looked every half second for what was due.
PASS_US = SECOND_US // 2
SECONDS_TEXT = "a number of seconds such as 10"


class LegacyShape(Shape):
    """A table of the original, which passed over keys that it did not know."""

    model_config = ConfigDict(extra="ignore")


def _whole(value: object) -> object:
    """Whole numbers may also stand in quotation marks."""
    if isinstance(value, str):
        return int(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _seconds(value: object) -> int:
    """The microseconds in a number of seconds; what is longer than a hundred years means "never again" and is cut."""
    seconds = float(value) if isinstance(value, str) else value
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds >= 0:
        raise ValueError
    return MAX_DURATION_US if seconds > MAX_DURATION_US / SECOND_US else round(seconds * SECOND_US)


def _interval(value: object) -> int:
    """Shorter than our shortest interval meant at every pass."""
    interval_us = _seconds(value)
    return interval_us if interval_us >= SHORTEST_INTERVAL_US else PASS_US


def _text(value: object) -> object:
    """A password of digits may stand without quotation marks; an empty one is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value or None


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


Whole = Annotated[int, BeforeValidator(_whole)]
LegacyTcpPort = Annotated[Whole, Field(ge=1, le=65535)]
LegacySeconds = Annotated[int, BeforeValidator(_seconds)]
LegacyInterval = Annotated[int, BeforeValidator(_interval)]
LegacyMinutes = Annotated[Whole, Field(ge=0, le=60)]
LegacySecret = Annotated[str | None, BeforeValidator(_text)]


class ModbusTable(LegacyShape):
    """`[modbus]`; only the later format knows `timeout`."""

    serial_if: Text = required('the name of a serial port such as "/dev/ttyUSB0"', "")
    serial_if_baud: Annotated[Whole, Field(ge=300, le=MAX_BAUDRATE)] | None = optional(
        "bits per second, a number such as 9600"
    )
    serial_if_byte: Annotated[Whole, Field(ge=8, le=8)] | None = optional("8: Modbus RTU sends whole bytes")
    serial_if_par: Annotated[Parity | None, BeforeValidator(_upper)] = optional('"N" (none), "E" (even) or "O" (odd)')
    serial_if_stop: Annotated[Whole, Field(ge=1, le=2)] | None = optional("1 or 2")
    slave_addr: Annotated[Whole, Field(ge=1, le=247)] = required(
        "the meter's Modbus address, a number from 1 to 247", 0
    )
    timeout: Annotated[LegacySeconds, Field(ge=1_000, le=60 * SECOND_US)] = optional(
        "a number of seconds from 0.001 to 60 such as 0.5", defaults.TIMEOUT_US
    )


class DemandTable(LegacyShape):
    """`[demand]`, what SIGUSR1 writes to the meter; the original had the signal in mind and never wrote."""

    period: LegacyMinutes | None = optional("a number of minutes such as 15")


def legacy_bus(
    table: ModbusTable,
    meter_name: str,
    model: Model,
    intervals_us: Mapping[str, int],
    period_min: int | None,
) -> BusSettings:
    """The one bus of the original with its one meter; what is not said of the line is as the model's factory has it."""
    default = model.serial
    serial = SerialFormat(
        baudrate=table.serial_if_baud or default.baudrate,
        bytesize=table.serial_if_byte or default.bytesize,
        parity=table.serial_if_par or default.parity,
        stopbits=table.serial_if_stop or default.stopbits,
    )
    meter = MeterSettings(meter_name, model, table.slave_addr, intervals_us, demand_period_min=period_min)
    return BusSettings("bus1", table.serial_if, serial, table.timeout / SECOND_US, (meter,))


def legacy_demand_period_min(table: DemandTable, model: Model | None, mistakes: Mistakes) -> int | None:
    """What SIGUSR1 writes to the meter, in minutes; None if nothing, or if a mistake was noted."""
    period_us = None if table.period is None else table.period * UNITS_US["m"]
    return demand_period_min(period_us, model, mistakes, ("demand", "period"))


def legacy_journal(source: Path, *, has_sink: bool) -> JournalSettings:
    """The journal, which the original did not have: as in a file of ours that says nothing about it."""
    commit_interval_s = defaults.COMMIT_INTERVAL_US / SECOND_US
    return JournalSettings(default_journal(source), commit_interval_s, default_keep_s(has_sink=has_sink))


def first_table(document: Mapping[str, Any], key: str) -> tuple[dict[str, Any], list[str]]:
    """The document with `[[key]]`, a list of one table, as that table; notices about further tables of the list."""
    tables = document.get(key)
    if not isinstance(tables, list) or not tables:
        return dict(document), []
    notices = [f"{key}: only the first [[{key}]] counts, as in the original"] if len(tables) > 1 else []
    return {**document, key: tables[0]}, notices


def by_measurand(
    names: Mapping[str, int | None], model: Model, mistakes: Mistakes, table: str
) -> dict[str, int | None]:
    """What stands at each name of a table, by measurand id."""
    found: dict[str, int | None] = {}
    places: dict[str, Place] = {}
    for name, value in names.items():
        place = (table, name)
        id_ = find_measurand_id(name, model, mistakes, place)
        if id_ in places:
            mistakes.add(place, f"is the same measurand as {key_text(places[id_])}; give only one of them")
        elif id_ is not None:
            found[id_], places[id_] = value, place
    return found


def unknown_key_notices(table: Shape, document: Mapping[str, Any], at: Place = ()) -> Iterator[str]:
    """A line for every key that does nothing."""
    for place, meant in unknown_keys(table, document, at):
        yield f"{key_text(place)} does nothing; {meant}"


def legacy_telegram(telegram_bot: object) -> TelegramSettings | None:
    """The bot, if there is one with a token that can be one."""
    token = _token(telegram_bot)
    return TelegramSettings(token, defaults.TELEGRAM_API_URL) if is_token(token) else None


def telegram_notices(telegram_bot: object) -> Iterator[str]:
    """Why there is no bot although there is a token."""
    token = _token(telegram_bot)
    if token and not is_token(token):
        yield f"telegram_bot: there is no Telegram bot, as the token is none; it must be {TOKEN_TEXT}"


def _token(telegram_bot: object) -> str:
    token = telegram_bot.get("token") if isinstance(telegram_bot, Mapping) else None
    return str(token) if token else ""
