"""Where files lie that a settings file names, or that lie somewhere when it names none."""

import os
from contextlib import suppress
from pathlib import Path

JOURNAL_NAME = "smartmeter.db"
SYSTEM_DIRECTORY = Path("/etc/smartmeter")
# What `StateDirectory=smartmeter` in the unit means (systemd.exec(5)).
SERVICE_STATE = Path("/var/lib/smartmeter")


def beside(source: Path, name: str) -> Path:
    """The path of a file that the settings file `source` names: relative names start where it lies, `~` is a home."""
    path = Path(name)
    # Nobody's home: a file that is really called so.
    with suppress(RuntimeError):
        path = path.expanduser()
    return source.absolute().parent / path


def name_beside(source: Path, path: Path) -> str:
    """The shortest name by which the settings file `source` can name the path; `beside` is the way back."""
    directory = source.absolute().parent
    if path.is_relative_to(directory) and path != directory:
        name = str(path.relative_to(directory))
        if not name.startswith("~"):
            return name
    return str(path)


def default_journal(source: Path) -> Path:
    """Where the journal lies if nothing is said."""
    return state_file(source, JOURNAL_NAME)


def state_file(source: Path, name: str) -> Path:
    """Where the program keeps a file of its own: in systemd's state directory if there is one, else beside `source`."""
    # Several are separated by colons (systemd.exec(5), "StateDirectory=").
    state_directory = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    return Path(state_directory).absolute() / name if state_directory else beside(source, name)
