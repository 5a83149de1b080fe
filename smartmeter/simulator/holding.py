"""What can be set at a virtual meter: its holding registers, its password, its set mode.

Written without a look at what sets them. How an Eastron behaves is from its protocol papers (SDM630Modbus V1.8,
SDM120Modbus V2.5, SDM72D-M-2 V1.1): one parameter for each write, by function 16; a change of the line's settings
counts after a restart; a password opens protected registers for a minute.
"""

import struct
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from smartmeter.modbus.line import SerialFormat
from smartmeter.models import Model
from smartmeter.models.parameter import Parameter
from smartmeter.simulator.answers import (
    COULD_NOT_STORE,
    ILLEGAL_DATA_ADDRESS,
    ILLEGAL_DATA_VALUE,
    ILLEGAL_FUNCTION,
    RefusedError,
)

WORD_BYTES = 2
FLOAT_BYTES = 4
OPEN_S = 60.0
# There the password itself stands, and a write changes it: the SDM630's register for asking it.
PASSWORD_ITSELF: Mapping[str, int] = {"SDM72DM": 0x18, "SDM72DMV2": 0x18}
# The codes of all Eastrons together; no model has all.
SPEEDS: Mapping[int, int] = {2400: 0, 4800: 1, 9600: 2, 19200: 3, 38400: 4, 1200: 5}
PARITIES: Mapping[tuple[str, int], int] = {("N", 1): 0, ("E", 1): 1, ("O", 1): 2, ("N", 2): 3}
NO_SUCH_CODE = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldingQuirks:
    """How a meter takes what is written.

    `in_set_mode`: somebody has pressed its button. `effect`: when a change of address, speed or parity counts.
    `password`: what it is set to; None: the factory's. `cannot_store`: every write is refused with exception 5.
    `grumbles`: it stores what it refuses with exception 1, as some SDM72D-M-2 do. `stores_instead`: by parameter, what
    the register holds whatever was written. `keeps`: parameters that are answered well and stay as they are.
    """

    in_set_mode: bool = False
    effect: Literal["at once", "restart"] = "restart"
    password: int | None = None
    cannot_store: bool = False
    grumbles: bool = False
    stores_instead: Mapping[str, int] = field(default_factory=dict)
    keeps: frozenset[str] = frozenset()


class Holding:
    """The holding registers of a model at an address, its line set like this. `quirks` may be replaced at any time."""

    def __init__(self, model: Model, address: int, form: SerialFormat) -> None:
        self.quirks = HoldingQuirks()
        self._setup = model.setup
        self._words: dict[int, bytes] = {}
        factory = model.setup.unlock.passwords[0] if model.setup.unlock is not None else 1000
        self._password_itself = PASSWORD_ITSELF.get(model.name)
        self._password = factory
        self._open_until_s = 0.0
        first = {"address": address, "baudrate": SPEEDS.get(form.baudrate, NO_SUCH_CODE)}
        first["parity"] = PARITIES.get((form.parity, form.stopbits), NO_SUCH_CODE)
        for parameter in model.setup.parameters.values():
            if not parameter.write_only:
                self._store(parameter, first.get(parameter.name, _factory_value(parameter)))

    @property
    def addresses(self) -> frozenset[int]:
        """The registers that can be read."""
        return frozenset(self._words)

    @property
    def password(self) -> int:
        """What opens it."""
        return self._password if self.quirks.password is None else self.quirks.password

    def __getitem__(self, name: str) -> int:
        """What the register of a parameter holds, as a number."""
        parameter = self._setup.parameters[name]
        return _value(parameter, self._content(parameter.address, parameter.count))

    def __setitem__(self, name: str, value: int) -> None:
        self._store(self._setup.parameters[name], value)

    def is_whole(self, start: int, count: int) -> bool:
        """Whether this is just one parameter."""
        return any((each.address, each.count) == (start, count) for each in self._setup.parameters.values())

    def read(self, span: range) -> dict[int, bytes]:
        """The words in a span of registers, by address, as far as there are some."""
        words = {address: self._words[address] for address in span if address in self._words}
        unlock = self._setup.unlock
        if unlock is not None and unlock.state in span:
            if time.monotonic() < self._open_until_s:
                self._open_until_s = time.monotonic() + OPEN_S
            words |= _words(unlock.state, struct.pack(">f", time.monotonic() < self._open_until_s))
        if self._password_itself is not None and self._password_itself in span:
            words |= _words(self._password_itself, struct.pack(">f", self.password))
        return words

    def write(self, start: int, data: bytes) -> Iterator[str]:
        """Takes what is written from a register on; gives the names of the parameters that it was.

        Raises RefusedError, also for what it takes all the same.
        """
        if self._take_password(start, data):
            return
        written = [
            each
            for each in self._setup.parameters.values()
            if each.address == start and WORD_BYTES * each.count == len(data)
        ]
        if not written:
            raise RefusedError(ILLEGAL_DATA_ADDRESS)
        needs = {each.needs for each in written}
        is_open = time.monotonic() < self._open_until_s
        if ("set_mode" in needs and not self.quirks.in_set_mode) or ("unlock" in needs and not is_open):
            raise RefusedError(ILLEGAL_FUNCTION)
        taken = [each for each in written if _is_allowed(each, data)]
        # Commands share a register; what shares its bytes must be right in all of them.
        if not taken or (len(taken) < len(written) and not written[0].write_only):
            raise RefusedError(ILLEGAL_DATA_VALUE)
        if self.quirks.cannot_store:
            raise RefusedError(COULD_NOT_STORE)
        for parameter in taken:
            if parameter.name not in self.quirks.keeps:
                if not parameter.write_only:
                    self._store(parameter, self.quirks.stores_instead.get(parameter.name, _value(parameter, data)))
                yield parameter.name
        if self.quirks.grumbles:
            raise RefusedError(ILLEGAL_FUNCTION)

    def line(self) -> tuple[int, SerialFormat]:
        """The address and the line's settings that the registers hold."""
        speed = next((rate for rate, code in SPEEDS.items() if code == self["baudrate"]), 9600)
        parities = ((form, code) for form, code in PARITIES.items() if code == self["parity"])
        (parity, stopbits), _ = next(parities, (("N", 1), 0))
        return self["address"], SerialFormat(speed, 8, parity, stopbits)  # type: ignore[arg-type]

    def _take_password(self, start: int, data: bytes) -> bool:
        """Whether the write was about the password, and what that does."""
        unlock = self._setup.unlock
        if start == self._password_itself and len(data) == FLOAT_BYTES:
            self._password = round(struct.unpack(">f", data)[0])
            return True
        if unlock is None or start not in (unlock.password, unlock.state) or len(data) != FLOAT_BYTES:
            return False
        is_right = start == unlock.password and struct.unpack(">f", data)[0] == self.password
        self._open_until_s = time.monotonic() + OPEN_S if is_right else 0.0
        return True

    def _content(self, address: int, count: int) -> bytes:
        return b"".join(self._words.get(address + index, bytes(WORD_BYTES)) for index in range(count))

    def _store(self, parameter: Parameter, value: int) -> None:
        if parameter.type == "float32":
            content = struct.pack(">f", value)
        elif parameter.type == "u16":
            content = struct.pack(">H", value)
        else:
            before = bytearray(self._content(parameter.address, parameter.count))
            before[parameter.byte] = int(str(value), 16)
            content = bytes(before)
        self._words |= _words(parameter.address, content)


def _words(address: int, content: bytes) -> dict[int, bytes]:
    starts = range(0, len(content), WORD_BYTES)
    return {address + start // WORD_BYTES: content[start : start + WORD_BYTES] for start in starts}


def _factory_value(parameter: Parameter) -> int:
    if not parameter.values:
        return int(parameter.default or parameter.least)
    return int(parameter.values.get(parameter.default or "", next(iter(parameter.values.values()))))


def _value(parameter: Parameter, content: bytes) -> int:
    """The number in a register's content; -1 for what is none."""
    if parameter.type == "u16":
        return int.from_bytes(content, "big")
    if parameter.type == "bcd":
        digits = f"{content[parameter.byte]:x}"
        return int(digits) if digits.isdecimal() else -1
    number = struct.unpack(">f", content)[0]
    return int(number) if number == number // 1 else -1


def _is_allowed(parameter: Parameter, data: bytes) -> bool:
    value = _value(parameter, data)
    return value in parameter.values.values() if parameter.values else parameter.least <= value <= parameter.most
