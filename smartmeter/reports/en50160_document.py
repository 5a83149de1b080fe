"""How the report of the quality of the supply looks."""

from collections.abc import Iterator, Mapping, Sequence

from smartmeter.measurands import Language
from smartmeter.periods import local_time
from smartmeter.reports.document import Block, Document, Figure, Figures, Lines, Notes, Section, Shade, Table, Tone
from smartmeter.reports.en50160 import (
    FREQUENCY_MOSTLY,
    TEN_MINUTES_US,
    VOLTAGE,
    VOLTAGE_ALWAYS,
    Criterion,
    Finding,
    QualityReport,
    Verdict,
    is_interrupted,
    live_phases,
)
from smartmeter.reports.names import span_name
from smartmeter.reports.words import moment, number, word

_DECIMALS = {"V": 1, "Hz": 2, "%": 1}
_SHOWN = 20
_TONES: Mapping[Verdict, Tone] = {"pass": "good", "fail": "bad", "insufficient": "open"}


def quality_document(reports: Sequence[QualityReport], language: Language) -> Document:
    """The reports of all meters, which are of the same week."""
    report = reports[0]
    start, end = (_moment(each, report, language) for each in (report.span.start_us, report.span.end_us))
    line = f"{start} \N{EN DASH} {end} ({report.span.zone.key})"
    if report.until_us < report.span.end_us:
        line += ", " + word("as_of", language, time=_moment(report.until_us, report, language))
    return Document(
        title=f"{word('en50160', language)}: {span_name(report.span, language)}",
        lines=[line, word("not_metrology", language)],
        language=language,
        sections=[Section(report.meter, list(_blocks(report, language))) for report in reports],
    )


def _blocks(report: QualityReport, language: Language) -> Iterator[Block]:
    if not report.findings:
        yield Notes("", [word("no_data", language)])
        return
    yield Figures(list(_figures(report, language)))
    if live_phases(report.rows):
        yield _chart(report, language)
    yield _table(report, language)
    if report.interruptions:
        lines = [
            f"{_span(each.from_us, each.until_us, report, language)}: "
            f"{word('interruption', language, phase=each.phase.upper())} "
            f"({word('short' if each.is_short else 'long', language)})"
            for each in report.interruptions
        ]
        yield Notes(word("interruptions", language), _shortened(lines, language))
    if report.silences:
        lines = [_span(*each, report, language) for each in report.silences]
        yield Notes(word("silence", language), _shortened(lines, language))
    notes = list(_notes(report, language))
    if notes:
        yield Notes(word("notes", language), notes)


def _figures(report: QualityReport, language: Language) -> Iterator[Figure]:
    tone = _TONES[report.verdict]
    bad = list(dict.fromkeys(each.criterion.name for each in report.findings if each.verdict == "fail"))
    detail = ", ".join(word(name, language) for name in bad)
    yield Figure("EN 50160", word(report.verdict, language), detail, tone)
    coverage = max(finding.coverage for finding in report.findings)
    yield Figure(word("coverage", language), _percent(coverage, language), word("means", language))
    voltages = [finding for finding in report.findings if finding.criterion is VOLTAGE]
    if voltages:
        low = number(min(finding.quantile_5 for finding in voltages), 1, language)
        high = number(max(finding.quantile_95 for finding in voltages), 1, language)
        value = f"{low} \N{HORIZONTAL ELLIPSIS} {high} V"
        yield Figure(word("voltage", language), value, word("quantiles", language))
    yield Figure(word("interruptions", language), str(len(report.interruptions)))


def _chart(report: QualityReport, language: Language) -> Lines:
    starts_us = range(report.span.start_us, report.span.end_us + 1, TEN_MINUTES_US)
    rows = {row.start_us: row for row in report.rows}
    live = live_phases(report.rows)
    marks = {each.phase: (each.quantile_5, each.quantile_95) for each in report.findings if each.criterion is VOLTAGE}
    away = [
        Shade(each.from_us / 1e6, each.until_us / 1e6, word("interruptions", language), "bad")
        for each in report.interruptions
    ]
    silent = [
        Shade(begin_us / 1e6, end_us / 1e6, word("without", language), "missing")
        for begin_us, end_us in report.silences
    ]
    limits = (VOLTAGE_ALWAYS.low, VOLTAGE.low, VOLTAGE.high)
    return Lines(
        times=[start_us / 1e6 for start_us in starts_us],
        names=[phase.upper() for phase in live],
        values=[
            [
                rows[each].means.get(id_) if each in rows and not is_interrupted(rows[each], id_) else None
                for each in starts_us
            ]
            for id_ in live.values()
        ],
        limits=[limit for limit in limits if limit is not None],
        marks=[marks[phase] for phase in live if phase in marks],
        marks_name=word("quantiles", language),
        shades=[*silent, *away],
        unit="V",
        zone=report.span.zone.key,
        language=language,
    )


def _table(report: QualityReport, language: Language) -> Table:
    keys = ("criterion", "phase", "limit", "demanded", "share", "quantiles", "measured", "coverage", "verdict")
    return Table(
        [word(key, language) for key in keys],
        [_row(finding, language) for finding in report.findings],
        tones=[_TONES[finding.verdict] for finding in report.findings],
        left=[1],
    )


def _row(finding: Finding, language: Language) -> list[str]:
    criterion = finding.criterion
    return [
        f"{word(criterion.name, language)} ({criterion.clause})",
        "" if finding.phase is None else finding.phase.upper(),
        _limit(criterion, language),
        _percent(criterion.share, language),
        _percent(finding.within, language),
        _range(finding.quantile_5, finding.quantile_95, criterion, language),
        _range(finding.lowest, finding.highest, criterion, language),
        _percent(finding.coverage, language),
        word(finding.verdict, language),
    ]


def _limit(criterion: Criterion, language: Language) -> str:
    if criterion.high is None or criterion.low is None:
        high = number(criterion.high or 0.0, _DECIMALS[criterion.unit], language)
        return f"≤ {high} {criterion.unit}"
    return f"{_range(criterion.low, criterion.high, criterion, language)} {criterion.unit}"


def _range(low: float, high: float, criterion: Criterion, language: Language) -> str:
    decimals = _DECIMALS[criterion.unit]
    return f"{number(low, decimals, language)} \N{HORIZONTAL ELLIPSIS} {number(high, decimals, language)}"


def _percent(share: float, language: Language) -> str:
    return f"{number(100 * share, 1, language)} %"


def _notes(report: QualityReport, language: Language) -> Iterator[str]:
    if report.dead:
        yield word("dead", language, phases=", ".join(report.dead).upper())
    if report.not_measured:
        names = ", ".join(f"{word(each.name, language)} ({each.clause})" for each in report.not_measured)
        yield f"{word('not_measured', language)}: {names}"
    if FREQUENCY_MOSTLY not in report.not_measured:
        yield word("week_only", language)


def _shortened(lines: Sequence[str], language: Language) -> list[str]:
    more = [word("more", language, number=str(len(lines) - _SHOWN))] if len(lines) > _SHOWN else []
    return [*lines[:_SHOWN], *more]


def _span(from_us: int, until_us: int, report: QualityReport, language: Language) -> str:
    seconds = [f"{local_time(each, report.span.zone):%S}" for each in (from_us, until_us)]
    exact = any(each != "00" for each in seconds)
    begin, end = (
        _moment(each, report, language) + (f":{second}" if exact else "")
        for each, second in zip((from_us, until_us), seconds, strict=True)
    )
    return f"{begin} \N{EN DASH} {end}"


def _moment(time_us: int, report: QualityReport, language: Language) -> str:
    return moment(local_time(time_us, report.span.zone), language)
