"""Reads of a meter what tells its model: codes first, then the places where models have their voltages."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from smartmeter.modbus.errors import AnswerError, ExceptionAnswerError, NoAnswerError
from smartmeter.modbus.frames import ReadRequest
from smartmeter.models import Model, Register, load_model, model_names
from smartmeter.models.catalogue import SUNSPEC
from smartmeter.polling.round import ReadRegisters
from smartmeter.polling.sunspec import BASES, BEGINNING, HOLDING_REGISTERS
from smartmeter.scan.evidence import (
    FREQUENCY,
    Candidate,
    Lack,
    Place,
    Rank,
    first_of,
    is_coded,
    judge,
    most_probable,
    place_of,
    serial_number,
    voltages_of,
)

ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Identified:
    """What a meter probably is: equally probable models, or none if nothing speaks for any.

    `serial_number` if it is known where to find it; `garbled` if answers came that were not to be understood.
    """

    candidates: tuple[Candidate, ...]
    serial_number: int | None
    garbled: bool


def catalogue() -> tuple[Model, ...]:
    """All models with registers of their own: SunSpec devices tell themselves what they are."""
    return tuple(load_model(name) for name in model_names() if name != SUNSPEC)


async def identify(read: ReadRegisters, unit: int, models: Sequence[Model]) -> Identified:
    """Ask the meter at address `unit` what it is, by `read`. Raises PortError."""
    looker = _Looker(read, unit)
    await looker.look_at(code for model in models if (code := model.identification.code) is not None)
    coded = [model for model in models if is_coded(model, looker.readings)]
    likely = await _likely(looker, coded)
    # What has told its code, and shows voltages where such a model has them, need not be asked for all others'.
    is_decided = any(rank.decided for rank in _ranks(looker, likely))
    if not is_decided and (base := await looker.sunspec_base()) is not None:
        device = Candidate(
            load_model(SUNSPEC),
            Rank(coded=True, complete=True, timed=False, facts=0, numbered=False),
            (f'"SunS" at {base}',),
        )
        return Identified((device,), None, looker.garbled)
    if not is_decided:
        likely = await _likely(looker, models)
    numbers = (model.identification.serial_number for model in likely)
    await looker.look_at(number for number in numbers if number is not None)
    candidates = most_probable(likely, looker.readings)
    return Identified(candidates, serial_number(candidates, looker.readings), looker.garbled)


async def _likely(looker: "_Looker", models: Sequence[Model]) -> Sequence[Model]:
    """Those of the models that nothing speaks against, after a look at all that speaks for one."""
    await looker.look_at(first_of(model) for model in models)
    likely = [model for model in models if judge(model, looker.readings) is not None]
    await looker.look_at(register for model in likely for register in voltages_of(model))
    likely = [model for model in likely if judge(model, looker.readings) is not None]
    await looker.look_at(model.registers[FREQUENCY] for model in likely if FREQUENCY in model.registers)
    return likely


def _ranks(looker: "_Looker", models: Iterable[Model]) -> Iterable[Rank]:
    return (candidate.rank for model in models if (candidate := judge(model, looker.readings)) is not None)


class _Looker:
    """Reads each place once, and keeps what is there."""

    def __init__(self, read: ReadRegisters, unit: int) -> None:
        self._read = read
        self._unit = unit
        self.readings: dict[Place, bytes | Lack] = {}
        self.garbled = False

    async def look_at(self, registers: Iterable[Register]) -> None:
        """Read the registers' places, so far as they are not known yet."""
        for place in dict.fromkeys(map(place_of, registers)):
            await self._at(place)

    async def sunspec_base(self) -> int | None:
        """Where the chain of a SunSpec device begins; None if it is none."""
        for base in BASES:
            if await self._at(Place(HOLDING_REGISTERS, base, len(BEGINNING) // 2)) == BEGINNING:
                return base
        return None

    async def _at(self, place: Place) -> bytes | Lack:
        if place not in self.readings:
            self.readings[place] = await self._ask(place)
        return self.readings[place]

    async def _ask(self, place: Place) -> bytes | Lack:
        for _ in range(ATTEMPTS):
            try:
                return await self._read(ReadRequest(self._unit, place.function, place.address, place.count))
            except ExceptionAnswerError as error:
                return Lack.REFUSED if error.is_refusal else Lack.LOST
            except NoAnswerError:
                # Some do not answer at all where they have nothing.
                return Lack.LOST
            except AnswerError:
                self.garbled = True
        return Lack.LOST
