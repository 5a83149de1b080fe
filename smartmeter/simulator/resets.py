"""What a virtual meter shows of maxima and counters after they were reset."""

from collections.abc import Iterable, Mapping

MAXIMUM = "_max"


class Resets:
    """By measurand, what the house had used or drawn when it was last reset."""

    def __init__(self) -> None:
        self._counted: dict[str, float] = {}
        self._demands: dict[str, float] = {}

    def note(self, measurands: Iterable[str], values: Mapping[str, float]) -> None:
        """These are reset, while the house has these values: maxima begin anew with the present demand."""
        for name in measurands:
            if name.endswith(MAXIMUM):
                self._demands[name] = values.get(name.removesuffix(MAXIMUM), 0.0)
            else:
                self._counted[name] = values[name]

    def applied(self, values: Mapping[str, float]) -> Mapping[str, float]:
        """The values of a house, as the meter shows them since."""
        if not self._counted and not self._demands:
            return values
        counted = {name: max(0.0, values[name] - before) for name, before in self._counted.items()}
        maxima = {
            name: max(at_reset, values.get(name.removesuffix(MAXIMUM), 0.0)) for name, at_reset in self._demands.items()
        }
        return {**values, **counted, **maxima}
