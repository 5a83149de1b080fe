"""Virtual meters on virtual lines: for tests, for trying things out, and for who has no meter at all."""

from smartmeter.simulator.delivery import Delivery
from smartmeter.simulator.faults import NO_FAULTS, Faults, Quirks
from smartmeter.simulator.holding import HoldingQuirks
from smartmeter.simulator.line import VirtualLine
from smartmeter.simulator.meter import VirtualMeter
from smartmeter.simulator.wire import Counts, RecordedRequest

__all__ = [
    "NO_FAULTS",
    "Counts",
    "Delivery",
    "Faults",
    "HoldingQuirks",
    "Quirks",
    "RecordedRequest",
    "VirtualLine",
    "VirtualMeter",
]
