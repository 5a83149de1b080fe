"""Asking a meter about what can be set, with patience: reading may be repeated, writing never is."""

import asyncio
import time
from dataclasses import dataclass, replace
from typing import Protocol, Self

from smartmeter.modbus.connection import Connection, open_connection
from smartmeter.modbus.counters import LineCounters
from smartmeter.modbus.errors import AnswerError, ExceptionAnswerError, NoAnswerError
from smartmeter.modbus.frames import ReadRequest
from smartmeter.modbus.line import NetworkLine, SerialFormat
from smartmeter.modbus.ports import SerialPort, parse_port
from smartmeter.modbus.write_request import WriteRequest
from smartmeter.models import Register
from smartmeter.models.parameter import Parameter
from smartmeter.polling.bus import Bus
from smartmeter.polling.decode import decode
from smartmeter.settings.model import BusSettings

READ_HOLDING_REGISTERS = 3
ATTEMPTS = 3
FIRST_PAUSE_S = 0.05
# The rounds of the daemon go first, unless they have much time left.
DEADLINE_S = 2.0


class Asker(Protocol):
    """What reads from and writes to the meters of a line."""

    async def read(self, request: ReadRequest) -> bytes:
        """The registers' bytes. Raises AnswerError, PortError."""

    async def write(self, request: WriteRequest) -> None:
        """Write registers, once. Raises AnswerError, after which they may be written all the same, and PortError."""


class OwnLine:
    """The line of a bus for oneself. `format` is how it is set now."""

    def __init__(self, settings: BusSettings, connection: Connection) -> None:
        self.format: SerialFormat | NetworkLine = settings.format
        self._settings = settings
        self._connection = connection

    @classmethod
    async def open(cls, settings: BusSettings) -> Self:
        """Open it.

        Raises PortError, PortBusyError if another program has the port.
        """
        port = parse_port(settings.port)
        return cls(settings, await open_connection(port, settings.format, settings.timeout_s, LineCounters()))

    @property
    def can_be_retuned(self) -> bool:
        """Whether its speed and parity are ours to change: those behind a gateway are not."""
        return isinstance(parse_port(self._settings.port), SerialPort)

    async def read(self, request: ReadRequest) -> bytes:
        return await self._connection.read(request)

    async def write(self, request: WriteRequest) -> None:
        await self._connection.write(request)

    async def retune(self, form: SerialFormat) -> None:
        """Go on with the line set to this.

        Raises PortError.
        """
        self._connection.close()
        port = parse_port(self._settings.port)
        self._connection = await open_connection(port, form, self._settings.timeout_s, LineCounters())
        self.format = form

    def close(self) -> None:
        """Give the port back."""
        self._connection.close()


@dataclass(frozen=True, slots=True)
class OnBus:
    """A bus that a daemon reads, between its rounds."""

    bus: Bus

    async def read(self, request: ReadRequest) -> bytes:
        return await self.bus.read(request, time.monotonic() + DEADLINE_S)

    async def write(self, request: WriteRequest) -> None:
        await self.bus.write(request, time.monotonic() + DEADLINE_S)


async def read_patiently(asker: Asker, request: ReadRequest) -> bytes:
    """The registers' bytes; what may have been noise is asked again.

    Raises AnswerError, PortError.
    """
    pause_s = FIRST_PAUSE_S
    for _ in range(ATTEMPTS - 1):
        try:
            return await asker.read(request)
        except ExceptionAnswerError as error:
            if error.is_refusal:
                raise
        except AnswerError:
            pass
        await asyncio.sleep(pause_s)
        pause_s *= 2
    return await asker.read(request)


async def read_content(asker: Asker, unit: int, parameter: Parameter) -> bytes:
    """What the registers of a parameter hold.

    Raises AnswerError, PortError.
    """
    return await read_patiently(asker, ReadRequest(unit, READ_HOLDING_REGISTERS, parameter.address, parameter.count))


async def read_register(asker: Asker, unit: int, register: Register) -> float | None:
    """The value of a register, in its measurand's unit; None if it has none.

    Raises AnswerError, PortError.
    """
    request = ReadRequest(unit, register.function, register.address, register.count)
    return decode(register, await read_patiently(asker, request))


async def answers(asker: Asker, unit: int, parameter: Parameter) -> bool:
    """Whether anything answers at an address, and be it a refusal or several at once.

    Raises PortError.
    """
    for _ in range(ATTEMPTS):
        try:
            await asker.read(ReadRequest(unit, READ_HOLDING_REGISTERS, parameter.address, parameter.count))
        except NoAnswerError:
            continue
        except AnswerError:
            return True
        return True
    return False


def with_parity(form: SerialFormat, text: str) -> SerialFormat:
    """The line's settings with a parity as parameters have it, "N2" for one with two stop bits."""
    parity, stopbits = text[0], int(text[1:] or 1)
    return replace(form, parity=parity, stopbits=stopbits)  # type: ignore[arg-type]
