"""From evidence to findings: pure, so that every diagnosis can be tried on made-up evidence."""

from smartmeter.doctor.answers import looks_like_noise
from smartmeter.doctor.evidence import BusEvidence, MeterEvidence
from smartmeter.doctor.finding import Finding
from smartmeter.doctor.of_line import line_findings
from smartmeter.doctor.of_meter import answering_findings, two_meters
from smartmeter.doctor.of_port import port_findings
from smartmeter.doctor.of_silent import is_unintelligible, silent_findings


def diagnose(evidence: BusEvidence) -> tuple[Finding, ...]:
    """All that is wrong with a bus: its port first, then its line, then meter by meter."""
    findings = [*port_findings(evidence), *line_findings(evidence)]
    for meter in evidence.meters:
        findings += _of_meter(evidence, meter)
    return tuple(findings)


def _of_meter(evidence: BusEvidence, meter: MeterEvidence) -> list[Finding]:
    # Two meters at once explain whatever else their answers look like.
    at_once = list(two_meters(evidence, meter))
    if at_once:
        return at_once
    if is_unintelligible(meter) and not looks_like_noise(meter):
        return list(silent_findings(evidence, meter))
    return list(answering_findings(evidence, meter))
