"""The shape of `[[alarm]]` in our own settings file."""

from typing import Annotated

from pydantic import Field

from smartmeter.settings import defaults
from smartmeter.settings.durations import MAX_DURATION_US, SECOND_US
from smartmeter.settings.shape import Duration, Name, Shape, Text, optional, required

# Looked at that often: shorter ones would not be noticed in time.
SHORTEST_SILENCE_US = 10 * SECOND_US
LARGEST = 1e12
NUMBER_TEXT = "a number such as 253"
SILENCE_TEXT = 'a duration of at least 10 s such as "5m"'

Number = Annotated[float, Field(ge=-LARGEST, le=LARGEST, allow_inf_nan=False)]
Silence = Annotated[Duration, Field(ge=SHORTEST_SILENCE_US)]


class AlarmTable(Shape):
    """`[[alarm]]`."""

    name: Name = required('what messages call it, a text such as "boiler too long"', "")
    meter: Text | None = optional("the name of a meter")
    measurand: Text | None = optional('the name of a measurand such as "voltage_l1"')
    above: Number | None = optional(NUMBER_TEXT)
    below: Number | None = optional(NUMBER_TEXT)
    silent: Silence | None = optional(SILENCE_TEXT)
    behind: Silence | None = optional(SILENCE_TEXT)
    disk: Annotated[float, Field(gt=0, lt=100, allow_inf_nan=False)] | None = optional(
        "percent in use, a number between 0 and 100 such as 90"
    )
    day_energy: Annotated[float, Field(gt=0, le=LARGEST, allow_inf_nan=False)] | None = optional(
        "kWh, a number such as 30"
    )
    for_: Annotated[Duration, Field(le=MAX_DURATION_US)] | None = optional(
        f'a duration such as "{defaults.ALARM_FOR_US // (60 * SECOND_US)}m"', key="for"
    )
    hysteresis: Annotated[float, Field(ge=0, le=LARGEST, allow_inf_nan=False)] | None = optional(
        "a number of at least 0 such as 1.5"
    )
