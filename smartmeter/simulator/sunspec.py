"""A virtual SunSpec device: a chain of models in holding registers, with scale factors that follow the values.

Written without a look at what walks the chain and decodes. Source: SunSpec Alliance, Device Information Model
Specification 1.1; model 1 as in sunspec/models json/model_1.json (7abdf89).
"""

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from math import floor

from smartmeter.measurands import measurands
from smartmeter.models import load_model
from smartmeter.models.sunspec import model_at
from smartmeter.models.sunspec.layouts import Layout, Point, layouts
from smartmeter.simulator.answers import ILLEGAL_DATA_ADDRESS, RefusedError
from smartmeter.simulator.electricity import electrical_values
from smartmeter.simulator.faults import NO_FAULTS, Faults, Quirks
from smartmeter.simulator.meter import STEPS_PER_SECOND, VirtualMeter
from smartmeter.simulator.of_model import SUNSPEC_BASE

HOLDING_REGISTERS = 3
COMMON_ID, COMMON_LENGTH = 1, 66
COMMON = ">32s32s16x16s32sHH"
# Id and length come before the registers that a length counts.
HEAD_BYTES = 4
NOT_THERE = 0x8000
FORMATS = {"s16": ">h", "u16": ">H", "u32": ">I", "float32": ">f"}
# What stands for a point that is not there, and the numbers between which values lie.
MARKERS = {"s16": -0x8000, "u16": 0xFFFF, "u32": 0, "float32": float("nan")}
RANGES = {"s16": (-0x7FFF, 0x7FFF), "u16": (0, 0xFFFE), "u32": (0, 0x7FFFFFFF)}
# The finest steps that this device shows, as powers of ten of V, A, Hz and per cent; of all else the unit itself.
FINEST = {"V": -2, "A": -2, "Hz": -2, "1": -2}
COARSEST = 10


class VirtualSunSpec(VirtualMeter):
    """A device whose chain begins at `base`: model 1, models of ids and lengths that nobody knows (`strange`), and the
    information models `ids`, of which the first is its `model`.

    Its values are those of the same made-up house as a VirtualMeter's. It lacks the measurands in `quirks.absent`.
    `texts` are manufacturer, product, version and serial number. `scale_factors` (contents, by offset in the model)
    stand in place of its own, which are as fine as the values allow; `words` (by address) are laid over everything.
    Both may be replaced at any time.
    """

    def __init__(  # noqa: PLR0913  # a device is described by that much
        self,
        ids: Sequence[int] = (203,),
        address: int = 1,
        *,
        base: int = SUNSPEC_BASE,
        strange: Sequence[tuple[int, int]] = (),
        texts: Sequence[str] = ("Example", "EX-3", "1.4", "4711"),
        seed: int = 1,
        values: Mapping[str, float] | None = None,
        quirks: Quirks | None = None,
        faults: Faults = NO_FAULTS,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.base = base
        self.texts = texts
        self.scale_factors: Mapping[int, int] = {}
        self.words: Mapping[int, int] = {}
        known = [(id_, layouts()[id_].length) for id_ in ids]
        self._chain = [(COMMON_ID, COMMON_LENGTH), *strange, *known]
        self._layout = layouts()[ids[0]]
        bytes_before = sum(HEAD_BYTES + 2 * length for _, length in self._chain[: 1 + len(strange)])
        at = base + 2 + bytes_before // 2
        self.end = at + sum(2 + length for _, length in known) + 2
        model = model_at(load_model(f"SunSpec-{ids[0]}"), ids[0], at, texts[0])
        super().__init__(model, address, seed=seed, values=values, quirks=quirks, faults=faults, clock=clock)

    def read(self, function: int, start: int, count: int) -> bytes:
        """The contents of registers, 2 bytes each; outside of the chain there are none."""
        if function != HOLDING_REGISTERS or not self.base <= start <= start + count <= self.end:
            raise RefusedError(ILLEGAL_DATA_ADDRESS)
        # What is laid over may have changed within a step.
        self._image = self._image._replace(step=None)
        return super().read(function, start, count)

    def values_at(self, time_s: float) -> dict[str, float]:
        """What the registers of its model show at a time, by measurand, without what is not there."""
        house = self._house(time_s)
        shown = {point.measurand: self._shown(point, self._layout, house) for point in self._layout.points}
        return {id_: float(value) for id_, value in shown.items() if value is not None}

    def _house(self, time_s: float) -> Mapping[str, float]:
        step_s = max(0, floor(time_s * STEPS_PER_SECOND)) / STEPS_PER_SECOND
        return {**electrical_values(self.seed, self._layout.phases, step_s), **self.values}

    def _defined(self, function: int) -> set[int]:
        return set(range(self.base, self.end)) if function == HOLDING_REGISTERS else set()

    def _registers_at(self, time_s: float) -> dict[int, bytes]:
        house = self._house(time_s)
        image = bytearray(2 * self.base) + b"SunS"
        for id_, length in self._chain:
            body = self._body(id_, house) if id_ in layouts() else self._other_body(id_, length)
            image += struct.pack(">HH", id_, length) + body
        image += struct.pack(">HH", 0xFFFF, 0)
        for address, word in self.words.items():
            struct.pack_into(">H", image, 2 * address, word)
        return {HOLDING_REGISTERS: bytes(image)}

    def _other_body(self, id_: int, length: int) -> bytes:
        if id_ != COMMON_ID:
            # Nothing that anybody should take for a value, or for the head of a model.
            return b"\xa5\x5a" * length
        manufacturer, product, version, serial = (text.encode() for text in self.texts)
        return struct.pack(COMMON, manufacturer, product, version, serial, self.address, NOT_THERE)

    def _body(self, id_: int, house: Mapping[str, float]) -> bytes:
        layout = layouts()[id_]
        body = bytearray(2 * layout.length)
        for point in layout.points:
            content = self._content(point, layout, house)
            struct.pack_into(FORMATS[point.type.type], body, 2 * point.offset - HEAD_BYTES, content)
            if point.scale_at is not None:
                scale_factor = self._scale_factor(point.scale_at, layout, house)
                struct.pack_into(">H", body, 2 * point.scale_at - HEAD_BYTES, scale_factor)
        return bytes(body)

    def _content(self, point: Point, layout: Layout, house: Mapping[str, float]) -> float:
        """The number that a point shows in its own type."""
        type_ = point.type.type
        if self._lacks(point, house):
            return MARKERS[type_]
        number = self._in_steps(point, layout, house, 0)
        if type_ == "float32":
            return float(number)
        least, most = RANGES[type_]
        whole = number.scaleb(-self._exponent(point, layout, house)).quantize(Decimal(1), ROUND_HALF_EVEN)
        return max(least, min(int(whole), most))

    def _shown(self, point: Point, layout: Layout, house: Mapping[str, float]) -> Decimal | None:
        """The value that a reader of the point comes to."""
        content, type_ = self._content(point, layout, house), point.type.type
        if self._lacks(point, house) or (type_ == "u32" and content == 0):
            return None
        if point.scale_at is None:
            single = struct.unpack(">f", struct.pack(">f", content))[0]
            return Decimal(single) * self._scale(point, layout)
        if self._scale_factor(point.scale_at, layout, house) == NOT_THERE:
            return None
        return Decimal(content).scaleb(self._exponent(point, layout, house)) * self._scale(point, layout)

    def _lacks(self, point: Point, house: Mapping[str, float]) -> bool:
        return point.measurand in self.quirks.absent or point.measurand not in house

    def _scale(self, point: Point, layout: Layout) -> Decimal:
        turned = point.measurand in layout.reversed and self.texts[0] in layout.manufacturers
        return -point.scale if turned else point.scale

    def _in_steps(self, point: Point, layout: Layout, house: Mapping[str, float], exponent: int) -> Decimal:
        """The house's value in steps of ten to the power of the exponent of the point's unit."""
        return (Decimal(repr(house[point.measurand])) / self._scale(point, layout)).scaleb(-exponent)

    def _exponent(self, point: Point, layout: Layout, house: Mapping[str, float]) -> int:
        if point.scale_at is None:
            return 0
        content = self._scale_factor(point.scale_at, layout, house)
        exponent: int = struct.unpack(">h", struct.pack(">H", content))[0]
        return 0 if content == NOT_THERE else exponent

    def _scale_factor(self, offset: int, layout: Layout, house: Mapping[str, float]) -> int:
        """What the register with the scale factor at this offset holds."""
        if offset in self.scale_factors:
            return self.scale_factors[offset]
        points = [point for point in layout.points if point.scale_at == offset and point.measurand in house]
        exponent = next(self._fitting(points, layout, house), COARSEST)
        return exponent & 0xFFFF

    def _fitting(self, points: Sequence[Point], layout: Layout, house: Mapping[str, float]) -> Iterator[int]:
        """The exponents with which all of the points fit, the finest first."""
        finest = FINEST.get(measurands()[points[0].measurand].unit, 0) if points else 0
        for exponent in range(finest, COARSEST + 1):
            steps = [
                (round(self._in_steps(point, layout, house, exponent)), RANGES[point.type.type]) for point in points
            ]
            if all(least <= number <= most for number, (least, most) in steps):
                yield exponent
