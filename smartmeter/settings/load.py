"""Finds the settings file and loads it, whichever format it has."""

import stat
from pathlib import Path

import smartmeter
from smartmeter.settings.errors import Mistake, SettingsError
from smartmeter.settings.legacy import is_legacy, resolve_legacy
from smartmeter.settings.model import Settings
from smartmeter.settings.places import SYSTEM_DIRECTORY
from smartmeter.settings.resolve import resolve
from smartmeter.settings.toml_file import read_toml

NAME = "smartmeter.toml"
LEGACY_NAME = "smartmeter_cfg.toml"


def load_settings(path: Path) -> Settings:
    """The settings in a file of our own format or of one of the original's; what it says decides, not its name.

    Raises SettingsError with every mistake in it.
    """
    document = read_toml(path)
    return resolve_legacy(path, document) if is_legacy(document) else resolve(path, document)


def find_settings(explicit: Path | None) -> Path:
    """The settings file: the one that is asked for (which loading reads or refuses), else the first where settings lie.

    Raises SettingsError, saying where it looked, if there is none.
    """
    return explicit or _first_file(searched_paths())


def find_legacy_settings(explicit: Path | None) -> Path:
    """The original's settings file, likewise."""
    return explicit or _first_file([path for path in searched_paths() if path.name == LEGACY_NAME])


def searched_paths() -> list[Path]:
    """Where settings lie: in the working directory, beside the starter, and for the whole system."""
    beside_starter = Path(smartmeter.__file__).parent.parent
    paths = [directory / name for directory in (Path(), beside_starter) for name in (NAME, LEGACY_NAME)]
    return [*paths, SYSTEM_DIRECTORY / NAME]


def _first_file(searched: list[Path]) -> Path:
    for path in searched:
        if _lies_there(path):
            return path
    places = ", ".join(str(path) for path in searched)
    text = f"there is no settings file; looked for {places}. `smartmeter init` writes one, -c names one elsewhere"
    raise SettingsError([Mistake(searched[0], "", text)])


def _lies_there(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        # It is there and cannot be looked at: loading says why, rather than that another file is used.
        return True
    return not stat.S_ISDIR(mode)
