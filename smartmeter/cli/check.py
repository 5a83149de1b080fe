"""`smartmeter check`: everything that can be known before the start."""

import argparse
import asyncio
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from zoneinfo import ZoneInfo

from smartmeter.cli.options import add_config_option, load_settings_from
from smartmeter.errors import SmartmeterError
from smartmeter.memory import all_known, met_there
from smartmeter.modbus.connection import Connection, open_connection
from smartmeter.modbus.counters import LineCounters
from smartmeter.modbus.errors import AnswerError, PortBusyError, PortError
from smartmeter.modbus.port import latency_timer_ms
from smartmeter.modbus.ports import Port, RtuUdpPort, SerialPort, parse_port
from smartmeter.polling.described import describe_known, known_as_json
from smartmeter.polling.known import KnownMeter, learned_of
from smartmeter.polling.learned import UNKNOWN
from smartmeter.polling.load import MeterLoad, meter_load
from smartmeter.polling.schedule import shortened
from smartmeter.settings.errors import SettingsError
from smartmeter.settings.model import BusSettings, MeterSettings, Settings, TelegramSettings
from smartmeter.sinks.driver import require_driver
from smartmeter.state import StateError

EXAMPLES = """\
  smartmeter check
  smartmeter check -c smartmeter_cfg.toml
  smartmeter check --json
"""
WARN_PERCENT = 80
FULL_PERCENT = 100
SLOW_LATENCY_TIMER_MS = 2
# Rounds of so many kinds are printed; the rest is rare.
ROUNDS_SHOWN = 8


@dataclass(frozen=True, slots=True)
class _BusPlan:
    settings: BusSettings
    known: tuple[KnownMeter | None, ...]
    loads: tuple[MeterLoad, ...]
    fast_loads: tuple[MeterLoad, ...]

    @property
    def percent(self) -> float:
        return 100 * sum(load.busy for load in self.loads)

    @property
    def fast_percent(self) -> float:
        return 100 * sum(load.busy for load in self.fast_loads)


@dataclass(frozen=True, slots=True)
class _Findings:
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config_option(parser)
    parser.add_argument("--json", action="store_true", help="the same as one JSON object")


def main(args: argparse.Namespace) -> int:
    findings = _Findings()
    plans: list[_BusPlan] = []
    source, zone = args.config, ZoneInfo("UTC")
    try:
        settings = load_settings_from(args)
    except SettingsError as error:
        findings.errors.extend(str(mistake) for mistake in error.mistakes)
    else:
        source, zone = settings.source, ZoneInfo(settings.timezone)
        known = _known_meters(settings, findings)
        plans = [_plan(bus, settings.fast.interval_us, known) for bus in settings.buses]
        _check(settings, plans, findings)
    if args.json:
        print(json.dumps(_as_json(source, plans, findings), indent=2))
    else:
        print(_as_text(source, plans, findings, zone))
    return 1 if findings.errors else 0


def _known_meters(settings: Settings, findings: _Findings) -> Sequence[KnownMeter]:
    try:
        return all_known(settings.journal.state_path)
    except StateError as error:
        findings.warnings.append(f"what was learned of meters cannot be read: {error}")
        return ()


def _plan(bus: BusSettings, fast_us: int, known: Sequence[KnownMeter]) -> _BusPlan:
    # Which of them is there now, only the meter could say.
    last = tuple(next(reversed(met_there(known, bus, meter)), None) for meter in bus.meters)
    meters = [
        (meter, UNKNOWN if one is None else learned_of(one, meter.model))
        for meter, one in zip(bus.meters, last, strict=True)
    ]
    return _BusPlan(
        bus,
        last,
        tuple(meter_load(meter, meter.intervals_us, bus.format, learned) for meter, learned in meters),
        tuple(
            meter_load(meter, shortened(meter.intervals_us, fast_us), bus.format, learned) for meter, learned in meters
        ),
    )


def _check(settings: Settings, plans: Iterable[_BusPlan], findings: _Findings) -> None:
    findings.warnings.extend(settings.notices)
    for plan in plans:
        _check_load(plan, findings)
        _check_port(plan.settings, findings)
    _check_journal(settings.journal.path, findings)
    if settings.postgresql:
        meters = tuple(meter for bus in settings.buses for meter in bus.meters)
        try:
            require_driver()
            from smartmeter.sinks.postgresql import check_postgresql  # noqa: PLC0415 - now it is known to be importable

            findings.facts.extend(asyncio.run(check_postgresql(settings.postgresql, meters, settings.language)))
        except SmartmeterError as error:
            findings.errors.append(str(error))
    if settings.telegram:
        _check_telegram(settings, settings.telegram, findings)
    if settings.apprise and find_spec("apprise") is None:
        findings.errors.append("apprise: the library is missing; install it: make extras")


def _check_telegram(settings: Settings, telegram: TelegramSettings, findings: _Findings) -> None:
    from smartmeter.bot.check import UnreachableError, check_bot  # noqa: PLC0415 - who has no bot does not pay for it

    try:
        findings.facts.append(asyncio.run(check_bot(settings, telegram)))
    except UnreachableError as error:
        findings.warnings.append(str(error))
    except SmartmeterError as error:
        findings.errors.append(str(error))
    if find_spec("matplotlib") is None:
        findings.warnings.append("telegram: charts need matplotlib; install it: make extras")


def _check_load(plan: _BusPlan, findings: _Findings) -> None:
    name = plan.settings.name
    if plan.percent > FULL_PERCENT:
        findings.errors.append(
            f"bus {name}: the line would be {plan.percent:.0f} % busy; lengthen intervals or raise the baud rate"
        )
    elif plan.percent > WARN_PERCENT:
        findings.warnings.append(f"bus {name}: the line will be {plan.percent:.0f} % busy; little room for repeats")
    for meter, load in zip(plan.settings.meters, plan.loads, strict=True):
        if load.longest_round_s > load.shortest_interval_s:
            findings.errors.append(
                f"meter {meter.name}: its longest round takes {load.longest_round_s * 1000:.0f} ms, longer than its "
                f"shortest interval of {load.shortest_interval_s:g} s; rounds would be skipped"
            )
    if plan.fast_percent > FULL_PERCENT >= plan.percent:
        findings.warnings.append(
            f"bus {name}: in the fast interval the line would be {plan.fast_percent:.0f} % busy; rounds will be skipped"
        )


def _check_port(bus: BusSettings, findings: _Findings) -> None:
    port = parse_port(bus.port)
    try:
        asyncio.run(_try_port(bus, port, findings))
    except PortBusyError as error:
        findings.warnings.append(f"bus {bus.name}: {error}")
    except PortError as error:
        findings.errors.append(f"bus {bus.name}: {error}")
    else:
        can = (
            "is a known place; whether a gateway is there, only an answer shows"
            if isinstance(port, RtuUdpPort)
            else "can be opened"
        )
        findings.facts.append(f"bus {bus.name}: {bus.port} {can}")
        if isinstance(port, SerialPort):
            _check_latency(bus, port, findings)


def _check_latency(bus: BusSettings, port: SerialPort, findings: _Findings) -> None:
    held_ms = latency_timer_ms(port.path)
    if held_ms is not None and held_ms > SLOW_LATENCY_TIMER_MS:
        findings.warnings.append(
            f"bus {bus.name}: the adapter holds characters back for {held_ms} ms; "
            f"write 1 to /sys/bus/usb-serial/devices/{Path(os.path.realpath(port.path)).name}/latency_timer"
        )


async def _try_port(bus: BusSettings, port: Port, findings: _Findings) -> None:
    connection = await open_connection(port, bus.format, bus.timeout_s, LineCounters())
    try:
        for meter in bus.meters:
            if meter.model.sunspec:
                await _look_at(meter, connection, findings)
    finally:
        connection.close()


async def _look_at(meter: MeterSettings, connection: Connection, findings: _Findings) -> None:
    """What a device that describes itself says; that it is silent now need not mean anything."""
    from smartmeter.polling.sunspec import SunSpecError, look_at  # noqa: PLC0415 - most meters are none

    try:
        device = await look_at(meter, connection.read)
    except (AnswerError, SunSpecError) as error:
        findings.warnings.append(f"meter {meter.name}: {error}")
    else:
        findings.facts.append(f"meter {meter.name}: {device}")


def _check_journal(path: Path, findings: _Findings) -> None:
    place = path if path.exists() else path.parent
    if not path.parent.is_dir():
        findings.errors.append(f"journal: the directory {path.parent} does not exist; create it or set [journal] path")
    elif not os.access(place, os.W_OK):
        findings.errors.append(f"journal: no permission to write {place}")
    else:
        findings.facts.append(f"journal: {path} can be written")


def _as_text(source: Path | None, plans: Iterable[_BusPlan], findings: _Findings, zone: ZoneInfo) -> str:
    lines = [f"settings: {source}"] if source else []
    for plan in plans:
        bus = plan.settings
        lines.append(f"bus {bus.name}: {bus.port}, {bus.format}, {plan.percent:.1f} % busy")
        if abs(plan.fast_percent - plan.percent) >= 0.1:  # noqa: PLR2004 - what is printed
            lines[-1] += f" ({plan.fast_percent:.1f} % during the fast interval)"
        for meter, load, known in zip(bus.meters, plan.loads, plan.known, strict=True):
            tested = "" if meter.model.tested else ", a model that nobody has tested on a real meter yet"
            lines.append(f"  meter {meter.name}: {meter.model.name} at address {meter.address}{tested}")
            lines += [f"    {line}" for line in (describe_known(known, meter.model, zone) if known else ())]
            lines += [_round_line(load, number) for number in range(min(len(load.rounds), ROUNDS_SHOWN))]
            if len(load.rounds) > ROUNDS_SHOWN:
                lines.append(f"    and {len(load.rounds) - ROUNDS_SHOWN} more kinds of rounds, less frequent")
    lines += [f"ok: {fact}" for fact in findings.facts]
    lines += [f"warning: {warning}" for warning in findings.warnings]
    lines += [f"error: {error}" for error in findings.errors]
    return "\n".join(lines)


def _round_line(load: MeterLoad, number: int) -> str:
    planned = load.rounds[number]
    intervals = ", ".join(f"{interval_s:g}" for interval_s in planned.intervals_s)
    blocks = " ".join(f"{block.address}+{block.count}" for block in planned.blocks)
    noun = "block" if len(planned.blocks) == 1 else "blocks"
    return (
        f"    {100 * planned.share:5.1f} % of its rounds ({intervals} s): {len(planned.measurands)} values in "
        f"{len(planned.blocks)} {noun}, {planned.line_s * 1000:.1f} ms ({blocks})"
    )


def _as_json(source: Path | None, plans: Iterable[_BusPlan], findings: _Findings) -> dict[str, object]:
    return {
        "settings": str(source) if source else None,
        "ok": not findings.errors,
        "errors": findings.errors,
        "warnings": findings.warnings,
        "facts": findings.facts,
        "buses": [
            {
                "name": plan.settings.name,
                "port": plan.settings.port,
                "format": str(plan.settings.format),
                "busy_percent": round(plan.percent, 2),
                "fast_busy_percent": round(plan.fast_percent, 2),
                "meters": [
                    {
                        "name": meter.name,
                        "model": meter.model.name,
                        "model_tested": meter.model.tested,
                        "address": meter.address,
                        "busy_percent": round(100 * load.busy, 2),
                        "known": known_as_json(known, meter.model) if known else None,
                        "rounds": [
                            {
                                "intervals_s": planned.intervals_s,
                                "share": planned.share,
                                "values": len(planned.measurands),
                                "line_ms": round(planned.line_s * 1000, 2),
                                "blocks": [{"address": b.address, "count": b.count} for b in planned.blocks],
                            }
                            for planned in load.rounds
                        ],
                    }
                    for meter, load, known in zip(plan.settings.meters, plan.loads, plan.known, strict=True)
                ],
            }
            for plan in plans
        ],
    }
