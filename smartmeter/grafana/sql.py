"""Writes SQL for other programs to run: names, texts, and templates with them in."""

from textwrap import dedent

# Grafana puts the chosen meters here, in quotation marks and with commas; a single one likewise.
METER = "${meter:sqlstring}"


def identifier(name: str) -> str:
    """The name of a table or column, quoted: both PostgreSQL and SQLite take it as it stands."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text constant."""
    return "'" + text.replace("'", "''") + "'"


def fill(template: str, /, **parts: str) -> str:
    """The template with each {name} replaced, {meter} also by what Grafana replaces with the chosen meter."""
    return dedent(template).strip().format(meter=METER, **parts)


def listed(parts: list[str]) -> str:
    """With commas, for a SELECT."""
    return ", ".join(parts)
