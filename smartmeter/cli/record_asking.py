"""Records a bus by asking its meters."""

import asyncio
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from smartmeter.cli.progress import progress_bar
from smartmeter.errors import SmartmeterError
from smartmeter.modbus.connection import Connection, open_connection
from smartmeter.modbus.counters import LineCounters
from smartmeter.modbus.errors import AnswerError
from smartmeter.modbus.frames import ReadRequest
from smartmeter.modbus.ports import parse_port
from smartmeter.modbus.trace import Direction, Tap
from smartmeter.models import Register, load_model, model_names
from smartmeter.polling.learned import Learned
from smartmeter.polling.round import read_round
from smartmeter.polling.sweep import Stretch, sweep
from smartmeter.recording.anonymous import Secret
from smartmeter.settings.model import BusSettings, MeterSettings
from smartmeter.simulator.contents import content_of

MADE_UP_NUMBER = 12_345_678


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked: everything of the bus's meters `rounds` times, then the `stretches` of the meter at `address`.

    `block` registers of these at a time.
    """

    rounds: int
    address: int | None
    stretches: Sequence[Stretch]
    block: int


def record_asking(bus: BusSettings, asked: Asked, begin: Callable[[], AbstractContextManager[Tap]]) -> None:
    """Ask, with the file that `begin` makes when the line is open, and tell how it went.

    Raises PortError, RecordingError.
    """
    asyncio.run(_record(bus, asked, begin))


def secrets_of(bus: BusSettings) -> tuple[Secret, ...]:
    """The serial numbers of the bus's meters; of meters that nobody knows, all that are known of any model."""
    models = [meter.model for meter in bus.meters] or [load_model(name) for name in model_names()]
    numbers = dict.fromkeys(model.identification.serial_number for model in models)
    return tuple(
        Secret(number.function, number.address, content_of(number, MADE_UP_NUMBER))
        for number in numbers
        if number is not None
    )


async def _record(bus: BusSettings, asked: Asked, begin: Callable[[], AbstractContextManager[Tap]]) -> None:
    taps: list[Tap] = []

    def tell(direction: Direction, time_s: float, data: bytes) -> None:
        for tap in taps:
            tap(direction, time_s, data)

    connection = await open_connection(parse_port(bus.port), bus.format, bus.timeout_s, LineCounters(), tell)
    try:
        with begin() as tap:
            taps.append(tap)
            for meter in bus.meters:
                await _record_meter(meter, bus, asked.rounds, connection)
            if asked.address is not None:
                await _record_stretches(asked.address, asked, connection)
    finally:
        connection.close()


async def _record_meter(meter: MeterSettings, bus: BusSettings, rounds: int, connection: Connection) -> None:
    if meter.model.sunspec:
        from smartmeter.polling.sunspec import SunSpecError, look_at  # noqa: PLC0415 - most meters are none

        try:
            meter = (await look_at(meter, connection.read)).meter
        except (AnswerError, SunSpecError) as wrong:
            _complain(meter.name, wrong)
            return
    learned = Learned()
    for number in range(1, rounds + 1):
        everything = frozenset(meter.model.registers)
        result = await read_round(meter, bus.format, everything, learned, connection.read)
        learned = result.learned
        print(f"{meter.name}, round {number} of {rounds}: {len(result.values)} values", flush=True)
        for error in result.lost:
            _complain(meter.name, error)
        if result.silent:
            return
    await _ask(meter.address, meter.model.identification.registers, connection)


async def _record_stretches(address: int, asked: Asked, connection: Connection) -> None:
    read = refused = 0
    total = sum(stretch.count for stretch in asked.stretches)
    with progress_bar(f"address {address}", "registers") as tell:
        async for swept in sweep(address, asked.stretches, asked.block, connection.read):
            read, refused = read + swept.read, refused + swept.refused
            tell((read + refused) / total, read)
            if swept.error is not None:
                _complain(f"address {address}", swept.error)
    print(f"address {address}: {read} registers read, {refused} refused", flush=True)
    if not read and not refused:
        advice = "check wiring, the address, and how the meter is set: --baudrate, --parity, --stopbits"
        print(f"smartmeter: address {address} gave no good answer; {advice}", file=sys.stderr)
        return
    # Which meter it is says one of these, if it is like any that is known.
    models = [load_model(name) for name in model_names()]
    await _ask(address, dict.fromkeys(each for one in models for each in one.identification.registers), connection)


async def _ask(address: int, registers: Iterable[Register], connection: Connection) -> None:
    """Ask for each of the registers; that many have none of them is no news."""
    requests = dict.fromkeys(ReadRequest(address, each.function, each.address, each.count) for each in registers)
    for request in requests:
        try:
            await connection.read(request)
        except AnswerError:
            continue


def _complain(who: str, error: SmartmeterError) -> None:
    print(f"smartmeter: {who}: {error}", file=sys.stderr)
