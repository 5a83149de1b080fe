"""The user's own meter models: TOML files in /etc/smartmeter/models/ and in models/ beside the settings."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

import smartmeter
from smartmeter.models import Model, UnknownModelError, load_model, model_names
from smartmeter.models.catalogue import find_model
from smartmeter.models.definition import read_definition
from smartmeter.settings.mistakes import Mistakes
from smartmeter.settings.model import BusSettings
from smartmeter.settings.places import SYSTEM_DIRECTORY
from smartmeter.settings.toml_file import read_toml

DIRECTORY_NAME = "models"
SUFFIX = ".toml"
MODELS_KEPT = 64


def directories_beside(source: Path) -> tuple[Path, ...]:
    """Where models lie for the settings file `source`; those in a later directory win."""
    return SYSTEM_DIRECTORY / DIRECTORY_NAME, source.absolute().parent / DIRECTORY_NAME


def usual_directories() -> tuple[Path, ...]:
    """Where models lie for a command that needs no settings file: where it would look for one."""
    beside_starter = Path(smartmeter.__file__).parent.parent
    return tuple(each / DIRECTORY_NAME for each in (SYSTEM_DIRECTORY, beside_starter, Path().absolute()))


def own_model_files(directories: Iterable[Path]) -> Mapping[str, Path]:
    """The users' files by the names of their models, sorted."""
    files: dict[str, Path] = {}
    for directory in directories:
        try:
            found = [path for path in directory.iterdir() if path.suffix == SUFFIX]
        except OSError:
            # It is not there, which is the rule.
            continue
        same = {name.lower(): name for name in files}
        for path in found:
            files.pop(same.get(path.stem.lower(), ""), None)
            files[path.stem] = path
    return dict(sorted(files.items()))


def known_names(directories: Iterable[Path]) -> tuple[str, ...]:
    """The names of all models, the users' own in the place of those of the program with the same name."""
    own = own_model_files(directories)
    lower = {name.lower() for name in own}
    return tuple(sorted([*own, *(name for name in model_names() if name.lower() not in lower)]))


def model_named(name: str, directories: Iterable[Path] | None = None) -> Model:
    """The model with this name, in any case; a user's own one first.

    Raises UnknownModelError, and SettingsError if a user's file has mistakes.
    """
    directories = usual_directories() if directories is None else directories
    for own, path in own_model_files(directories).items():
        if own.lower() == name.lower():
            return load_own_model(path)
    if find_model(name) is None:
        raise UnknownModelError(name, known_names(directories))
    return load_model(name)


def load_own_model(path: Path) -> Model:
    """The model that a user's file describes.

    Raises SettingsError with every mistake in it.
    """
    try:
        stamp = path.stat().st_mtime_ns
    except OSError:
        stamp = 0
    return _load(path, stamp)


def model_notices(buses: Iterable[BusSettings]) -> tuple[str, ...]:
    """A line for every model that is not the program's one of the same name."""
    models = dict.fromkeys(meter.model for bus in buses for meter in bus.meters)
    return tuple(notice for model in models if (notice := takes_the_place(model)) is not None)


def takes_the_place(model: Model) -> str | None:
    """What to tell when a user's own model has the name of one of the program."""
    if model.file is None or find_model(model.name) is None:
        return None
    return f"model {model.name}: {model.file} takes the place of the program's own"


@lru_cache(maxsize=MODELS_KEPT)
def _load(path: Path, _stamp: int) -> Model:
    # Loaded once as long as it stays the same: two meters of a model have one model, and its plans.
    document = read_toml(path)
    mistakes = Mistakes(path)
    model, flaws = read_definition(document, path.stem, find_model, path)
    for flaw in flaws:
        mistakes.add(flaw.place, flaw.text)
    mistakes.raise_if_any(document)
    if model is None:
        raise LookupError(path)
    return model
