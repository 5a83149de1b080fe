"""`smartmeter simulate`: virtual meters on a serial line (a pseudo-terminal) or behind a network."""

import argparse
import asyncio
import itertools
import shlex
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

from smartmeter.errors import SmartmeterError
from smartmeter.modbus.line import SerialFormat
from smartmeter.modbus.ports import TcpPort
from smartmeter.models import Model
from smartmeter.settings.own_models import model_named
from smartmeter.simulator.faults import Faults, Quirks
from smartmeter.simulator.frames import ASCII, RTU
from smartmeter.simulator.line import VirtualLine
from smartmeter.simulator.meter import VirtualMeter
from smartmeter.simulator.of_model import SUNSPEC_BASE, virtual_meter

EXAMPLES = """\
  smartmeter simulate --link /tmp/meter
  smartmeter simulate --model SDM530,SDM230 --address 1,2 --link /tmp/meters --baudrate 19200 --parity E
  smartmeter simulate --tcp 1502
  smartmeter simulate --tcp 4196 --rtu
  smartmeter simulate --model SunSpec-103 --tcp 1502
  smartmeter simulate --link /tmp/meter --noise 0.05 --max-registers 20

It runs until Ctrl-C or SIGTERM.
"""

ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# "MODBUS over serial line" V1.02, section 2.2.
ADDRESSES = range(1, 248)
MOST_REGISTERS = 125
MBPOLL_VALUES = 3
# What mbpoll adds to the kind of register for a type.
MBPOLL_TYPES = {"float32": ":float", "u32": ":int", "s32": ":int", "u16": "", "s16": ":int16"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model", default="SDM530", metavar="NAME[,NAME…]", help="the models of the meters (default SDM530)"
    )
    parser.add_argument(
        "--address", type=_addresses, metavar="N[,N…]", help="their addresses, 1 to 247 (default 1, 2, …)"
    )
    parser.add_argument(
        "--sunspec-base",
        type=_number(int, 0, 60_000),
        default=SUNSPEC_BASE,
        metavar="N",
        help=f"the register at which a SunSpec device begins (default {SUNSPEC_BASE})",
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="another number, another house (default 1)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--link", type=Path, metavar="PATH", help="a symbolic link to make to the virtual serial port")
    where.add_argument(
        "--tcp", type=_number(int, 0, 65535), metavar="PORT", help="serve Modbus TCP instead; 0: any port"
    )
    where.add_argument(
        "--udp", type=_number(int, 0, 65535), metavar="PORT", help="serve RTU frames over UDP instead; 0: any port"
    )
    parser.add_argument("--rtu", action="store_true", help="with --tcp: RTU frames, as transparent gateways have them")
    parser.add_argument("--host", default="127.0.0.1", help="where to listen with --tcp or --udp (default 127.0.0.1)")
    line = parser.add_argument_group("the serial line")
    line.add_argument("--ascii", action="store_true", help="Modbus ASCII instead of RTU")
    line.add_argument("--baudrate", type=_number(int, 50, 4_000_000), metavar="N", help="default: the first model's")
    line.add_argument("--parity", choices=("N", "E", "O"), type=str.upper, help="default: the first model's")
    line.add_argument("--stopbits", type=int, choices=(1, 2), help="default: the first model's")
    line.add_argument(
        "--turnaround-ms",
        type=_number(float, 0, 60_000),
        default=20.0,
        metavar="MS",
        help="time that a meter takes before it answers, in milliseconds (default 20)",
    )
    faults = parser.add_argument_group("faults of every meter")
    faults.add_argument("--silent", action="store_true", help="never answer")
    faults.add_argument(
        "--noise",
        type=_number(float, 0, 1),
        default=0.0,
        metavar="P",
        help="damage answers with this probability, 0 to 1",
    )
    faults.add_argument(
        "--max-registers",
        type=_number(int, 2, MOST_REGISTERS),
        metavar="N",
        help="refuse longer requests (default: as the model's paper says)",
    )
    faults.add_argument("--refuse-undefined", action="store_true", help="refuse registers that are not defined")


def main(args: argparse.Namespace) -> int:
    meters = _meters(args)
    if args.tcp is not None or args.udp is not None:
        asyncio.run(_serve_network(meters, args))
    else:
        _serve_line(meters, args)
    return 0


def _meters(args: argparse.Namespace) -> list[VirtualMeter]:
    models = [model_named(name.strip()) for name in args.model.split(",")]
    addresses = args.address or list(range(1, len(models) + 1))
    if len(models) == 1:
        models *= len(addresses)
    if len(models) != len(addresses):
        raise SmartmeterError(
            f"--model names {len(models)} meters and --address {len(addresses)}; give as many of one as of the other"
        )
    if len(set(addresses)) < len(addresses):
        raise SmartmeterError("--address names one address twice; every meter on a line needs its own")
    return [
        virtual_meter(
            model,
            address,
            seed=seed,
            quirks=Quirks(max_registers=args.max_registers, refuse_undefined=args.refuse_undefined),
            faults=Faults(silent=args.silent, noise=args.noise),
            sunspec_base=args.sunspec_base,
        )
        for seed, (model, address) in enumerate(zip(models, addresses, strict=True), start=args.seed)
    ]


def _serve_line(meters: Sequence[VirtualMeter], args: argparse.Namespace) -> None:
    factory = meters[0].model.serial
    form = SerialFormat(
        baudrate=args.baudrate or factory.baudrate,
        bytesize=factory.bytesize,
        parity=args.parity or factory.parity,
        stopbits=args.stopbits or factory.stopbits,
    )
    # Blocked before the line's thread starts, which inherits that: the signals wait for us.
    former = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING_SIGNALS)
    try:
        framing = ASCII if args.ascii else RTU
        with VirtualLine(form, meters, args.link, turnaround_s=args.turnaround_ms / 1000, framing=framing) as line:
            port = f"ascii://{line.path.absolute()}" if args.ascii else str(line.path)
            read = (
                f"smartmeter read --port {shlex.quote(port)} --model {meters[0].model.name} "
                f"--address {meters[0].address} --baudrate {form.baudrate} --parity {form.parity} "
                f"--stopbits {form.stopbits}"
            )
            print(f"{_who(meters)} on {line.path}, {form}; read it with: {read}", flush=True)
            signal.sigwait(ENDING_SIGNALS)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


async def _serve_network(meters: Sequence[VirtualMeter], args: argparse.Namespace) -> None:
    from smartmeter.simulator.tcp import tcp_server, udp_server  # noqa: PLC0415  # a serial line needs none of it

    ended = asyncio.Event()
    for ending in ENDING_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(ending, ended.set)
    serving = tcp_server(meters, args.host, args.tcp, rtu=args.rtu) if args.udp is None else None
    async with serving or udp_server(meters, args.host, args.udp) as (host, port):
        meter = meters[0]
        what, kind = "Modbus TCP", "tcp"
        if args.udp is not None:
            what, kind = "RTU over UDP", "rtu+udp"
        elif args.rtu:
            what, kind = "RTU over TCP", "rtu+tcp"
        where = TcpPort(host, port).where
        read = f"smartmeter read --port {kind}://{where} --model {meter.model.name} --address {meter.address}"
        if kind == "tcp":
            read = f"mbpoll -m tcp -p {port} -a {meter.address} {_mbpoll_words(meter.model)} {host}"
        print(f"{_who(meters)} on {what} {host} port {port}; read it with: {read}", flush=True)
        await ended.wait()


def _mbpoll_words(model: Model) -> str:
    """How mbpoll, which counts registers from 1, reads the first values that it can."""
    known = [each for each in model.registers.values() if each.type in MBPOLL_TYPES]
    if not known:
        return "-t 4 -r 1 -c 1"
    first = known[0]
    kind = {3: "4", 4: "3"}[first.function] + MBPOLL_TYPES[first.type]
    high_word_first = " -B" if first.count > 1 and first.order == "big" else ""
    alike = {each.address for each in known if (each.function, each.type) == (first.function, first.type)}
    addresses = itertools.count(first.address, first.count)
    values = len(list(itertools.takewhile(alike.__contains__, addresses)))
    return f"-t {kind}{high_word_first} -r {first.address + 1} -c {min(values, MBPOLL_VALUES)}"


def _who(meters: Sequence[VirtualMeter]) -> str:
    return ", ".join(f"{meter.model.name} at address {meter.address}" for meter in meters)


def _addresses(text: str) -> list[int]:
    try:
        addresses = [int(part) for part in text.split(",")]
    except ValueError:
        addresses = []
    if not addresses or any(address not in ADDRESSES for address in addresses):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of addresses; they are numbers from 1 to 247, as in 1,2")
    return addresses


def _number(kind: Callable[[str], float], least: float, most: float) -> Callable[[str], float]:
    def number(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = float("nan")
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text!r} does not fit; it is a number from {least} to {most}")
        return value

    return number
