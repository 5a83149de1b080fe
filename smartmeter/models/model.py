"""A type of meter, as its file tells it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from smartmeter.measurands import Language
from smartmeter.modbus.line import SerialFormat
from smartmeter.models.identification import UNIDENTIFIED, Identification
from smartmeter.models.parameter import NO_SETUP, Setup
from smartmeter.models.register import Register


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A type of meter. Each is loaded once, so that a model equals itself only.

    `serial` are its factory settings and `baudrates` what it can be set to; `registers_per_request` is what its paper
    allows in one request, `undefined_readable` whether a request may cross registers that are not defined, and
    `whole_values` whether it refuses requests that begin or end within a value, `turnaround_s` the time from the end of
    a request to the first character of the answer that plans assume, `max_current_a` the largest current per phase that
    it can measure. `identification` is where it says which one it is, `setup` what can be set at it. `tested` says
    whether someone has read a real one with these registers. `file` is the user's own file that it comes from; None for
    those of the program. `sunspec` are the SunSpec information models of which the device has one and tells itself
    where; `registers` are then those of a usual device. Empty for all others.
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
    whole_values: bool
    turnaround_s: float
    max_current_a: float
    sources: Mapping[str, str]
    registers: Mapping[str, Register]
    file: Path | None = None
    identification: Identification = UNIDENTIFIED
    setup: Setup = NO_SETUP
    sunspec: tuple[int, ...] = ()

    def __reduce__(self) -> tuple[Callable[..., "Model"], tuple[Any, ...]]:
        """Between processes a model of the program travels by its name, a user's own one whole."""
        if self.file is None:
            from smartmeter.models import load_model  # noqa: PLC0415 - which imports this module

            return load_model, (self.name,)
        return Model, tuple(getattr(self, field.name) for field in fields(self))

    def description(self, language: Language) -> str:
        """What it is, in one line."""
        return self.description_en if language == "en" else self.description_de
