"""Findings about what a meter shows: whether it can be the model that the settings say."""

from collections.abc import Iterator
from dataclasses import replace

from smartmeter.doctor.evidence import MeterEvidence
from smartmeter.doctor.finding import Finding
from smartmeter.models.register import FLOATS
from smartmeter.polling.decode import decode
from smartmeter.polling.probe import HIGHEST_VOLTAGE, LOWEST_VOLTAGE, VOLTAGES


def value_findings(meter: MeterEvidence) -> Iterator[Finding]:
    """Whether what the meter shows fits its model."""
    values = {name: meter.values[name] for name in VOLTAGES if name in meter.values}
    if not values or any(_is_plausible(value) for value in values.values()):
        return
    shown = [", ".join(f"{name} {'no value' if value is None else f'{value:g} V'}" for name, value in values.items())]
    advice = "Set the `model` that the meter is; `smartmeter scan` finds out which it may be."
    if not any(values.values()):
        advice = "See that a voltage is connected to the meter's terminals, and that `model` is what the meter is."
    swapped = _in_other_order(meter)
    if swapped is not None:
        shown.append(f"with the words in the other order voltage_l1 would be {swapped:.1f} V")
        advice = "Set the meter's word order to its default, or take a model of your own with the other `order`."
    yield Finding(
        "wrong_model",
        meter.meter.name,
        f"The meter answers, but not like a {meter.meter.model.name}: no voltage is plausible.",
        tuple(shown),
        advice,
    )


def _is_plausible(value: float | None) -> bool:
    return value is not None and LOWEST_VOLTAGE <= value <= HIGHEST_VOLTAGE


def _in_other_order(meter: MeterEvidence) -> float | None:
    register = meter.meter.model.registers.get("voltage_l1")
    if register is None or register.type not in FLOATS:
        return None
    for exchange in meter.exchanges:
        asked = exchange.request
        alone = (asked.function, asked.address, asked.count) == (register.function, register.address, register.count)
        if alone and exchange.data is not None:
            value = decode(replace(register, order="little" if register.order == "big" else "big"), exchange.data)
            return value if _is_plausible(value) else None
    return None
