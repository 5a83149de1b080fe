"""Loads settings in a process apart, so that what checks them does not stay in the daemon's memory.

pydantic and the models of the file take 12 MB, for a moment at the start; the daemon then runs for years. The child is
forked before any thread exists, and what it gives back through a pipe are plain frozen dataclasses.
"""

import os
import pickle
import sys
import traceback
from pathlib import Path

from smartmeter.settings.errors import Mistake, SettingsError
from smartmeter.settings.model import Settings


def start_loading(explicit: Path | None) -> int:
    """Begin to load the settings that `find_settings` finds; gives what `loaded_settings` wants."""
    readable_fd, writable_fd = os.pipe()
    if os.fork():
        os.close(writable_fd)
        return readable_fd
    status = 1
    try:
        os.close(readable_fd)
        with os.fdopen(writable_fd, "wb") as pipe:
            pickle.dump(_load(explicit), pipe)
        status = 0
    except BaseException:  # noqa: BLE001 - a child ends here, whatever happens
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def loaded_settings(readable_fd: int) -> Settings:
    """Wait for the settings.

    Raises SettingsError as `load_settings` does.
    """
    with os.fdopen(readable_fd, "rb") as pipe:
        answer = pipe.read()
    _, status = os.wait()
    if status or not answer:
        raise RuntimeError("the process that loads the settings has failed")
    result: Settings | tuple[Mistake, ...] = pickle.loads(answer)  # noqa: S301 - from our own child
    if isinstance(result, tuple):
        raise SettingsError(result)
    return result


def _load(explicit: Path | None) -> Settings | tuple[Mistake, ...]:
    from smartmeter.settings.load import find_settings, load_settings  # noqa: PLC0415 - only in the child

    try:
        return load_settings(find_settings(explicit))
    except SettingsError as error:
        return error.mistakes
