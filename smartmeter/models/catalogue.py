"""Loads the meter models that lie beside this file as TOML."""

import difflib
import re
import tomllib
from collections.abc import Sequence
from functools import cache
from importlib import resources

from smartmeter.errors import SmartmeterError
from smartmeter.models.definition import read_definition
from smartmeter.models.keys import key_text
from smartmeter.models.model import Model

SUNSPEC = "SunSpec"
# `SunSpec`, or with the number of one of its information models.
_SUNSPEC_NAME = re.compile(r"sunspec(?:-(\d+))?", re.IGNORECASE | re.ASCII)


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
    return tuple(sorted([SUNSPEC, *(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))]))


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
    if sunspec := _SUNSPEC_NAME.fullmatch(name):
        return _load_sunspec(int(sunspec[1]) if sunspec[1] else None)
    known = {model_name.lower(): model_name for model_name in model_names()}
    return _load_file(known[name.lower()]) if name.lower() in known else None


@cache
def _load_sunspec(id_: int | None) -> Model | None:
    from smartmeter.models.sunspec import IDS, sunspec_model  # noqa: PLC0415 - most have no such device

    if id_ is None:
        return sunspec_model(SUNSPEC, IDS)
    return sunspec_model(f"{SUNSPEC}-{id_}", (id_,)) if id_ in IDS else None


@cache
def _load_file(name: str) -> Model:
    text = resources.files("smartmeter.models").joinpath(f"{name}.toml").read_text("utf-8")
    model, flaws = read_definition(tomllib.loads(text), name, find_model)
    if model is None:
        raise SmartmeterError("\n".join(f"{name}.toml: {key_text(flaw.place)}: {flaw.text}" for flaw in flaws))
    return model
