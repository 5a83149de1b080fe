"""Looks at a SunSpec device: its models form a chain, each with id and length, and one of them is read.

Source: SunSpec Alliance, Device Information Model Specification 1.1 and Common Models 1.6; the offsets of model 1 are
those of sunspec/models json/model_1.json (7abdf89).
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from smartmeter.errors import SmartmeterError
from smartmeter.modbus.errors import ExceptionAnswerError, NoAnswerError
from smartmeter.modbus.frames import ReadRequest
from smartmeter.models.sunspec import length_of, model_at
from smartmeter.polling.round import ATTEMPTS, ReadRegisters, read_patiently
from smartmeter.settings.model import MeterSettings

HOLDING_REGISTERS = 3
# Where a chain may begin, the usual place first, and what stands there.
BASES = (40000, 50000, 0)
BEGINNING = b"SunS"
# The id that ends a chain.
END = 0xFFFF
ADDRESSES = 0x10000
# The ids of models are 16 bits, but no device has so many.
MOST_MODELS = 256

COMMON = 1
# Of model 1, in registers after id and length: where texts begin, and how long they are.
MANUFACTURER, PRODUCT, VERSION, SERIAL = (0, 16), (16, 16), (40, 8), (48, 16)
COMMON_REGISTERS = 64


class SunSpecError(SmartmeterError):
    """What answers is no SunSpec device, or one that describes itself wrongly."""


@dataclass(frozen=True, slots=True)
class Link:
    """A model in a chain: its id is in the register `address`, and `length` registers follow id and length."""

    id: int
    address: int
    length: int

    def __str__(self) -> str:
        return f"{self.id} at {self.address}"


@dataclass(frozen=True, slots=True)
class Identity:
    """What a device says of itself, as far as it does."""

    manufacturer: str = ""
    product: str = ""
    version: str = ""
    serial: str = ""

    def __str__(self) -> str:
        """In words: `Example EX-3, version 1.4, serial number 4711`."""
        version = f"version {self.version}" if self.version else ""
        serial = f"serial number {self.serial}" if self.serial else ""
        name = f"{self.manufacturer} {self.product}".strip() or "a device without a name"
        return ", ".join(part for part in (name, version, serial) if part)


@dataclass(frozen=True, slots=True)
class Device:
    """A device that was looked at: its chain, the link that is read, and the meter with the registers it has there.

    `absent` are the measurands that the settings ask for and the model that is read does not know.
    """

    identity: Identity
    chain: tuple[Link, ...]
    link: Link
    meter: MeterSettings
    absent: tuple[str, ...]

    def __str__(self) -> str:
        """In words, for the log and for people."""
        from_model = self.meter.model.sunspec
        others = [str(link) for link in self.chain if link.id in from_model and link != self.link]
        besides = f" (there are also {', '.join(others)})" if others else ""
        return f"{self.identity}; SunSpec model {self.link} is read{besides}"


async def look_at(meter: MeterSettings, read: ReadRegisters) -> Device:
    """Walk the chain of the device at the meter's address.

    Raises NoAnswerError if nothing answers at all, AnswerError if a request has no good answer in three attempts,
    SunSpecError for what is no SunSpec device, or none that is read, and PortError.
    """
    reader = _Reader(meter.address, read)
    chain = await _walk(reader, await _find_base(reader))
    link = next((link for link in chain if link.id in meter.model.sunspec), None)
    if link is None:
        there = ", ".join(str(each.id) for each in chain) or "none"
        wanted = ", ".join(str(id_) for id_ in meter.model.sunspec)
        raise SunSpecError(f"unit {meter.address}: the device has none of the SunSpec models {wanted}; it has {there}")
    commons = [each for each in chain if each.id == COMMON]
    # A device may be several in one, each with a model 1 before its others (Common Models 1.6).
    own = max((each for each in commons if each.address < link.address), key=lambda each: each.address, default=None)
    identity = Identity() if own is None else await _identify(reader, own)
    maker = identity.manufacturer
    if commons and commons[0] != own:
        maker = (await _identify(reader, commons[0])).manufacturer
    model = model_at(meter.model, link.id, link.address, maker)
    intervals_us = {id_: us for id_, us in meter.intervals_us.items() if id_ in model.registers}
    if not intervals_us:
        wanted = ", ".join(meter.intervals_us)
        raise SunSpecError(f"unit {meter.address}: SunSpec model {link.id} has nothing of what is asked for: {wanted}")
    absent = tuple(id_ for id_ in meter.intervals_us if id_ not in model.registers)
    return Device(identity, chain, link, replace(meter, model=model, intervals_us=intervals_us), absent)


class _Reader:
    """Reads holding registers of one unit."""

    def __init__(self, unit: int, read: ReadRegisters) -> None:
        self.unit = unit
        self._read = read

    async def once(self, address: int, count: int) -> bytes:
        return await self._read(ReadRequest(self.unit, HOLDING_REGISTERS, address, count))

    async def patiently(self, address: int, count: int) -> bytes:
        request = ReadRequest(self.unit, HOLDING_REGISTERS, address, count)
        return await read_patiently(request, self._read, [], ATTEMPTS)


async def _find_base(reader: _Reader) -> int:
    """Where the chain begins."""
    silent: dict[int, NoAnswerError] = {}
    for base in BASES:
        try:
            if await _begins_at(reader.once, base):
                return base
        except NoAnswerError as error:
            silent[base] = error
    if len(silent) == len(BASES):
        raise silent[BASES[0]]
    # Who answers elsewhere may have been drowned by noise here.
    for base in silent:
        if await _begins_at(reader.patiently, base):
            return base
    raise SunSpecError(
        f'unit {reader.unit}: no SunSpec device: "SunS" is at none of the registers {", ".join(map(str, BASES))}; '
        "is SunSpec switched on in it, and is the address right?"
    )


async def _begins_at(read: Callable[[int, int], Awaitable[bytes]], base: int) -> bool:
    try:
        return await read(base, 2) == BEGINNING
    except ExceptionAnswerError as error:
        if error.is_refusal:
            return False
        raise


async def _walk(reader: _Reader, base: int) -> tuple[Link, ...]:
    """The chain that begins at `base`."""
    chain: list[Link] = []
    address = base + 2
    while len(chain) < MOST_MODELS:
        if address + 2 > ADDRESSES:
            raise _broken(reader, chain, f"it runs beyond register {ADDRESSES - 1}")
        link = await _link(reader, chain, address)
        if link is None:
            return tuple(chain)
        needed = length_of(link.id)
        if link.id == 0 or link.length == 0:
            raise _broken(
                reader, chain, f"at {address} there are id {link.id} and length {link.length}, which is no model"
            )
        if needed is not None and link.length < needed:
            raise _broken(reader, chain, f"model {link} has {link.length} registers, and must have {needed}")
        chain.append(link)
        address += 2 + link.length
    raise _broken(reader, chain[-1:], f"it does not end after {MOST_MODELS} models")


async def _link(reader: _Reader, chain: Sequence[Link], address: int) -> Link | None:
    """The model at the address; None if the chain ends there."""
    try:
        header = await reader.patiently(address, 2)
    except ExceptionAnswerError as error:
        if not error.is_refusal:
            raise
        # Some devices have no length behind the id that ends the chain.
        header = await _end_alone(reader, chain, address)
    id_, length = int.from_bytes(header[:2]), int.from_bytes(header[2:])
    return None if id_ == END else Link(id_, address, length)


async def _end_alone(reader: _Reader, chain: Sequence[Link], address: int) -> bytes:
    try:
        return await reader.patiently(address, 1)
    except ExceptionAnswerError as error:
        raise _broken(reader, chain, f"it has no end: register {address} is refused") from error


def _broken(reader: _Reader, chain: Sequence[Link], what: str) -> SunSpecError:
    after = f" after model {chain[-1]}" if chain else ""
    return SunSpecError(f"unit {reader.unit}: the chain of SunSpec models is broken{after}: {what}")


async def _identify(reader: _Reader, common: Link) -> Identity:
    """What a model 1 says."""
    try:
        data = await reader.patiently(common.address + 2, COMMON_REGISTERS)
    except ExceptionAnswerError:
        # It can be read without its name.
        return Identity()
    return Identity(*(_text(data, start, count) for start, count in (MANUFACTURER, PRODUCT, VERSION, SERIAL)))


def _text(data: bytes, start: int, count: int) -> str:
    text = data[2 * start : 2 * (start + count)].partition(b"\0")[0].decode("utf-8", "replace")
    return "".join(character for character in text if character.isprintable()).strip()
