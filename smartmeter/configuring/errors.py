"""What can go wrong when a meter is set, in its owner's words."""

from smartmeter.errors import SmartmeterError
from smartmeter.modbus.errors import AnswerError, ExceptionAnswerError
from smartmeter.models import Model
from smartmeter.models.parameter import Parameter

# "MODBUS application protocol specification V1.1b3", section 7; Eastron's papers have 5 for what cannot be stored.
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, COULD_NOT_STORE = 1, 2, 3, 5


class SetError(SmartmeterError):
    """Something was not set, or it is not known whether it was."""


def explained(error: AnswerError, model: Model, parameter: Parameter) -> str:
    """Why the meter did not take what was written, and what to do."""
    code = error.code if isinstance(error, ExceptionAnswerError) else None
    set_mode = model.setup.set_mode
    if code == ILLEGAL_FUNCTION and parameter.needs == "set_mode" and set_mode is not None:
        return f"it lets itself be set only in its set mode (exception 1): {set_mode.how}, then try again"
    texts = {
        ILLEGAL_FUNCTION: "it does not let this be set (exception 1)",
        ILLEGAL_ADDRESS: "it does not have this parameter (exception 2); is it a {model}?",
        ILLEGAL_VALUE: "the value is not in its list (exception 3), although the paper of the {model} has it",
        COULD_NOT_STORE: "it could not store the value (exception 5); try again",
    }
    return texts[code].format(model=model.name) if code in texts else str(error)
