"""What is to be changed at a meter: whether it may be, and how it is now. Nothing is written here."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from smartmeter.configuring.asking import Asker, answers, read_content, read_register, with_parity
from smartmeter.configuring.errors import SetError
from smartmeter.configuring.identity import require_identified, require_no_other
from smartmeter.configuring.values import content_with, parse_value, shown
from smartmeter.modbus.line import SerialFormat
from smartmeter.models import Model
from smartmeter.models.keys import suggestion
from smartmeter.models.parameter import ADDRESS, BAUDRATE, OF_THE_LINE, PARITY, Parameter
from smartmeter.settings.model import MeterSettings


@dataclass(frozen=True, slots=True)
class Change:
    """A parameter of a meter, what its registers hold `before`, and what they shall hold `after`.

    Of a command, which cannot be read, `seen_before` is what the measurands show that it will change.
    """

    meter: MeterSettings
    parameter: Parameter
    before: bytes
    after: bytes
    seen_before: Mapping[str, float | None] = field(default_factory=dict)

    @property
    def is_needed(self) -> bool:
        """Whether it is not so already."""
        return self.parameter.write_only or self.before != self.after

    @property
    def value(self) -> str:
        """The new value, as the owner writes it."""
        return shown(replace(self.parameter, unit=""), self.after)

    @property
    def new_unit(self) -> int:
        """The address of the meter when the change counts."""
        return int(self.value) if self.parameter.name == ADDRESS else self.meter.address

    def new_format(self, form: SerialFormat) -> SerialFormat:
        """How the line must be set when the change counts, if it is set like `form` now."""
        if self.parameter.name == BAUDRATE:
            return replace(form, baudrate=int(self.value))
        return with_parity(form, self.value) if self.parameter.name == PARITY else form

    @property
    def moves_meter(self) -> bool:
        """Whether the meter is spoken to in another way when it counts."""
        return self.parameter.name in OF_THE_LINE

    @property
    def is_heard_either_way(self) -> bool:
        """Whether the meter is understood at the old settings as at the new: a second stop bit is only a pause."""
        parity = self.parameter.name == PARITY
        return parity and shown(self.parameter, self.before)[0] == self.value[0]

    def __str__(self) -> str:
        was = "" if self.parameter.write_only else f"{shown(self.parameter, self.before)} → "
        return f"{self.parameter.name} {was}{shown(self.parameter, self.after)}"


def parameters_of(model: Model) -> Mapping[str, Parameter]:
    """What can be set at a model, by name.

    Raises SetError if nothing can.
    """
    if not model.setup.parameters:
        raise SetError(f"the {model.name} cannot be set: no paper that its file knows of tells how")
    return model.setup.parameters


def parameter_of(model: Model, name: str) -> Parameter:
    """The parameter of a model that has this name.

    Raises SetError.
    """
    parameters = parameters_of(model)
    if name not in parameters:
        raise SetError(f"the {model.name} has no parameter {name!r}; {suggestion(name, parameters)}")
    return parameters[name]


async def plan_change(asker: Asker, meter: MeterSettings, name: str, text: str) -> Change:
    """The change that makes a parameter of the meter what the text says.

    Raises SetError if it may not be, AnswerError and PortError if the meter does not say how it is now.
    """
    parameter = parameter_of(meter.model, name)
    value = parse_value(parameter, text)
    if parameter.needs == "unlock":
        await require_no_other(asker, meter)
    if parameter.write_only:
        await require_identified(asker, meter, parameter)
        seen = {id_: await read_register(asker, meter.address, meter.model.registers[id_]) for id_ in parameter.seen_in}
        return Change(meter, parameter, b"", content_with(parameter, value, b""), seen)
    before = await read_present(asker, meter, parameter)
    change = Change(meter, parameter, before, content_with(parameter, value, before))
    if change.is_needed and name == ADDRESS and await answers(asker, change.new_unit, parameter):
        raise SetError(
            f"address {change.new_unit}: another meter answers there already, and two at one address are none; "
            "choose another address"
        )
    return change


async def read_present(asker: Asker, meter: MeterSettings, parameter: Parameter) -> bytes:
    """What the registers of a parameter hold.

    Raises SetError if nobody can know what that means, AnswerError, PortError.
    """
    await require_identified(asker, meter, parameter)
    return await read_content(asker, meter.address, parameter)
