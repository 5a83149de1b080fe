"""Passwords and passphrases: inline, from a file (also a systemd credential), or from an environment variable."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from smartmeter.settings.mistakes import Mistakes, Place
from smartmeter.settings.places import beside
from smartmeter.settings.words import quoted, shown


@dataclass(frozen=True, slots=True)
class SecretKeys:
    """What a table says about one secret under the keys `name`, `name`_file and `name`_env."""

    name: str
    inline: str | None = field(repr=False)
    file: str | None
    variable: str | None


def read_secret(keys: SecretKeys, mistakes: Mistakes, table: Place) -> str | None:
    """The secret itself; None if no key is given, or if a mistake was noted."""
    given = {
        keys.name: keys.inline,
        f"{keys.name}_file": keys.file,
        f"{keys.name}_env": keys.variable,
    }
    names = [name for name, value in given.items() if value is not None]
    for name in names[1:]:
        mistakes.add((*table, name), f"is there beside {names[0]}; give only one of them")
    if keys.inline is not None:
        return keys.inline
    if keys.file is not None:
        return _from_file(keys.file, mistakes, (*table, f"{keys.name}_file"))
    if keys.variable is not None:
        return _from_environment(keys.variable, mistakes, (*table, f"{keys.name}_env"))
    return None


def _from_file(name: str, mistakes: Mistakes, place: Place) -> str | None:
    path = beside(mistakes.file, name)
    try:
        text = _credential(name)
        if text is None:
            text = path.read_text("utf-8")
    except OSError as error:
        mistakes.add(place, f"the file {quoted(str(path))} cannot be read: {error.strerror or error}")
        return None
    except UnicodeDecodeError:
        mistakes.add(place, f"the file {quoted(str(path))} is not in UTF-8")
        return None
    # Editors end the last line; no secret ends so.
    text = text.removesuffix("\n").removesuffix("\r")
    if not text or "\0" in text:
        mistakes.add(place, f"the file {quoted(str(path))} holds no secret")
        return None
    return text


def _credential(name: str) -> str | None:
    """The systemd credential with this name (systemd.exec(5), "LoadCredential="), if the service was given one."""
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    if not directory or Path(name).is_absolute():
        return None
    try:
        return Path(directory, name).read_text("utf-8")
    except FileNotFoundError:
        return None


def _from_environment(variable: str, mistakes: Mistakes, place: Place) -> str | None:
    secret = os.environ.get(variable)
    if not secret:
        mistakes.add(place, f"the environment variable {shown(variable)} is not set")
    return secret or None
