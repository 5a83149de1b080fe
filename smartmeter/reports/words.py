"""What reports say in both languages, and how they write numbers and times."""

from datetime import datetime
from typing import Final

from smartmeter.measurands import Language

_WORDS: Final[dict[str, tuple[str, str]]] = {
    "all": ("total", "Summe"),
    "base": ("base price", "Grundpreis"),
    "before": ("a year before", "Vorjahr"),
    "change": ("change", "Änderung"),
    "cost": ("cost", "Kosten"),
    "counted_over_gaps": ("over gaps", "über Lücken"),
    "coverage": ("coverage", "Abdeckung"),
    "criterion": ("criterion", "Kriterium"),
    "day": ("Day", "Tag"),
    "earned": ("earned", "Vergütung"),
    "en50160": ("Quality of supply by EN 50160", "Spannungsqualität nach EN 50160"),
    "energy_of": ("Energy", "Energie"),
    "fail": ("not met", "nicht eingehalten"),
    "false_value": ("false value, left out", "falscher Wert, nicht gezählt"),
    "flags": ("Counters", "Zähler"),
    "frequency": ("Frequency", "Frequenz"),
    "frequency_always": ("Frequency, always", "Frequenz, immer"),
    "gap": (
        "not read: {energy} in total, its course is not known",
        "nicht gelesen: insgesamt {energy}, Verlauf unbekannt",
    ),
    "gaps": ("Gaps", "Lücken"),
    "hour": ("Hour", "Stunde"),
    "insufficient": ("not enough data", "zu wenig Daten"),
    "interruption": ("interruption of {phase}", "Unterbrechung von {phase}"),
    "interruptions": ("Interruptions", "Unterbrechungen"),
    "jump": ("jump, not counted: see smartmeter db repair", "Sprung, nicht gezählt: siehe smartmeter db repair"),
    "limit": ("limit", "Grenze"),
    "measured": ("measured", "gemessen"),
    "meter": ("meter", "Zähler"),
    "month": ("Month", "Monat"),
    "no_data": ("no data in this time", "keine Daten in dieser Zeit"),
    "more": ("and {number} more", "und {number} weitere"),
    "not_metrology": (
        "From readings at intervals, not from 200-ms values as EN 61000-4-30 class A asks: an indication, no proof.",
        "Aus Ablesungen in Abständen, nicht aus 200-ms-Werten nach EN 61000-4-30 Klasse A: ein Hinweis, kein Nachweis.",
    ),
    "part": ("* a gap reaches into this row", "* eine Lücke reicht in diese Zeile"),
    "pass": ("met", "eingehalten"),
    "peak": ("highest quarter-hour", "höchste Viertelstunde"),
    "peaks": ("Highest quarter-hours", "Höchste Viertelstunden"),
    "phase": ("phase", "Phase"),
    "replaced": ("meter replaced: a new era", "Zähler getauscht: neue Zählung"),
    "reset": ("counter reset: a new era", "Zähler zurückgesetzt: neue Zählung"),
    "share": ("within", "innerhalb"),
    "silence": ("no readings (no proof of an interruption)", "keine Ablesung (kein Beleg für eine Unterbrechung)"),
    "thd": ("Voltage THD", "THD der Spannung"),
    "unbalance": ("Unbalance", "Unsymmetrie"),
    "unknown": ("?", "?"),
    "unpriced": ("without a price", "ohne Preis"),
    "verdict": ("verdict", "Ergebnis"),
    "voltage": ("Voltage", "Spannung"),
    "voltage_always": ("Voltage, always", "Spannung, immer"),
    "week": ("Week", "Woche"),
    "year": ("Year", "Jahr"),
}
_MONTHS_DE = (
    *("Januar", "Februar", "März", "April", "Mai", "Juni"),
    *("Juli", "August", "September", "Oktober", "November", "Dezember"),
)
_DAYS_DE = ("Mo", "Di", "Mi", "Do", "Fr", "Sa", "So")


def word(key: str, language: Language, **values: str) -> str:
    """The words for this, with the values in their places."""
    english, german = _WORDS[key]
    return (english if language == "en" else german).format(**values)


def number(value: float, decimals: int, language: Language) -> str:
    """The number with so many decimals, and with thousands apart."""
    text = f"{value:,.{decimals}f}"
    # Not -0.00.
    if not float(text.replace(",", "")):
        text = text.removeprefix("-")
    return text if language == "en" else text.translate(str.maketrans(",.", ".,"))


def moment(local: datetime, language: Language) -> str:
    """A local time to the minute."""
    return f"{local:%Y-%m-%d %H:%M}" if language == "en" else f"{local:%d.%m.%Y %H:%M}"


def day(local: datetime, language: Language) -> str:
    """A day with its weekday."""
    return f"{local:%a %Y-%m-%d}" if language == "en" else f"{_DAYS_DE[local.weekday()]} {local:%d.%m.%Y}"


def month(local: datetime, language: Language) -> str:
    """A month with its year."""
    return f"{local:%B %Y}" if language == "en" else f"{_MONTHS_DE[local.month - 1]} {local.year}"
