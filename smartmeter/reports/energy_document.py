"""How the report of energy looks."""

from collections.abc import Iterator, Sequence

from smartmeter.energy.tariff import EXPORT, IMPORT
from smartmeter.measurands import Language, measurands
from smartmeter.periods import QUARTER_US, local_time
from smartmeter.reports.document import Bars, Block, Document, Figure, Figures, Notes, Section, Table, Tone
from smartmeter.reports.energy import Amount, EnergyReport, Row
from smartmeter.reports.gaps import Gap
from smartmeter.reports.names import row_name, short_name, span_name
from smartmeter.reports.words import moment, month, number, word

_DECIMALS = 2
_FLAGS_SHOWN = 20
_GAPS_SHOWN = 20
_POWER_UNIT = "kW"


def energy_document(reports: Sequence[EnergyReport], language: Language) -> Document:
    """The reports of all meters, which are of the same span."""
    span, until_us = reports[0].span, reports[0].until_us
    start, end = (moment(local_time(each, span.zone), language) for each in (span.start_us, span.end_us))
    line = f"{start} \N{EN DASH} {end} ({span.zone.key})"
    if until_us < span.end_us:
        line += ", " + word("as_of", language, time=moment(local_time(until_us, span.zone), language))
    return Document(
        title=f"{word('energy_of', language)}: {span_name(span, language)}",
        lines=[line],
        language=language,
        sections=[Section(report.meter, list(_blocks(report, language))) for report in reports],
    )


def _blocks(report: EnergyReport, language: Language) -> Iterator[Block]:
    if not report.counters:
        yield Notes("", [word("no_data", language)])
    else:
        yield Figures(list(_figures(report, language)))
        yield _bars(report, language)
        yield _table(report, language)
    if report.peaks:
        yield _peaks(report, language)
    if report.gaps:
        yield _gaps(report, language)
    notes = list(_notes(report, language))
    if notes:
        yield Notes(word("notes", language), notes)
    if report.flags:
        yield Notes(word("flags", language), list(_flag_lines(report, language)))


def _figures(report: EnergyReport, language: Language) -> Iterator[Figure]:
    for id_ in report.counters:
        measurand = measurands()[id_]
        value = _amount(report.totals.get(id_), language)
        change = _change(report, id_, language)
        detail = f"{change} {word('than_before', language)}" if change else ""
        yield Figure(measurand.label(language), f"{value} {measurand.unit_symbol}", detail)
    balance = _balance(report, language)
    if balance:
        money = f"{balance} {report.currency}"
        base = f"{word('base', language)} {number(report.base_cost, _DECIMALS, language)}" if report.base_cost else ""
        yield Figure(word("balance", language), money, base)
    peaks = [peak for peak in report.peaks if peak.measurand == IMPORT]
    if peaks:
        peak = max(peaks, key=lambda each: each.power)
        power = f"{number(peak.power, _DECIMALS, language)} {_POWER_UNIT}"
        yield Figure(word("peak", language), power, _moment(peak.start_us, report, language))


def _bars(report: EnergyReport, language: Language) -> Bars:
    unit = measurands()[report.counters[0]].unit
    charted = [id_ for id_ in report.counters if measurands()[id_].unit == unit]
    amounts = [[row.amounts.get(id_) for row in report.rows] for id_ in charted]
    return Bars(
        labels=[short_name(row.start_us, report.span, language) for row in report.rows],
        names=[measurands()[id_].label(language) for id_ in charted],
        values=[[None if amount is None else amount.energy for amount in column] for column in amounts],
        hatched=[[0.0 if amount is None else amount.gap_energy for amount in column] for column in amounts],
        missing=[_is_missing(row) for row in report.rows],
        hatched_name=word("gap_part", language),
        missing_name=word("without", language),
        unit=measurands()[charted[0]].unit_symbol,
        language=language,
    )


def _is_missing(row: Row) -> bool:
    return bool(row.amounts) and all(amount is None for amount in row.amounts.values())


def _table(report: EnergyReport, language: Language) -> Table:
    shown = report.counters
    priced = [id_ for id_ in shown if id_ in (IMPORT, EXPORT)] if report.currency else []
    row_heading = {"15m": "quarter", "1h": "hour", "1d": "day", "1mo": "month"}[report.span.row_kind]
    headings = [word(row_heading, language)]
    headings += [f"{measurands()[id_].label(language)} [{measurands()[id_].unit_symbol}]" for id_ in shown]
    headings += [f"{word('cost' if id_ == IMPORT else 'earned', language)} [{report.currency}]" for id_ in priced]
    rows = [
        [
            row_name(row.start_us, report.span, language),
            *(_energy(row, id_, language) for id_ in shown),
            *(_money(row.amounts.get(id_), id_, language) for id_ in priced),
        ]
        for row in report.rows
    ]
    tones: list[Tone] = ["missing" if _is_missing(row) else "plain" for row in report.rows]
    return Table(headings, rows, list(_totals(report, priced, language)), tones=tones)


def _totals(report: EnergyReport, priced: Sequence[str], language: Language) -> Iterator[list[str]]:
    shown, totals = report.counters, report.totals
    no_energy, no_money = [""] * len(shown), [""] * len(priced)

    def energies(key: str, values: Sequence[float | None]) -> list[str]:
        return [word(key, language), *("" if each is None else _number(each, language) for each in values), *no_money]

    yield [
        word("all", language),
        *(_amount(totals.get(id_), language) for id_ in shown),
        *(_money(totals.get(id_), id_, language) for id_ in priced),
    ]
    if any(total.gap_energy for total in totals.values()):
        yield energies("from_before", [totals[id_].gap_energy if id_ in totals else None for id_ in shown])
    if any(totals[id_].unpriced for id_ in priced if id_ in totals):
        yield energies("unpriced", [totals[id_].unpriced if id_ in priced and id_ in totals else None for id_ in shown])
    if priced and report.base_cost:
        base = number(report.base_cost, _DECIMALS, language)
        yield [word("base", language), *no_energy, base, *no_money[1:]]
    if priced:
        yield [word("balance", language), *no_energy, _balance(report, language), *no_money[1:]]
    if report.comparison is not None:
        yield energies("before", [report.comparison.before.get(id_) for id_ in shown])
        changes = [_change(report, id_, language) for id_ in shown]
        if any(changes):
            yield [word("change", language), *changes, *no_money]


def _energy(row: Row, id_: str, language: Language) -> str:
    return _amount(row.amounts[id_], language) if id_ in row.amounts else ""


def _amount(amount: Amount | None, language: Language) -> str:
    if amount is None:
        return word("unknown", language)
    return _number(amount.energy, language, is_part=amount.is_part)


def _number(energy: float, language: Language, *, is_part: bool = False) -> str:
    return number(energy, _DECIMALS, language) + ("*" if is_part else "")


def _money(amount: Amount | None, id_: str, language: Language) -> str:
    if amount is None or amount.cost is None:
        return ""
    return number(amount.cost if id_ == IMPORT else -amount.cost, _DECIMALS, language)


def _balance(report: EnergyReport, language: Language) -> str:
    """Nothing where there is no tariff, or too little is known."""
    totals = [report.totals.get(id_) for id_ in report.counters if id_ in (IMPORT, EXPORT)]
    if report.balance is None or None in totals:
        return ""
    return _number(report.balance, language, is_part=any(total.is_part for total in totals if total is not None))


def _change(report: EnergyReport, id_: str, language: Language) -> str:
    comparison = report.comparison
    if comparison is None or comparison.since_us is not None or id_ not in comparison.energy:
        return ""
    before = comparison.before.get(id_)
    if not before:
        return ""
    percent = 100 * (comparison.energy[id_] / before - 1)
    return f"{'+' if percent >= 0 else ''}{number(percent, 1, language)} %"


def _peaks(report: EnergyReport, language: Language) -> Table:
    if report.span.kind != "year":
        rows = [
            [
                measurands()[peak.measurand].label(language),
                _number(peak.power, language),
                _moment(peak.start_us, report, language),
            ]
            for peak in report.peaks
        ]
        return Table([word("peak", language), f"[{_POWER_UNIT}]", word("when", language)], rows)
    ids = [id_ for id_ in (IMPORT, EXPORT) if any(peak.measurand == id_ for peak in report.peaks)]
    by_place = {(peak.of_us, peak.measurand): peak for peak in report.peaks}
    headings = [word("month", language)]
    for id_ in ids:
        headings += [f"{measurands()[id_].label(language)} [{_POWER_UNIT}]", word("when", language)]
    rows = []
    for of_us in sorted({peak.of_us for peak in report.peaks}):
        local = local_time(of_us, report.span.zone)
        row = [f"{month(local, language)} {local.year}"]
        for id_ in ids:
            peak = by_place.get((of_us, id_))
            row += (
                ["", ""] if peak is None else [_number(peak.power, language), _moment(peak.start_us, report, language)]
            )
        rows.append(row)
    return Table(headings, rows, title=word("peaks", language))


def _gaps(report: EnergyReport, language: Language) -> Table:
    shown = sorted(sorted(report.gaps, key=_length_us)[-_GAPS_SHOWN:], key=lambda gap: gap.from_us)
    ids = [id_ for id_ in report.measurands if any(id_ in gap.energies for gap in shown)]
    headings = [word("from", language), word("until", language)]
    headings += [f"{measurands()[id_].label(language)} [{measurands()[id_].unit_symbol}]" for id_ in ids]
    rows = [
        [
            _moment(gap.from_us, report, language),
            _moment(gap.until_us, report, language),
            *(_number(gap.energies[id_], language) if id_ in gap.energies else "" for id_ in ids),
        ]
        for gap in shown
    ]
    return Table(headings, rows, title=word("gaps", language), left=[1])


def _length_us(gap: Gap) -> int:
    return gap.until_us - gap.from_us


def _notes(report: EnergyReport, language: Language) -> Iterator[str]:
    amounts = [amount for row in report.rows for amount in row.amounts.values()]
    if any(amount is not None and amount.is_part for amount in [*amounts, *report.totals.values()]):
        yield word("part", language)
    if None in amounts:
        yield word("unknown_row", language)
    if len(report.gaps) > _GAPS_SHOWN:
        yield word("longest", language, number=str(_GAPS_SHOWN), all=str(len(report.gaps)))
    if report.readings is not None:
        first_us, last_us = report.readings
        if report.span.start_us < first_us < report.span.end_us:
            yield word("begins", language, time=_moment(first_us, report, language))
        if report.until_us - last_us > QUARTER_US and last_us > report.span.start_us:
            yield word("ends", language, time=_moment(last_us, report, language))
    comparison = report.comparison
    if comparison is not None and comparison.since_us is not None:
        yield word("before_begins", language, time=_moment(comparison.since_us, report, language))
    elif comparison is not None and comparison.until_us < report.span.end_us:
        yield word("compared", language, time=_moment(comparison.until_us, report, language))


def _flag_lines(report: EnergyReport, language: Language) -> Iterator[str]:
    for flag in report.flags[:_FLAGS_SHOWN]:
        measurand = measurands()[flag.measurand]
        before, value = (_number(each, language) for each in (flag.before, flag.value))
        when = _moment(flag.time_us, report, language)
        what = word(flag.kind, language)
        yield f"{when}, {measurand.label(language)}: {before} → {value} {measurand.unit_symbol}, {what}"
    if len(report.flags) > _FLAGS_SHOWN:
        yield word("more", language, number=str(len(report.flags) - _FLAGS_SHOWN))


def _moment(time_us: int, report: EnergyReport, language: Language) -> str:
    return moment(local_time(time_us, report.span.zone), language)
