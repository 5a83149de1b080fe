"""What was found, as text for people and as JSON for programs."""

from collections.abc import Iterable, Mapping, Sequence
from zoneinfo import ZoneInfo

from smartmeter.doctor.evidence import BusEvidence, MeterEvidence
from smartmeter.doctor.figures import Figures, Percentiles, figures
from smartmeter.doctor.finding import Finding
from smartmeter.polling.described import describe_known, known_as_json
from smartmeter.polling.known import KnownMeter
from smartmeter.polling.learned import describe_learned

_FAILURES = {
    "gateway": "not reached by the gateway",
    "no_answer": "without an answer",
    "short": "broken off",
    "damaged": "damaged",
    "foreign": "another's",
    "exception": "refused or put off",
}


def as_text(evidence: BusEvidence, findings: Sequence[Finding], kept: Mapping[str, KnownMeter], zone: ZoneInfo) -> str:
    """The bus, its meters with their figures, and what is wrong; `kept` is what the daemon has learned, by meter."""
    bus = evidence.bus
    lines = [f"bus {bus.name}: {bus.port}, {bus.format}, time-out {bus.timeout_s:g} s"]
    for meter in evidence.meters:
        lines.append(f"  meter {meter.meter.name}: {meter.meter.model.name} at address {meter.meter.address}")
        lines += [f"    {line}" for line in _meter_lines(evidence, meter)]
        if known := kept.get(meter.meter.name):
            lines.append("    the daemon has learned of it:")
            lines += [f"      {line}" for line in describe_known(known, meter.meter.model, zone)]
    for finding in findings:
        lines.append(f"{finding.weight}: {finding.where}: {finding.what}")
        lines += [f"    {shown}" for shown in finding.evidence]
        lines.append(f"    -> {finding.advice}")
    if not findings:
        lines.append("ok: nothing is wrong")
    return "\n".join(lines)


def as_json(evidence: BusEvidence, findings: Sequence[Finding], kept: Mapping[str, KnownMeter]) -> dict[str, object]:
    """The same for programs; times in seconds."""
    bus = evidence.bus
    return {
        "name": bus.name,
        "port": bus.port,
        "format": str(bus.format),
        "timeout_s": bus.timeout_s,
        "meters": [_meter_json(meter, evidence, kept.get(meter.meter.name)) for meter in evidence.meters],
        "findings": [
            {
                "kind": finding.kind,
                "weight": finding.weight,
                "where": finding.where,
                "what": finding.what,
                "evidence": list(finding.evidence),
                "advice": finding.advice,
            }
            for finding in findings
        ],
    }


def is_faulty(findings: Iterable[Finding]) -> bool:
    """Whether something wants mending."""
    return any(finding.weight == "fault" for finding in findings)


def _meter_lines(evidence: BusEvidence, meter: MeterEvidence) -> list[str]:
    counted = figures(meter, evidence.line)
    failed = ", ".join(
        f"{number} {_FAILURES[kind]} ({100 * number / counted.requests:.0f} %)"
        for kind, number in counted.failures.items()
    )
    lines = [f"{counted.requests} requests, {counted.answers} answers{f', {failed}' if failed else ''}"]
    if counted.first_byte and counted.beyond_line:
        lines += [
            f"answers begin after {_shown(counted.first_byte)}",
            f"exchanges take, beyond their time on the line, {_shown(counted.beyond_line)}",
        ]
    if counted.timeout_s is not None:
        lines.append(f"a time-out of {counted.timeout_s:g} s fits it; set are {evidence.bus.timeout_s:g} s")
    if meter.device:
        lines.append(meter.device)
    return lines + _learned(meter)


def _shown(of: Percentiles) -> str:
    parts = {"half": of.p50_s, "90 %": of.p90_s, "99 %": of.p99_s}
    shown = ", ".join(f"{1000 * time_s:.1f} ms ({part})" for part, time_s in parts.items())
    return f"{shown}, {1000 * of.max_s:.1f} ms at most"


def _learned(meter: MeterEvidence) -> list[str]:
    """What this examination has taught of the meter, in words."""
    return [] if meter.learned is None else describe_learned(meter.learned, meter.meter.model)


def _meter_json(meter: MeterEvidence, evidence: BusEvidence, known: KnownMeter | None) -> dict[str, object]:
    counted: Figures = figures(meter, evidence.line)
    return {
        "name": meter.meter.name,
        "model": meter.meter.model.name,
        "address": meter.meter.address,
        "requests": counted.requests,
        "answers": counted.answers,
        "failures": counted.failures,
        "first_byte_s": _as_json(counted.first_byte),
        "beyond_line_s": _as_json(counted.beyond_line),
        "suggested_timeout_s": counted.timeout_s,
        "learned": _learned(meter),
        "known": known_as_json(known, meter.meter.model) if known else None,
    }


def _as_json(of: Percentiles | None) -> dict[str, float] | None:
    if of is None:
        return None
    parts = {"p50": of.p50_s, "p90": of.p90_s, "p99": of.p99_s, "max": of.max_s}
    return {part: round(time_s, 6) for part, time_s in parts.items()}
