"""A virtual line with meters that can be set, and `smartmeter set` on it."""

from contextlib import contextmanager

from smartmeter.cli.main import main
from smartmeter.models import load_model
from smartmeter.simulator import HoldingQuirks, VirtualLine, VirtualMeter

WRITE_REGISTERS = 16
NOW_S = 1e6


def meter_of(model, address=1, form=None, **holding):
    """A meter that stands on the line as it leaves the factory, or as `form` says; `holding` are its quirks."""
    meter = VirtualMeter(load_model(model), address, format=form, clock=lambda: NOW_S)
    meter.holding.quirks = HoldingQuirks(**holding)
    return meter


@contextmanager
def line_of(*meters):
    """A line on which each meter hears only those who set their port as it is set itself."""
    with VirtualLine(None, meters, turnaround_s=0.001) as line:
        yield line


def set_on(line, meter, *words, taken_for=None):
    """The exit status of `smartmeter set` with these words, for a meter as it is set now."""
    form = meter.format
    options = ["--baudrate", str(form.baudrate), "--parity", form.parity, "--stopbits", str(form.stopbits)]
    where = ["--port", str(line.path), "--model", taken_for or meter.model.name, "--address", str(meter.address)]
    return main(["set", *where, *options, "--timeout", "0.15", *words])


def writes(line):
    """Address, register and data of everything that was written on the line."""
    frames = [request.frame for request in line.requests if request.frame[1] == WRITE_REGISTERS]
    return [(frame[0], int.from_bytes(frame[2:4], "big"), frame[7:-2]) for frame in frames]
