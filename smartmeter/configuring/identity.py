"""Whether a meter says by its code that it is the model that its owner calls it."""

from smartmeter.configuring.asking import Asker, read_register
from smartmeter.configuring.errors import SetError
from smartmeter.modbus.errors import ExceptionAnswerError
from smartmeter.models import load_model, model_names
from smartmeter.models.parameter import Parameter
from smartmeter.settings.model import MeterSettings


async def require_identified(asker: Asker, meter: MeterSettings, parameter: Parameter) -> None:
    """Where the parameter's registers mean different things in meters that look alike, let by only what says its code.

    Raises SetError, AnswerError, PortError.
    """
    register, codes = meter.model.identification.code, meter.model.identification.codes
    if parameter.only_if_identified is None or register is None:
        return
    try:
        code = await read_register(asker, meter.address, register)
        said = "none" if code is None else f"{int(code):#06x}"
    except ExceptionAnswerError as error:
        code, said = None, str(error)
    if code not in codes:
        known = ", ".join(f"{each:#06x}" for each in sorted(codes))
        raise SetError(
            f"{parameter.name}: {parameter.only_if_identified}, and this one does not say which it is: its code "
            f"(register {register.address:#06x}) should be {known} and is {said}; set it at the meter's buttons"
        )


async def require_no_other(asker: Asker, meter: MeterSettings) -> None:
    """Refuse a meter that says by its code that it is another model of its maker.

    Where one model takes its password another one keeps it, and a write would change it.

    Raises SetError, AnswerError, PortError.
    """
    of_maker = [model for name in model_names() if (model := load_model(name)).brand == meter.model.brand]
    coded = [(model, model.identification.code) for model in of_maker if model.identification.code is not None]
    for register in {(code.function, code.address): code for _, code in coded}.values():
        try:
            code = await read_register(asker, meter.address, register)
        except ExceptionAnswerError:
            continue
        alike = (model.name for model, at in coded if at.address == register.address)
        said = [name for name in alike if code in load_model(name).identification.codes]
        if said and meter.model.name not in said and code not in meter.model.identification.codes:
            raise SetError(
                f"the meter says by its code that it is no {meter.model.name} but {' or '.join(said)}, whose password "
                "is asked elsewhere; nothing was written; mend the model"
            )
