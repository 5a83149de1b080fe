"""Reads what the file of a model says, and finds every mistake in it.

docs/adding_a_meter.md describes every key.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from smartmeter.modbus.line import Parity, SerialFormat
from smartmeter.models.identification import UNIDENTIFIED, read_identification
from smartmeter.models.keys import (
    Fits,
    Flaw,
    Keys,
    Place,
    is_bool,
    is_list_of,
    is_number,
    is_one_of,
    is_table,
    is_text,
    is_texts,
)
from smartmeter.models.map_definition import HOW_KEYS, read_map
from smartmeter.models.model import Model
from smartmeter.models.parameter import NO_SETUP
from smartmeter.models.setup_definition import SETUP_KEYS, read_setup

FindModel = Callable[[str], Model | None]

# What an answer can carry: MODBUS application protocol V1.1b3, section 6.4.
MOST_REGISTERS = 125
MOST_BAUDRATE = 4_000_000
LONGEST_TURNAROUND_MS = 10_000
TURNAROUND_MS = 20
# What the largest meters measure that are connected without current transformers.
MAX_CURRENT_A = 100
MOST_CURRENT_A = 100_000

KEYS = (
    *("brand", "name", "description", "phases", "tested", "notes", "like", "without"),
    *HOW_KEYS,
    *("serial", "limits", "identification", *SETUP_KEYS, "sources", "map"),
)
SERIAL_KEYS = ("baudrate", "bytesize", "parity", "stopbits", "baudrates")
LIMIT_KEYS = ("registers_per_request", "undefined_readable", "whole_values", "turnaround_ms", "max_current_a")


def read_definition(
    document: Mapping[str, Any], name: str, find_model: FindModel, file: Path | None = None
) -> tuple[Model | None, tuple[Flaw, ...]]:
    """The model that the document of a file called `name` describes, or None and every mistake in it.

    `find_model` knows the models that it may build on with `like`; `file` is where a user's own one lies.
    """
    return _Definition(document, name, find_model, file).read()


class _Definition:
    """One document while it is read."""

    def __init__(self, document: Mapping[str, Any], name: str, find_model: FindModel, file: Path | None) -> None:
        self._document = document
        self._name = name
        self._find_model = find_model
        self._file = file
        self._keys = Keys()

    def read(self) -> tuple[Model | None, tuple[Flaw, ...]]:
        document = self._document
        self._keys.known(document, (), KEYS)
        base = self._base()
        name = self._keys.get(document, (), "name", is_text, f'the name of the file, "{self._name}"', self._name)
        if name != self._name:
            self._keys.flaw(("name",), f'must be as the file is called, "{self._name}", not "{name}"')
        phases = self._keys.get(document, (), "phases", is_number(1, 3), "1, 2 or 3", base and base.phases)
        serial, baudrates = self._serial(base)
        limits = self._table("limits")
        self._keys.known(limits, ("limits",), LIMIT_KEYS)
        most = self._limit(
            limits,
            "registers_per_request",
            is_number(1, MOST_REGISTERS),
            "a number from 1 to 125",
            base,
            MOST_REGISTERS,
        )
        sources = {**(base.sources if base else {}), **self._sources()}
        description = self._description(base)
        registers = read_map(self._keys, document, base, phases, most, sources)
        identification = read_identification(
            self._keys, document, base.identification if base else UNIDENTIFIED, sources
        )
        model = Model(
            name=self._name,
            brand=self._keys.get(document, (), "brand", is_text, "the maker's name", base and base.brand),
            description_en=description["en"],
            description_de=description["de"],
            phases=phases,
            tested=self._keys.get(document, (), "tested", is_bool, "true or false", default=False),
            notes=tuple(self._keys.get(document, (), "notes", is_texts, "a list of texts", base.notes if base else ())),
            serial=serial,
            baudrates=baudrates,
            registers_per_request=most,
            undefined_readable=self._limit(limits, "undefined_readable", is_bool, "true or false", base, default=False),
            whole_values=self._limit(limits, "whole_values", is_bool, "true or false", base, default=True),
            turnaround_s=self._turnaround_s(limits, base),
            max_current_a=float(
                self._limit(
                    limits, "max_current_a", is_number(1, MOST_CURRENT_A), "amperes such as 100", base, MAX_CURRENT_A
                )
            ),
            sources=sources,
            registers=registers,
            file=self._file,
            identification=identification,
            setup=read_setup(
                self._keys, document, base.setup if base else NO_SETUP, registers, identification, sources
            ),
        )
        return (None if self._keys.flaws else model), tuple(self._keys.flaws)

    def _limit(  # noqa: PLR0913, PLR0917 - likewise
        self,
        limits: Mapping[str, Any],
        key: str,
        fits: Fits,
        text: str,
        base: Model | None,
        default: float,
    ) -> Any:  # noqa: ANN401 - whatever the key holds
        return self._keys.get(limits, ("limits",), key, fits, text, getattr(base, key) if base else default)

    def _turnaround_s(self, limits: Mapping[str, Any], base: Model | None) -> float:
        default = TURNAROUND_MS if base is None else 1000 * base.turnaround_s
        fits = is_number(0, LONGEST_TURNAROUND_MS)
        milliseconds = self._keys.get(limits, ("limits",), "turnaround_ms", fits, "milliseconds such as 20", default)
        return float(milliseconds) / 1000

    def _table(self, key: str) -> Mapping[str, Any]:
        table: Mapping[str, Any] = self._keys.get(self._document, (), key, is_table, f"a table [{key}]", {})
        return table

    def _base(self) -> Model | None:
        like = self._keys.get(self._document, (), "like", is_text, "the name of a model", "")
        if not like:
            return None
        base = self._find_model(like)
        if base is None:
            # What that model would say is unknown.
            self._keys.may_lack = ((), ("serial",))
            self._keys.flaw(("like",), f'there is no model "{like}" in the catalogue; `smartmeter models` lists them')
        elif base.sunspec:
            self._keys.flaw(("like",), f"{base.name} describes itself; name it in the settings, without a file")
        return base

    def _description(self, base: Model | None) -> Mapping[str, str]:
        default = {"en": base.description_en, "de": base.description_de} if base else None
        place: Place = ("description",)
        table = self._keys.get(self._document, (), "description", is_table, "a table with en and de", default) or {}
        self._keys.known(table, place, ("en", "de"))
        return {
            language: self._keys.get(table, place, language, is_text, "what the meter is, in one line") if table else ""
            for language in ("en", "de")
        }

    def _serial(self, base: Model | None) -> tuple[SerialFormat, tuple[int, ...]]:
        table, place = self._table("serial"), ("serial",)
        self._keys.known(table, place, SERIAL_KEYS)
        was = base.serial if base else None
        is_rate = is_number(300, MOST_BAUDRATE)
        if not table and was is None:
            if not self._keys.may_lack:
                self._keys.flaw(place, "is missing; it must be a table [serial] with baudrate and parity")
            return SerialFormat(9600), ()
        rate_text = "bits per second, a number such as 9600"
        serial = SerialFormat(
            baudrate=self._keys.get(table, place, "baudrate", is_rate, rate_text, was and was.baudrate) or 9600,
            bytesize=self._keys.get(table, place, "bytesize", is_number(8, 8), "8: Modbus RTU sends whole bytes", 8),
            parity=cast(
                "Parity",
                self._keys.get(
                    table, place, "parity", is_one_of("N", "E", "O"), '"N", "E" or "O"', was.parity if was else None
                ),
            ),
            stopbits=self._keys.get(table, place, "stopbits", is_number(1, 2), "1 or 2", was.stopbits if was else 1),
        )
        default = base.baudrates if base and "baudrate" not in table else (serial.baudrate,)
        rates = self._keys.get(
            table, place, "baudrates", is_list_of(is_rate), "a list of numbers such as [9600, 19200]", default
        )
        if serial.baudrate not in rates:
            self._keys.flaw((*place, "baudrates"), f"must have the factory's {serial.baudrate} among them")
        return serial, tuple(rates)

    def _sources(self) -> Mapping[str, str]:
        table = self._table("sources")
        return {
            key: text
            for key, text in table.items()
            if self._keys.get(table, ("sources",), key, is_text, "what the source is, in words", "")
        }
