"""Loads the meter models that lie beside this file as TOML."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

from smartmeter.errors import SmartmeterError
from smartmeter.measurands import Language, measurands
from smartmeter.modbus.line import SerialFormat

FLOAT32_REGISTERS = 2


@dataclass(frozen=True, slots=True)
class Register:
    """Where a model keeps a measurand: an IEEE 754 float32 in `count` registers of 16 bits, high word first.

    `function` is the Modbus function code that reads it (3 holding, 4 input registers), `address` the one on the wire
    (0 to 65535), `source` the keys of the model's sources that vouch for it.
    """

    measurand: str
    function: Literal[3, 4]
    address: int
    source: str
    count: int = FLOAT32_REGISTERS


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A type of meter. Each is loaded once, so that a model equals itself only.

    `serial` are its factory settings and `baudrates` what it can be set to; `registers_per_request` is what its paper
    allows in one request, `undefined_readable` whether a request may cross registers that are not defined,
    `turnaround_s` the time from the end of a request to the first character of the answer that plans assume,
    `max_current_a` the largest current per phase that it can measure. `tested` says whether someone has read a real one
    with these registers.
    """

    name: str
    brand: str
    description_en: str
    description_de: str
    phases: int
    tested: bool
    notes: tuple[str, ...]
    serial: SerialFormat
    baudrates: tuple[int, ...]
    registers_per_request: int
    undefined_readable: bool
    turnaround_s: float
    max_current_a: float
    sources: Mapping[str, str]
    registers: Mapping[str, Register]

    def __reduce__(self) -> tuple[Callable[[str], "Model"], tuple[str]]:
        """Between processes a model travels by its name."""
        return load_model, (self.name,)

    def description(self, language: Language) -> str:
        """What it is, in one line."""
        return self.description_en if language == "en" else self.description_de


class UnknownModelError(SmartmeterError):
    """No model of the catalogue has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"unknown meter model {name!r}; known are {', '.join(model_names())}")


@cache
def model_names() -> tuple[str, ...]:
    """The names of all models in the catalogue, sorted."""
    files = resources.files("smartmeter.models").iterdir()
    return tuple(sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml")))


def load_model(name: str) -> Model:
    """The model with this name, in any case.

    Raises UnknownModelError if the catalogue has none.
    """
    known = {model_name.lower(): model_name for model_name in model_names()}
    if name.lower() not in known:
        raise UnknownModelError(name)
    return _load_file(known[name.lower()])


@cache
def _load_file(name: str) -> Model:
    file = resources.files("smartmeter.models").joinpath(f"{name}.toml")
    data = tomllib.loads(file.read_text("utf-8"))
    if (data["type"], data["word_order"]) != ("float32", "big"):
        raise SmartmeterError(f"{file.name}: only type float32 with word_order big can be read")
    registers = {
        entry["measurand"]: Register(
            measurand=entry["measurand"],
            function=data["function"],
            address=entry["address"],
            source=entry["source"],
        )
        for entry in data["map"]["registers"]
    }
    unknown = registers.keys() - measurands().keys()
    if unknown:
        raise SmartmeterError(f"{file.name}: unknown measurands {', '.join(sorted(unknown))}")
    serial, limits = data["serial"], data["limits"]
    return Model(
        name=data["name"],
        brand=data["brand"],
        description_en=data["description"]["en"],
        description_de=data["description"]["de"],
        phases=data["phases"],
        tested=data["tested"],
        notes=tuple(data["notes"]),
        serial=SerialFormat(serial["baudrate"], serial["bytesize"], serial["parity"], serial["stopbits"]),
        baudrates=tuple(serial["baudrates"]),
        registers_per_request=limits["registers_per_request"],
        undefined_readable=limits["undefined_readable"],
        turnaround_s=limits["turnaround_ms"] / 1000,
        max_current_a=limits["max_current_a"],
        sources=data["sources"],
        registers=registers,
    )
