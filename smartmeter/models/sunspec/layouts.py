"""Makes models of meters out of SunSpec's information models, whose layouts lie beside this file as TOML."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache, lru_cache
from importlib import resources
from types import MappingProxyType
from typing import Any

from smartmeter.modbus.line import SerialFormat
from smartmeter.models.model import Model
from smartmeter.models.register import COUNTS, Register, ValueType

FILES = ("inverter", "inverter_float", "meter", "meter_float")
# Devices of the same kind share a model, and whatever is worked out of it.
MODELS_KEPT = 256


@dataclass(frozen=True, slots=True)
class PointType:
    """A type of SunSpec: how it lies in the registers, and which contents mean that there is no value."""

    type: ValueType
    na: frozenset[int]


# The markers are those of TYPES in device.toml. An acc32 of 0 has not accumulated anything; some devices write the
# markers of an int32 and of a uint32 there (SolarEdge, SMA), which as a count last for a moment only.
POINT_TYPES: Mapping[str, PointType] = MappingProxyType(
    {
        "int16": PointType("s16", frozenset({0x8000})),
        "uint16": PointType("u16", frozenset({0xFFFF})),
        "acc32": PointType("u32", frozenset({0, 0x80000000, 0xFFFFFFFF})),
        "float32": PointType("float32", frozenset()),
    }
)


@dataclass(frozen=True, slots=True)
class Point:
    """A value in an information model: `offset` and `scale_at` count registers from the one with the model's id."""

    measurand: str
    offset: int
    type: PointType
    scale: Decimal
    scale_at: int | None


@dataclass(frozen=True, slots=True)
class Layout:
    """An information model. `length` is that of the standard, without id and length.

    Devices of the `manufacturers` have the sign of the `reversed` measurands the other way round.
    """

    id: int
    phases: int
    length: int
    source: str
    points: tuple[Point, ...]
    manufacturers: tuple[str, ...]
    reversed: frozenset[str]


@cache
def _document(name: str) -> Mapping[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath(f"{name}.toml").read_text("utf-8"))


@cache
def layouts() -> Mapping[int, Layout]:
    """The information models that are read, by id."""
    return {layout.id: layout for name in FILES for layout in _layouts_of(_document(name))}


def _layouts_of(document: Mapping[str, Any]) -> Iterator[Layout]:
    turned = document.get("reversed", {})
    points = tuple(_points_of(document["map"]))
    for id_, phases in document["phases"].items():
        yield Layout(
            id=int(id_),
            phases=phases,
            length=document["length"],
            source=document["source"],
            points=tuple(point for point in points if _last_phase(point.measurand) <= phases),
            manufacturers=tuple(turned.get("manufacturers", ())),
            reversed=frozenset(turned.get("measurands", ())),
        )


def _points_of(groups: list[Mapping[str, Any]]) -> Iterator[Point]:
    for group in groups:
        for point in group["points"]:
            yield Point(
                measurand=point["measurand"],
                offset=point["offset"],
                type=POINT_TYPES[group["type"]],
                scale=Decimal(str(group.get("scale", 1))),
                scale_at=group.get("scale_at"),
            )


def _last_phase(measurand: str) -> int:
    """The highest number of a phase that the measurand is of; 1 if it is of none."""
    return max(phase for phase in (1, 2, 3) if phase == 1 or f"l{phase}" in measurand.split("_"))


def length_of(id_: int) -> int | None:
    """How many registers an information model has without id and length; None of one that is not read.

    Model 1 has 65, or 66 with one that makes their number even (Common Models 1.6).
    """
    if id_ == 1:
        return 65
    layout = layouts().get(id_)
    return None if layout is None else layout.length


def sunspec_model(name: str, ids: tuple[int, ...]) -> Model:
    """The model of a device that has one of these information models, as far as it can be known before asking it."""
    device = _document("device")
    usual = layouts()[ids[0] if len(ids) == 1 else device["usual"]["model"]]
    base = Model(
        name=name,
        brand=device["brand"],
        description_en=device["description"]["en"],
        description_de=device["description"]["de"],
        phases=usual.phases,
        tested=device["tested"],
        notes=tuple(device["notes"]),
        serial=SerialFormat(device["serial"]["baudrate"], 8, device["serial"]["parity"], 1),
        baudrates=tuple(device["serial"]["baudrates"]),
        registers_per_request=device["limits"]["registers_per_request"],
        # An information model has no register that must not be read.
        undefined_readable=True,
        whole_values=False,
        turnaround_s=device["limits"]["turnaround_ms"] / 1000,
        max_current_a=float(device["limits"]["max_current_a"]),
        sources=device["sources"],
        registers={},
        sunspec=ids,
    )
    return model_at(base, usual.id, device["usual"]["address"], "")


@lru_cache(maxsize=MODELS_KEPT)
def model_at(base: Model, id_: int, address: int, manufacturer: str) -> Model:
    """The same model with the registers of a device that has the information model `id_` at `address`."""
    layout = layouts()[id_]
    turned = layout.reversed if manufacturer in layout.manufacturers else frozenset()
    registers = {point.measurand: _register(point, layout, address, turned) for point in layout.points}
    return replace(base, phases=layout.phases, registers=registers)


def _register(point: Point, layout: Layout, address: int, turned: frozenset[str]) -> Register:
    return Register(
        measurand=point.measurand,
        function=3,
        address=address + point.offset,
        source=f"{layout.source}, SIGNS" if "power" in point.measurand else layout.source,
        count=COUNTS[point.type.type],
        type=point.type.type,
        scale=-point.scale if point.measurand in turned else point.scale,
        na=point.type.na,
        scale_at=None if point.scale_at is None else address + point.scale_at,
    )


IDS: tuple[int, ...] = tuple(_document("device")["models"])
