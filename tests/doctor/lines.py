"""Virtual buses with something wrong, and what the doctor says of them."""

import asyncio

from smartmeter.doctor.diagnose import diagnose
from smartmeter.doctor.examine import Effort, examine
from smartmeter.modbus.line import SerialFormat
from smartmeter.models import load_model
from smartmeter.settings.model import BusSettings, MeterSettings
from smartmeter.simulator import VirtualMeter

FAST = SerialFormat(115200, 8, "N", 1)
QUICK = Effort(requests=18, patience_s=0.3, listen_s=0.02)
# Enough to tell a latency timer from chance.
THOROUGH = Effort(requests=27, patience_s=0.3, listen_s=0.02)


def virtual_meter(address=1, model="SDM530", **what):
    return VirtualMeter(load_model(model), address, **what)


def meter_settings(address=1, model="SDM530", name=None):
    loaded = load_model(model)
    return MeterSettings(name or f"meter{address}", loaded, address, dict.fromkeys(loaded.registers, 1_000_000))


def bus(port, *meters, line=FAST, timeout_s=0.15):
    return BusSettings("bus1", str(port), line, timeout_s, meters or (meter_settings(),))


def look(settings, effort=QUICK):
    """Evidence and findings."""
    evidence = asyncio.run(examine(settings, effort, lambda _done, _count: None))
    return evidence, diagnose(evidence)


def kinds(findings):
    return [(finding.kind, finding.where) for finding in findings]
