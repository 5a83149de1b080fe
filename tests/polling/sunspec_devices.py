"""What the tests of SunSpec devices share."""

from smartmeter.modbus.errors import ExceptionAnswerError, NoAnswerError
from smartmeter.models import load_model
from smartmeter.settings.model import MeterSettings
from smartmeter.simulator.answers import RefusedError

IDS = (101, 102, 103, 111, 112, 113, 201, 202, 203, 204, 211, 212, 213, 214)
NOON_S = 50_000.0


def settings(model="SunSpec", address=7, measurands=None, interval_us=100_000):
    model = load_model(model)
    return MeterSettings("pv", model, address, dict.fromkeys(measurands or model.registers, interval_us))


def reading(device, asked=None):
    """What reads the device without any line; requests are added to `asked`."""

    async def read(request):
        if asked is not None:
            asked.append((request.address, request.count))
        if device is None:
            raise NoAnswerError(f"{request}: no answer", b"", b"")
        try:
            return device.read(request.function, request.address, request.count)
        except RefusedError as refused:
            raise ExceptionAnswerError(refused.code, f"{request}: refused", b"", b"") from refused

    return read
