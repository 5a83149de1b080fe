"""What can go wrong on a Modbus line."""

from smartmeter.errors import SmartmeterError

# "MODBUS application protocol specification V1.1b3", section 7.
EXCEPTION_NAMES = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "device failure",
    5: "acknowledge",
    6: "device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target does not respond",
}
# What a gateway says in place of a meter that it cannot reach, or that does not answer it.
GATEWAY_CODES = frozenset({10, 11})
# What a device says when a request is not to its taste; asking again does not help.
REFUSALS = frozenset({1, 2, 3})


class ModbusError(SmartmeterError):
    """Something is wrong with a line or with what came over it."""


class PortError(ModbusError):
    """The port cannot be opened, or has gone away."""


class PortBusyError(PortError):
    """Another process uses the port."""


class PortGoneError(PortError):
    """The port was there, and has gone away."""


class AnswerError(ModbusError):
    """A request has no good answer.

    `request` is what was sent and `received` what came back until the line was silent, both as bytes.
    """

    def __init__(self, text: str, request: bytes, received: bytes) -> None:
        super().__init__(text)
        self.request = request
        self.received = received


class NoAnswerError(AnswerError):
    """Nothing came before the time-out."""


class SilentTargetError(NoAnswerError):
    """A gateway says that the meter behind it does not answer: exception 10 or 11."""


class ShortAnswerError(AnswerError):
    """The beginning of the answer came, and then nothing more."""


class DamagedAnswerError(AnswerError):
    """What came has no valid checksum."""


class ForeignAnswerError(AnswerError):
    """A whole frame came, from another unit, for another function, or of another length."""


class ExceptionAnswerError(AnswerError):
    """The unit answered with an exception; `code` is the one of the Modbus specification."""

    def __init__(self, code: int, text: str, request: bytes, received: bytes) -> None:
        super().__init__(text, request, received)
        self.code = code

    @property
    def is_refusal(self) -> bool:
        """Whether the unit refuses this very request, so that repeating it is pointless."""
        return self.code in REFUSALS


def exception_error(code: int, asked: object, request: bytes, received: bytes) -> AnswerError:
    """The error for an answer that is this exception; `asked` is what was asked, in words."""
    text = f"{asked}: exception {code} ({EXCEPTION_NAMES.get(code, 'unknown')})"
    if code in GATEWAY_CODES:
        return SilentTargetError(text, request, received)
    return ExceptionAnswerError(code, text, request, received)
