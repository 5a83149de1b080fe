"""What reports say in both languages, and how they write numbers and times."""

from datetime import datetime
from typing import Final

from smartmeter.measurands import Language

_WORDS: Final[dict[str, tuple[str, str]]] = {
    "all": ("Total", "Summe"),
    "as_of": ("as of {time}", "Stand {time}"),
    "balance": ("To pay", "Zu zahlen"),
    "base": ("Base price", "Grundpreis"),
    "before": ("A year before", "Vorjahr"),
    "before_begins": (
        "A year before, readings begin on {time}: no change is worked out.",
        "Im Vorjahr beginnen die Ablesungen am {time}: eine Änderung wird nicht berechnet.",
    ),
    "begins": ("Readings begin on {time}.", "Die Ablesungen beginnen am {time}."),
    "change": ("Change", "Änderung"),
    "compared": (
        "Compared until {time}, with as much of a year before.",
        "Verglichen bis {time}, mit ebenso viel des Vorjahres.",
    ),
    "cost": ("Cost", "Kosten"),
    "coverage": ("Coverage", "Abdeckung"),
    "criterion": ("Criterion", "Kriterium"),
    "day": ("Day", "Tag"),
    "dead": (
        "{phases}: no voltage at any time, not connected perhaps; not judged.",
        "{phases}: zu keiner Zeit Spannung, vielleicht nicht angeschlossen; nicht beurteilt.",
    ),
    "demanded": ("Demanded", "Gefordert"),
    "earned": ("Earned", "Vergütung"),
    "en50160": ("Quality of supply by EN 50160", "Spannungsqualität nach EN 50160"),
    "ends": ("No readings since {time}.", "Keine Ablesungen seit {time}."),
    "energy_of": ("Energy", "Energie"),
    "fail": ("not met", "nicht eingehalten"),
    "false_value": ("false value, left out", "falscher Wert, nicht gezählt"),
    "flags": ("Counters", "Zählerstände"),
    "frequency": ("Frequency", "Frequenz"),
    "frequency_always": ("Frequency, always", "Frequenz, immer"),
    "from": ("From", "Von"),
    "from_before": ("of it over a gap from before", "davon aus einer Lücke von vorher"),
    "gap_part": ("over a gap", "über eine Lücke"),
    "gaps": ("Gaps: total known, course unknown", "Lücken: Summe bekannt, Verlauf unbekannt"),
    "hour": ("Hour", "Stunde"),
    "insufficient": ("not enough data", "zu wenig Daten"),
    "interruption": ("{phase} interrupted", "{phase} unterbrochen"),
    "interruptions": ("Interruptions", "Unterbrechungen"),
    "jump": ("jump, not counted: see smartmeter db repair", "Sprung, nicht gezählt: siehe smartmeter db repair"),
    "limit": ("Limit", "Grenze"),
    "long": ("long", "lang"),
    "longest": ("The {number} longest of {all}.", "Die {number} längsten von {all}."),
    "means": ("10-minute means", "10-Minuten-Mittel"),
    "measured": ("Lowest \N{HORIZONTAL ELLIPSIS} highest", "Kleinster \N{HORIZONTAL ELLIPSIS} größter"),
    "meter": ("Meter", "Zähler"),
    "month": ("Month", "Monat"),
    "more": ("and {number} more", "und {number} weitere"),
    "no_data": ("no data in this time", "keine Daten in dieser Zeit"),
    "not_measured": ("not measured", "nicht gemessen"),
    "not_metrology": (
        "From readings at intervals, not from 200-ms values as EN 61000-4-30 class A asks: an indication, no proof.",
        "Aus Ablesungen in Abständen, nicht aus 200-ms-Werten nach EN 61000-4-30 Klasse A: ein Hinweis, kein Nachweis.",
    ),
    "notes": ("Notes", "Hinweise"),
    "part": (
        "* A gap reaches into or out of this row: it may have more or less of the gap's energy.",
        "* Eine Lücke reicht in diese Zeile oder hinaus: sie kann mehr oder weniger von deren Energie haben.",
    ),
    "pass": ("met", "eingehalten"),
    "peak": ("Highest quarter-hour", "Höchste Viertelstunde"),
    "peaks": ("Highest quarter-hours", "Höchste Viertelstunden"),
    "phase": ("Phase", "Phase"),
    "quantiles": ("5 % \N{HORIZONTAL ELLIPSIS} 95 % quantile", "5-%- \N{HORIZONTAL ELLIPSIS} 95-%-Quantil"),
    "quarter": ("Quarter-hour", "Viertelstunde"),
    "replaced": ("meter replaced: a new era", "Zähler getauscht: neue Zählung"),
    "reset": ("counter reset: a new era", "Zähler zurückgesetzt: neue Zählung"),
    "share": ("Within", "Innerhalb"),
    "short": ("short", "kurz"),
    "silence": ("Not read: no proof of an interruption", "Nicht gelesen: kein Beleg für eine Unterbrechung"),
    "thd": ("Voltage THD", "THD der Spannung"),
    "than_before": ("on a year before", "zum Vorjahr"),
    "unbalance": ("Unbalance", "Unsymmetrie"),
    "unknown": ("\N{EN DASH}", "\N{EN DASH}"),
    "unknown_row": (
        "\N{EN DASH} Not known: this time lies wholly in a gap.",
        "\N{EN DASH} Nicht bekannt: diese Zeit liegt ganz in einer Lücke.",
    ),
    "unpriced": ("of it without a price", "davon ohne Preis"),
    "until": ("Until", "Bis"),
    "verdict": ("Verdict", "Ergebnis"),
    "voltage": ("Voltage", "Spannung"),
    "voltage_always": ("Voltage, always", "Spannung, immer"),
    "week": ("Week", "Woche"),
    "when": ("When", "Wann"),
    "week_only": (
        "Frequency is judged over this week; the standard takes a year.",
        "Die Frequenz wird über diese Woche beurteilt; die Norm nimmt ein Jahr.",
    ),
    "without": ("not read", "nicht gelesen"),
}
_MONTHS_DE = (
    *("Januar", "Februar", "März", "April", "Mai", "Juni"),
    *("Juli", "August", "September", "Oktober", "November", "Dezember"),
)
_MONTHS_EN = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAYS_EN = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
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


def clock(local: datetime) -> str:
    """The time of day; in the hour that comes twice with A or B, as the energy business does."""
    is_twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    return f"{local:%H:%M}" + ("" if not is_twice else " B" if local.fold else " A")


def date(local: datetime, language: Language) -> str:
    """A day."""
    return f"{local:%Y-%m-%d}" if language == "en" else f"{local:%d.%m.%Y}"


def day(local: datetime, language: Language) -> str:
    """A day with its weekday."""
    weekday = (_DAYS_EN if language == "en" else _DAYS_DE)[local.weekday()]
    return f"{weekday} {date(local, language)}"


def moment(local: datetime, language: Language) -> str:
    """A local time to the minute."""
    return f"{date(local, language)} {clock(local)}"


def month(local: datetime, language: Language) -> str:
    """A month."""
    return (_MONTHS_EN if language == "en" else _MONTHS_DE)[local.month - 1]
