"""What `smartmeter simulate` serves: virtual meters, or a recorded bus."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from smartmeter.modbus.line import SerialFormat
from smartmeter.recording.file import RecordingError, read_recording
from smartmeter.simulator.meter import VirtualMeter
from smartmeter.simulator.replay import Replay

# Of a recording that was made over a network.
USUAL_FORMAT = SerialFormat(9600)
UNKNOWN_MODEL = "NAME"


@dataclass(frozen=True, slots=True)
class Served:
    """The meters, or the `replay` in their place; `format` is how a line is set if nothing else is said.

    `who` names them, `who_and_how` with their own settings; `as_options` are the first one's for `smartmeter read`.
    """

    meters: Sequence[VirtualMeter]
    replay: Replay | None
    format: SerialFormat
    who: str
    who_and_how: str
    as_options: str


def served_meters(meters: Sequence[VirtualMeter]) -> Served:
    """Virtual meters."""
    first = meters[0]
    names = [f"{meter.model.name} at address {meter.address}" for meter in meters]
    return Served(
        meters=meters,
        replay=None,
        format=first.format,
        who=", ".join(names),
        who_and_how=", ".join(f"{name} ({meter.format})" for name, meter in zip(names, meters, strict=True)),
        as_options=f"--model {first.model.name} --address {first.address}",
    )


def served_replay(path: Path) -> Served:
    """The bus of a recording.

    Raises RecordingError.
    """
    recording = read_recording(path)
    replay = Replay(recording)
    models = {meter.address: meter.model for meter in recording.header.meters}
    if not replay.units:
        raise RecordingError(f"{path} holds no request to any meter; there is nothing to replay")
    names = [f"{models.get(unit) or 'a meter'} at address {unit}" for unit in replay.units]
    first = replay.units[0]
    who = f"{path}: {', '.join(names)}"
    return Served(
        meters=(),
        replay=replay,
        format=recording.header.serial or USUAL_FORMAT,
        who=who,
        who_and_how=who,
        as_options=f"--model {models.get(first) or UNKNOWN_MODEL} --address {first}",
    )
