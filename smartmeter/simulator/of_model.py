"""The virtual meter that a model wants: a SunSpec device is another thing than a meter with fixed registers."""

from smartmeter.modbus.line import SerialFormat
from smartmeter.models import Model
from smartmeter.simulator.faults import NO_FAULTS, Faults, Quirks
from smartmeter.simulator.meter import VirtualMeter

# What a SunSpec device is if nothing else is said, and where it begins.
SUNSPEC_MODEL, SUNSPEC_BASE = 203, 40000


def virtual_meter(  # noqa: PLR0913 - a meter is described by that much
    model: Model,
    address: int = 1,
    *,
    seed: int = 1,
    quirks: Quirks | None = None,
    faults: Faults = NO_FAULTS,
    format: SerialFormat | None = None,  # noqa: A002  # the word that the settings have for it
    sunspec_base: int = SUNSPEC_BASE,
) -> VirtualMeter:
    """A virtual meter of this model, of plain SunSpec one of three phases; such a device begins at `sunspec_base`."""
    if not model.sunspec:
        return VirtualMeter(model, address, seed=seed, quirks=quirks, faults=faults, format=format)
    from smartmeter.simulator.sunspec import VirtualSunSpec  # noqa: PLC0415 - most meters are none

    ids = model.sunspec if len(model.sunspec) == 1 else (SUNSPEC_MODEL,)
    device = VirtualSunSpec(ids, address, base=sunspec_base, seed=seed, quirks=quirks, faults=faults)
    device.format = format or model.serial
    return device
