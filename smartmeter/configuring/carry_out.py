"""Carries out a change: opens what is protected, writes once, and finds out what became of it.

An answer proves little: meters have been seen that refuse what they then have, and that answer well and forget. So it
is read back what counts: at the settings of before and, if the line is concerned, at the new ones.
"""

import asyncio
import contextlib
import struct
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from smartmeter.configuring.asking import (
    READ_HOLDING_REGISTERS,
    Asker,
    read_content,
    read_patiently,
    read_register,
)
from smartmeter.configuring.change import Change
from smartmeter.configuring.errors import SetError, explained
from smartmeter.configuring.values import shown
from smartmeter.modbus.errors import AnswerError, ExceptionAnswerError
from smartmeter.modbus.frames import ReadRequest
from smartmeter.modbus.write_request import WriteRequest
from smartmeter.models.parameter import Unlock

# A meter that has just stored something may be deaf for a moment; after a reset its counters take longer.
STORE_S = 0.1
COMMAND_S = 1.0

When = Literal["now", "after a restart", "now or after a restart"]
Retune = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a change that was made.

    `counts`: it does so now, or once the meter was switched off and on; of stop bits nobody can tell. `complaint`: what
    the meter answered although it took it. Of a command, `seen` is what the measurands show afterwards.
    """

    counts: When
    complaint: AnswerError | None = None
    seen: dict[str, float | None] = field(default_factory=dict)


async def carry_out(
    change: Change, asker: Asker, passwords: Sequence[int] = (), retune: Retune | None = None
) -> Outcome:
    """Make the change, and say when it counts.

    `passwords` are tried before the factory's. `retune` sets the line to what the meter understands when the change
    counts; without it, what counts at once on a line that is not ours cannot be verified.

    Raises SetError, whose text says how the meter is now as far as that is known, and PortError.
    """
    setup = change.meter.model.setup
    if change.parameter.needs == "unlock" and setup.unlock is not None:
        await _open(asker, change.meter.address, setup.unlock, (*passwords, *setup.unlock.passwords))
    complaint: AnswerError | None = None
    try:
        await asker.write(_request(change, change.meter.address, change.after))
    except AnswerError as error:
        complaint = error
    if change.parameter.write_only:
        return await _look_at_command(change, asker, complaint)
    return await _look(change, asker, retune, complaint)


async def _open(asker: Asker, unit: int, unlock: Unlock, passwords: Sequence[int]) -> None:
    """Open the protected registers. Asking for the state makes them stay open for another minute."""
    request = ReadRequest(unit, READ_HOLDING_REGISTERS, unlock.state, 2)
    closed = bytes(4)
    try:
        if await read_patiently(asker, request) != closed:
            return
        for password in dict.fromkeys(passwords):
            try:
                await asker.write(WriteRequest(unit, unlock.password, struct.pack(">f", password)))
            except ExceptionAnswerError:
                continue
            if await read_patiently(asker, request) != closed:
                return
    except AnswerError as error:
        raise SetError(f"it could not be opened by the password: {error}; nothing was changed") from error
    tried = ", ".join(f"{password:04}" for password in dict.fromkeys(passwords))
    raise SetError(f"it is protected, and no password opened it ({tried}); give its own with --password")


async def _look(change: Change, asker: Asker, retune: Retune | None, complaint: AnswerError | None) -> Outcome:
    await asyncio.sleep(STORE_S)
    unit = change.meter.address
    content = await _content(change, asker, unit)
    if content is not None:
        await _require_taken(change, asker, unit, content, complaint)
        if change.is_heard_either_way:
            return Outcome("now or after a restart", complaint)
        return Outcome("after a restart" if change.moves_meter else "now", complaint)
    if not change.moves_meter:
        raise SetError(f"{change}: it was written, and then the meter did not answer; look at it again later")
    if change.new_unit == unit:
        if retune is None:
            raise SetError(
                f"{change}: it was written, and the meter does not answer as before, so it seems to count at once; "
                "set the gateway likewise, then look at it again"
            )
        await retune()
    content = await _content(change, asker, change.new_unit)
    if content is None:
        raise SetError(
            f"{change}: it was written, and the meter answers neither as before nor as it should now; switch it off "
            "and on, then try it with the new and with the old settings"
        )
    await _require_taken(change, asker, change.new_unit, content, complaint)
    return Outcome("now", complaint)


async def _require_taken(
    change: Change, asker: Asker, unit: int, content: bytes, complaint: AnswerError | None
) -> None:
    """Raise SetError unless the registers hold what they shall; what is neither that nor what was is taken back."""
    if content == change.after:
        return
    old = shown(change.parameter, change.before)
    if content == change.before:
        if complaint is not None:
            raise SetError(
                f"{change}: {explained(complaint, change.meter.model, change.parameter)}; it is {old} as before"
            )
        later = "; perhaps it shows the new value after it was switched off and on" if change.moves_meter else ""
        raise SetError(f"{change}: the meter said that it took it, and still is {old}{later}")
    took = shown(change.parameter, content)
    # Reading tells what came of it.
    with contextlib.suppress(AnswerError):
        await asker.write(_request(change, unit, change.before))
    await asyncio.sleep(STORE_S)
    back = await _content(change, asker, unit)
    if back == change.before:
        raise SetError(f"{change}: the meter took {took} instead; {old} was written back, and is there again")
    now = "it does not answer now" if back is None else f"it is {shown(change.parameter, back)} now"
    raise SetError(f"{change}: the meter took {took} instead, and {old} could not be written back: {now}")


async def _look_at_command(change: Change, asker: Asker, complaint: AnswerError | None) -> Outcome:
    await asyncio.sleep(COMMAND_S)
    registers, seen = change.meter.model.registers, {}
    try:
        for id_ in change.seen_before:
            seen[id_] = await read_register(asker, change.meter.address, registers[id_])
    except AnswerError as error:
        raise SetError(f"{change}: it was written, and then the meter did not answer well: {error}") from error
    if complaint is not None and not _has_fallen(change, seen):
        text = explained(complaint, change.meter.model, change.parameter)
        raise SetError(f"{change}: {text}; what it should reset is as before")
    return Outcome("now", complaint, seen)


def _has_fallen(change: Change, seen: dict[str, float | None]) -> bool:
    """Whether any of the measurands shows less than before: maxima and counters do that by no other means."""
    pairs = ((before, seen[id_]) for id_, before in change.seen_before.items())
    return any(before is not None and after is not None and after < before for before, after in pairs)


async def _content(change: Change, asker: Asker, unit: int) -> bytes | None:
    """What the registers hold now; None if nothing good comes."""
    try:
        return await read_content(asker, unit, change.parameter)
    except AnswerError:
        return None


def _request(change: Change, unit: int, content: bytes) -> WriteRequest:
    return WriteRequest(unit, change.parameter.address, content, change.parameter.also_answers_as)
