"""The lines of a TOML file."""

from collections.abc import Iterable
from datetime import date

from smartmeter.settings.words import quoted

_LINE_CHARACTERS = 100


def key_line(key: str, value: str | float | date) -> str:
    """A key with its value."""
    if isinstance(value, bool):
        return f"{key} = {'true' if value else 'false'}"
    if isinstance(value, date):
        return f"{key} = {value.isoformat()}"
    return f"{key} = {quoted(value) if isinstance(value, str) else _number(value)}"


def list_lines(key: str, texts: Iterable[str]) -> list[str]:
    """A key with a list of texts, on several lines."""
    lines, line = [f"{key} = ["], "   "
    for text in texts:
        item = f" {quoted(text)},"
        if len(line) + len(item) > _LINE_CHARACTERS:
            lines.append(line)
            line = "   "
        line += item
    return [*lines, line, "]"]


def short_list(key: str, texts: Iterable[str]) -> str:
    """A key with a list of few texts, on one line."""
    return f"{key} = [{', '.join(quoted(text) for text in texts)}]"


def _number(value: float) -> str:
    """The shortest text that reads as this number."""
    return repr(value).removesuffix(".0")
