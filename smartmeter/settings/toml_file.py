"""Reads a TOML file, and says understandably why it is none."""

import re
import tomllib
from pathlib import Path
from typing import Any

from smartmeter.settings.errors import Mistake, SettingsError
from smartmeter.settings.words import shown

# What someone forgot to put in quotation marks, or to fill in: `pgport = portnr`.
_BARE_WORD = re.compile(r"""\s*(?P<key>[\w."'-]+)\s*=\s*(?P<word>[^\s"'#=\[\]{},]+)\s*(?:\#.*)?""")
_SECRET_KEY = re.compile(r"pw|pass|token|secret", re.IGNORECASE)
_AT_LINE = re.compile(r"(?P<what>.*) \(at line (?P<line>\d+), column (?P<column>\d+)\)", re.DOTALL)
# How tomllib's messages begin, and what they mean.
_PLAIN_WORDS = {
    "Cannot overwrite a value": "this key is there twice",
    "Cannot declare": "this table is there twice",
    "Invalid value": "the value is neither number, text, list nor table; texts stand in quotation marks",
    "Illegal character '\\n'": "the quotation mark at the end of the text is missing",
    "Expected '=' after a key": 'a key must be followed by "=" and its value',
    "Expected newline or end of document after a statement": "the line should end here; texts stand in quotation marks",
    "Unescaped '\\' in a string": "a backslash in a text is written twice",
    "Unterminated string": "the quotation mark at the end of the text is missing",
    "Unclosed array": "the bracket at the end of the list is missing",
}


def read_toml(path: Path) -> dict[str, Any]:
    """What the file says.

    Raises SettingsError if it cannot be read, or is no TOML: with the line, and with every bare word in it at once.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SettingsError([Mistake(path, "", f"cannot be read: {error.strerror or error}")]) from error
    except ValueError as error:
        raise SettingsError([Mistake(path, "", "is no name of a file")]) from error
    try:
        # Windows editors put a byte order mark first.
        text = content.decode("utf-8-sig").replace("\r\n", "\n") + "\n"
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SettingsError(
            [Mistake(path, f"line {line}", "is not in UTF-8; save the file in this encoding")]
        ) from error
    return _parse(path, text)


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(_syntax_mistakes(path, text, str(error))) from error
    except RecursionError as error:
        raise SettingsError([Mistake(path, "", "has lists or tables nested too deeply")]) from error
    except ValueError as error:
        # The only one that tomllib lets through: Python's limit on the digits of an integer.
        raise SettingsError([Mistake(path, "", "has a number with far too many digits")]) from error


def _syntax_mistakes(path: Path, text: str, message: str) -> list[Mistake]:
    """The mistake that the parser met, and when it was a bare word, those in the lines after it."""
    lines = text.split("\n")
    mistakes: dict[int, Mistake] = {}
    while True:
        match = _AT_LINE.fullmatch(message)
        if match is None:
            what = _plain_words(message.removesuffix(" (at end of document)"))
            return [*mistakes.values(), Mistake(path, "at its end", f"no valid TOML: {what}")]
        number = int(match["line"])
        bare = _BARE_WORD.fullmatch(lines[number - 1])
        if number in mistakes:
            return list(mistakes.values())
        if bare is None or _is_value(bare["word"]):
            what = f"no valid TOML: {_plain_words(match['what'])} (column {match['column']})"
            return [*mistakes.values(), Mistake(path, f"line {number}", what)]
        mistakes[number] = Mistake(path, f"line {number}", _bare_word_text(bare["key"], bare["word"]))
        # A number fits everywhere: on to the next mistake.
        lines[number - 1] = f"{bare['key']} = 0"
        try:
            tomllib.loads("\n".join(lines))
        except tomllib.TOMLDecodeError as error:
            message = str(error)
        except (RecursionError, ValueError):
            return list(mistakes.values())
        else:
            return list(mistakes.values())


def _is_value(word: str) -> bool:
    try:
        tomllib.loads(f"word = {word}")
    except ValueError:
        return False
    return True


def _plain_words(message: str) -> str:
    return next((words for start, words in _PLAIN_WORDS.items() if message.startswith(start)), message)


def _bare_word_text(key: str, word: str) -> str:
    what = f"the value of {key}" if _SECRET_KEY.search(key) else f"{key} = {shown(word)[1:-1]}"
    return (
        f"{what} is neither a number nor a text; if it is a placeholder, fill in your own value, "
        "and put texts in quotation marks"
    )
