"""Expands variables and macros as Grafana does, for both data sources.

In the browser Grafana replaces its variables and those of the dashboard; in the server each data source its macros.
Which macros there are, and what they become, is what the sources of Grafana 11 and of the plugin 4.0 say.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Where Grafana rounds the span by the number of points to (milliseconds): up to less than the first, the second.
STEPS_MS = (
    (1_500, 1_000),
    (3_500, 2_000),
    (7_500, 5_000),
    (12_500, 10_000),
    (17_500, 15_000),
    (25_000, 20_000),
    (45_000, 30_000),
    (90_000, 60_000),
    (210_000, 120_000),
    (450_000, 300_000),
    (750_000, 600_000),
    (1_050_000, 900_000),
    (1_500_000, 1_200_000),
    (2_700_000, 1_800_000),
    (5_400_000, 3_600_000),
    (9_000_000, 7_200_000),
    (16_200_000, 10_800_000),
    (32_400_000, 21_600_000),
    (86_400_000, 43_200_000),
    (604_800_000, 86_400_000),
    (1_814_400_000, 604_800_000),
    (3_628_800_000, 2_592_000_000),
)


class UnknownMacroError(Exception):
    """Grafana would show this instead of the panel."""


@dataclass(frozen=True)
class Asked:
    """What a panel is asked for: the span, the number of points it has room for, and the chosen variables."""

    from_us: int
    until_us: int
    variables: dict = field(default_factory=dict)
    points: int = 1000

    @property
    def from_ms(self):
        return self.from_us // 1000

    @property
    def until_ms(self):
        return self.until_us // 1000

    def step_ms(self, least_step=None):
        wanted = (self.until_ms - self.from_ms) / self.points
        rounded = next((step for below, step in STEPS_MS if wanted < below), 31_536_000_000)
        return max(rounded, duration_ms(least_step) if least_step else 0)


def duration_ms(text):
    number, unit = re.fullmatch(r"(\d+)(ms|s|m|h|d)", text).groups()
    return int(number) * {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}[unit]


def postgresql(sql, asked, least_step=None):
    """The query as PostgreSQL gets it, without TimescaleDB in the data source."""
    sql = in_browser(sql, asked, least_step)
    sql = sql.replace("$__unixEpochFrom()", str(asked.from_us // 1_000_000))
    sql = sql.replace("$__unixEpochTo()", str(asked.until_us // 1_000_000))
    expanded = re.sub(r"\$([_a-zA-Z0-9]+)\(([^\)]*)\)", lambda match: _postgresql_macro(match, sql, asked), sql)
    return _complete(expanded)


def sqlite(sql, asked, least_step=None):
    """The query as SQLite gets it from frser-sqlite-datasource."""
    sql = in_browser(sql, asked, least_step)
    return _complete(re.sub(r"\$__([_a-zA-Z0-9]+)\(([^\)]*)\)", _sqlite_macro, sql))


def in_browser(sql, asked, least_step=None):
    """The query as it leaves the browser: with the variables replaced, and with the macros."""
    step_ms = asked.step_ms(least_step)
    known = {
        "__interval_ms": str(step_ms),
        "__interval": f"{step_ms}ms",
        "__from": str(asked.from_ms),
        "__to": str(asked.until_ms),
    } | asked.variables

    def replaced(match):
        name, form = match["name"] or match["plain"], match["form"]
        if name not in known:
            return match[0]
        return _formatted(known[name], form)

    return re.sub(r"\$\{(?P<name>\w+)(?::(?P<form>\w+))?\}|\$(?P<plain>\w+)", replaced, sql)


def _formatted(value, form):
    if form == "sqlstring":
        values = value if isinstance(value, list) else [value]
        return ",".join("'" + each.replace("'", "''") + "'" for each in values)
    assert form is None, form
    assert isinstance(value, str), "several values need a format"
    return value


def _complete(sql):
    left = re.search(r"\$\{?\w+|\[\[", sql)
    assert left is None, f"{left[0]} is left in {sql}"
    return sql


def _postgresql_macro(match, sql, asked):
    name, arguments = match[1], [each.strip() for each in match[2].split(",")]
    if name == "__timeGroup" and sql[match.end() : match.end() + 1] == ",":
        name = "__timeGroupAlias"
    from_, until = _rfc3339(asked.from_us), _rfc3339(asked.until_us)
    from_s, until_s = asked.from_us // 1_000_000, asked.until_us // 1_000_000
    first = arguments[0]
    group = name.removesuffix("Alias")
    if group in ("__timeGroup", "__unixEpochGroup"):
        step_s = duration_ms(arguments[1].strip("'")) // 1000
        seconds = f"extract(epoch from {first})" if group == "__timeGroup" else f"({first})"
        return f"floor({seconds}/{step_s})*{step_s}" + (' AS "time"' if name.endswith("Alias") else "")
    others = {
        "__time": f'{first} AS "time"',
        "__timeEpoch": f'extract(epoch from {first}) as "time"',
        "__timeFilter": f"{first} BETWEEN '{from_}' AND '{until}'",
        "__timeFrom": f"'{from_}'",
        "__timeTo": f"'{until}'",
        "__unixEpochFilter": f"{first} >= {from_s} AND {first} <= {until_s}",
    }
    if name not in others:
        raise UnknownMacroError(name)
    return others[name]


def _sqlite_macro(match):
    name, arguments = match[1], match[2].split(",")
    if name != "unixEpochGroupSeconds":
        raise UnknownMacroError(name)
    step_s = int(arguments[1])
    return f"cast(({arguments[0]} / {step_s}) as int) * {step_s}"


def _rfc3339(time_us):
    """As Go writes RFC3339Nano: without zeros at the end."""
    time = EPOCH + timedelta(microseconds=time_us)
    fraction = f".{time.microsecond:06}".rstrip("0").rstrip(".")
    return f"{time:%Y-%m-%dT%H:%M:%S}{fraction}Z"
