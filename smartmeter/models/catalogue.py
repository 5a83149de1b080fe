"""Loads the meter models that lie beside this file as TOML."""

import difflib
import tomllib
from collections.abc import Sequence
from functools import cache
from importlib import resources

from smartmeter.errors import SmartmeterError
from smartmeter.models.definition import read_definition
from smartmeter.models.keys import key_text
from smartmeter.models.model import Model


class UnknownModelError(SmartmeterError):
    """No model has this name."""

    def __init__(self, name: str, known: Sequence[str] | None = None) -> None:
        by_lower = {each.lower(): each for each in known or model_names()}
        match = difflib.get_close_matches(name.lower(), by_lower, n=1)
        meant = f"did you mean {by_lower[match[0]]}?" if match else "`smartmeter models` lists them"
        super().__init__(f"unknown meter model {name!r}; {meant}")


@cache
def model_names() -> tuple[str, ...]:
    """The names of all models in the catalogue, sorted."""
    files = resources.files("smartmeter.models").iterdir()
    return tuple(sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml")))


def load_model(name: str) -> Model:
    """The model of the catalogue with this name, in any case.

    Raises UnknownModelError if the catalogue has none.
    """
    model = find_model(name)
    if model is None:
        raise UnknownModelError(name)
    return model


def find_model(name: str) -> Model | None:
    """The model of the catalogue with this name, in any case; None if there is none."""
    known = {model_name.lower(): model_name for model_name in model_names()}
    return _load_file(known[name.lower()]) if name.lower() in known else None


@cache
def _load_file(name: str) -> Model:
    text = resources.files("smartmeter.models").joinpath(f"{name}.toml").read_text("utf-8")
    model, flaws = read_definition(tomllib.loads(text), name, find_model)
    if model is None:
        raise SmartmeterError("\n".join(f"{name}.toml: {key_text(flaw.place)}: {flaw.text}" for flaw in flaws))
    return model
