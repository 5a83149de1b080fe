"""How the report of energy looks."""

from collections.abc import Iterator, Sequence

from smartmeter.energy.tariff import EXPORT, IMPORT
from smartmeter.measurands import Language, measurands
from smartmeter.periods import local_time
from smartmeter.reports.document import Bars, Block, Document, Notes, Section, Table
from smartmeter.reports.energy import Amount, EnergyReport, Row, hour_name
from smartmeter.reports.span import Span
from smartmeter.reports.words import day, moment, month, number, word

_ENERGY_DECIMALS = 2
_MONEY_DECIMALS = 2
_POWER_DECIMALS = 2
_FLAGS_SHOWN = 20
# Of the two counters whose highest quarter-hours are shown.
_POWER_UNIT = "kW"


def energy_document(reports: Sequence[EnergyReport], language: Language) -> Document:
    """The reports of all meters, which are of the same span."""
    span = reports[0].span
    return Document(
        title=f"{word('energy_of', language)}: {span_name(span, language)}",
        subtitle=_until(span, language),
        language=language,
        sections=[Section(report.meter, list(_blocks(report, language))) for report in reports],
    )


def span_name(span: Span, language: Language) -> str:
    """The span as people call it."""
    local = local_time(span.start_us, span.zone)
    match span.kind:
        case "day":
            return day(local, language)
        case "week":
            year, week, _ = local.isocalendar()
            return f"{word('week', language)} {week}, {year}"
        case "month":
            return month(local, language)
        case "year":
            return f"{local:%Y}"


def _until(span: Span, language: Language) -> str:
    start, end = local_time(span.start_us, span.zone), local_time(span.end_us, span.zone)
    return f"{moment(start, language)} \N{EN DASH} {moment(end, language)} ({span.zone.key})"


def row_name(row: Row, span: Span, language: Language) -> str:
    """What the row is called: an hour, a day or a month."""
    local = local_time(row.start_us, span.zone)
    match span.row_kind:
        case "1h":
            return hour_name(row.start_us, span)
        case "1mo":
            return month(local, language)
        case _:
            return day(local, language)


def _blocks(report: EnergyReport, language: Language) -> Iterator[Block]:
    if not report.totals:
        yield Notes("", [word("no_data", language)])
        return
    shown = [id_ for id_ in report.measurands if id_ in report.totals]
    yield _bars(report, shown, language)
    yield _table(report, shown, language)
    if report.peaks:
        yield _peaks(report, language)
    if report.gaps:
        yield Notes(word("gaps", language), list(_gap_lines(report, language)))
    if report.flags:
        yield Notes(word("flags", language), list(_flag_lines(report, language)))


def _bars(report: EnergyReport, shown: Sequence[str], language: Language) -> Bars:
    charted = [id_ for id_ in shown if measurands()[id_].unit == measurands()[shown[0]].unit]
    amounts = [[row.amounts.get(id_) for row in report.rows] for id_ in charted]
    return Bars(
        labels=[row_name(row, report.span, language) for row in report.rows],
        names=[measurands()[id_].label(language) for id_ in charted],
        values=[[None if amount is None else amount.energy for amount in column] for column in amounts],
        hatched=[[0.0 if amount is None else amount.gap_energy for amount in column] for column in amounts],
        unit=measurands()[shown[0]].unit_symbol,
    )


def _table(report: EnergyReport, shown: Sequence[str], language: Language) -> Table:
    priced = [id_ for id_ in shown if id_ in (IMPORT, EXPORT)] if report.currency else []
    row_heading = {"1h": "hour", "1d": "day", "1mo": "month"}[report.span.row_kind]
    headings = [word(row_heading, language)]
    headings += [f"{measurands()[id_].label(language)} [{measurands()[id_].unit_symbol}]" for id_ in shown]
    headings += [f"{word('cost' if id_ == IMPORT else 'earned', language)} [{report.currency}]" for id_ in priced]
    rows = [
        [
            row_name(row, report.span, language),
            *(_energy(row, id_, language) for id_ in shown),
            *(_money(row.amounts.get(id_), id_, language) for id_ in priced),
        ]
        for row in report.rows
    ]
    return Table(headings, rows, list(_totals(report, shown, priced, language)))


def _totals(
    report: EnergyReport, shown: Sequence[str], priced: Sequence[str], language: Language
) -> Iterator[list[str]]:
    totals = report.totals
    nothing = [""] * len(priced)
    yield [
        word("all", language),
        *(_number(totals[id_].energy, totals[id_].is_part, language) for id_ in shown),
        *(_money(totals[id_], id_, language) for id_ in priced),
    ]
    if any(totals[id_].gap_energy for id_ in shown):
        over_gaps = [number(totals[id_].gap_energy, _ENERGY_DECIMALS, language) for id_ in shown]
        yield [word("counted_over_gaps", language), *over_gaps, *nothing]
    if any(abs(totals[id_].unpriced) > 0 for id_ in priced):
        unpriced = [number(totals[id_].unpriced, _ENERGY_DECIMALS, language) if id_ in priced else "" for id_ in shown]
        yield [word("unpriced", language), *unpriced, *nothing]
    if priced and report.base_cost:
        base = number(report.base_cost, _MONEY_DECIMALS, language)
        yield [word("base", language), *("" for _ in shown), base, *nothing[1:]]
    if any(id_ in report.before for id_ in shown):
        yield [word("before", language), *(_before(report, id_, language) for id_ in shown), *nothing]
        yield [word("change", language), *(_change(report, id_, language) for id_ in shown), *nothing]


def _energy(row: Row, id_: str, language: Language) -> str:
    if id_ not in row.amounts:
        return ""
    amount = row.amounts[id_]
    return word("unknown", language) if amount is None else _number(amount.energy, amount.is_part, language)


def _number(energy: float, is_part: bool, language: Language) -> str:  # noqa: FBT001 - a fact of the amount
    return number(energy, _ENERGY_DECIMALS, language) + ("*" if is_part else "")


def _money(amount: Amount | None, id_: str, language: Language) -> str:
    if amount is None or amount.cost is None:
        return ""
    return number(amount.cost if id_ == IMPORT else -amount.cost, _MONEY_DECIMALS, language)


def _before(report: EnergyReport, id_: str, language: Language) -> str:
    return number(report.before[id_], _ENERGY_DECIMALS, language) if id_ in report.before else ""


def _change(report: EnergyReport, id_: str, language: Language) -> str:
    before = report.before.get(id_)
    if not before:
        return ""
    percent = 100 * (report.totals[id_].energy / before - 1)
    sign = "+" if percent >= 0 else ""
    return f"{sign}{number(percent, 1, language)} %"


def _peaks(report: EnergyReport, language: Language) -> Table:
    rows = []
    for peak in report.peaks:
        local = local_time(peak.start_us, report.span.zone)
        power = number(peak.power, _POWER_DECIMALS, language)
        rows.append([moment(local, language), power, measurands()[peak.measurand].label(language)])
    return Table([word("peaks", language), f"[{_POWER_UNIT}]", ""], rows)


def _gap_lines(report: EnergyReport, language: Language) -> Iterator[str]:
    yield word("part", language)
    for gap in report.gaps:
        measurand = measurands()[gap.measurand]
        energy = f"{number(gap.energy, _ENERGY_DECIMALS, language)} {measurand.unit_symbol}"
        begin, end = (moment(local_time(each, report.span.zone), language) for each in (gap.from_us, gap.until_us))
        yield f"{begin} \N{EN DASH} {end}, {measurand.label(language)}: {word('gap', language, energy=energy)}"


def _flag_lines(report: EnergyReport, language: Language) -> Iterator[str]:
    for flag in report.flags[:_FLAGS_SHOWN]:
        measurand = measurands()[flag.measurand]
        values = f"{flag.before:g} → {flag.value:g} {measurand.unit_symbol}"
        local = moment(local_time(flag.time_us, report.span.zone), language)
        yield f"{local}, {measurand.label(language)}: {values}, {word(flag.kind, language)}"
    if len(report.flags) > _FLAGS_SHOWN:
        yield word("more", language, number=str(len(report.flags) - _FLAGS_SHOWN))
