"""The vocabulary of measurands, from `measurands.toml`, and their names in both languages."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

Kind = Literal["instantaneous", "counter", "demand", "maximum"]
Language = Literal["en", "de"]


@dataclass(frozen=True, slots=True)
class Measurand:
    """A quantity that a meter measures.

    `id` is the canonical English name, `german` the name in the original Smartmeter, `obis` the IEC 62056-6-1 code
    without `1-0:` where there is one, `kind` how the quantity behaves in time, `note` what is easily misunderstood.
    """

    id: str
    german: str
    unit: str
    kind: Kind
    label_en: str
    label_de: str
    obis: str | None
    note: str | None

    def column(self, language: Language) -> str:
        """The name of its column in a database: the id, or the original's German name in lower case."""
        return self.id if language == "en" else self.german.lower()

    def label(self, language: Language) -> str:
        """Its name for people."""
        return self.label_en if language == "en" else self.label_de

    @property
    def unit_symbol(self) -> str:
        """The unit as it is printed: nothing for a ratio, a degree sign for an angle."""
        return {"1": "", "deg": "°"}.get(self.unit, self.unit)


@cache
def measurands() -> Mapping[str, Measurand]:
    """All measurands by id, in the order of the vocabulary."""
    text = resources.files("smartmeter").joinpath("measurands.toml").read_text("utf-8")
    return {
        id_: Measurand(
            id=id_,
            german=entry["german"],
            unit=entry["unit"],
            kind=entry["kind"],
            label_en=entry["label"]["en"],
            label_de=entry["label"]["de"],
            obis=entry.get("obis"),
            note=entry.get("note"),
        )
        for id_, entry in tomllib.loads(text).items()
    }


@cache
def _ids_by_name() -> Mapping[str, str]:
    names = {measurand.id: measurand.id for measurand in measurands().values()}
    names |= {measurand.german.lower(): measurand.id for measurand in measurands().values()}
    return names


def find_measurand(name: str) -> Measurand | None:
    """The measurand with this id or this German name, in any case; None if there is none."""
    id_ = _ids_by_name().get(name.lower())
    return None if id_ is None else measurands()[id_]
