"""What it costs to read hundreds of meters over Modbus TCP in one daemon.

Each meter is a bus with a connection of its own, read once a second in five blocks of at most 40 registers: more it
refuses, as some do. The meters are a process apart, so that their work is not counted; the daemon is a process with
real settings, its journal included. Linux only: each meter has an address of its own below 127.

    python benchmarks/tcp_meters.py [--meters N …] [--seconds N] [--pipeline N] [--values N]
"""

import argparse
import asyncio
import multiprocessing
import os
import platform
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from smartmeter.models import Register, load_model
from smartmeter.simulator import VirtualMeter

MODEL = load_model("SDM630")
# Where the five blocks lie: first register, and the one after the last.
BLOCKS = ((0, 40), (40, 80), (200, 240), (240, 270), (334, 374))
MOST_REGISTERS = 40
METERS = (100, 500, 1000)
# The virtual meters' contents, one a second.
IMAGES = 60
IMAGE_BYTES = 1000
FIRST_READINGS_S = 60.0
SETTLE_S = 5
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
# What a thousand meters may cost: so much of one core, so many MB.
MOST_CORE, MOST_MB = 0.5, 100.0
# What begins later after its second is skipped by the daemon, and missing here.
LATE_S = 0.25

REQUEST = struct.Struct(">HHHBBHH")
ANSWER = struct.Struct(">HHHBBB")


@dataclass(frozen=True, slots=True)
class Result:
    """What so many meters cost. `core` is the part of one core, `latest_s` how late a round began at worst."""

    meters: int
    requests_per_s: float
    cpu_per_request_us: float
    core: float
    resident_mb: float
    first_mb: float
    readings: int
    missing: int
    latest_s: float


class Device(asyncio.Protocol):
    """One connection: a meter whose registers change every second."""

    def __init__(self, images: Sequence[bytes], count: list[int]) -> None:
        self._images = images
        self._count = count
        self._offset = 0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Which of the devices it is, its address tells."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._offset = sum(int(part) for part in transport.get_extra_info("sockname")[0].split("."))

    def data_received(self, data: bytes) -> None:
        """Answer all requests in it; they come whole."""
        image = self._images[(self._offset + int(time.monotonic())) % IMAGES]
        answers = b""
        for start in range(0, len(data), REQUEST.size):
            transaction, _, _, unit, function, address, count = REQUEST.unpack_from(data, start)
            if count > MOST_REGISTERS:
                answers += ANSWER.pack(transaction, 0, 3, unit, function | 0x80, 2)
            else:
                answers += ANSWER.pack(transaction, 0, 3 + 2 * count, unit, function, 2 * count)
                # Where nothing is, its serial number say, there are zeros.
                answers += image[2 * address : 2 * (address + count)].ljust(2 * count, b"\0")
            self._count[0] += 1
        self._transport.write(answers)


def serve(pipe: Connection) -> None:
    """Be all the meters; tell the port, and whenever asked the number of requests."""
    asyncio.run(_serve(pipe))


async def _serve(pipe: Connection) -> None:
    meter = VirtualMeter(MODEL)
    images = [_image(meter.values_at(1e6 + second)) for second in range(IMAGES)]
    count = [0]
    server = await asyncio.get_running_loop().create_server(lambda: Device(images, count), "0.0.0.0", 0, backlog=2048)
    pipe.send(server.sockets[0].getsockname()[1])

    def tell() -> None:
        pipe.recv()
        pipe.send(count[0])

    asyncio.get_running_loop().add_reader(pipe.fileno(), tell)
    await server.serve_forever()


def _image(values: dict[str, float]) -> bytes:
    image = bytearray(IMAGE_BYTES)
    for measurand, value in values.items():
        struct.pack_into(">f", image, 2 * MODEL.registers[measurand].address, value)
    return bytes(image)


@contextmanager
def meters_apart() -> Iterator[tuple[int, Connection]]:
    """The meters as a process of their own: their port, and where to ask for the number of requests."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(there,), daemon=True)
    process.start()
    try:
        yield here.recv(), here
    finally:
        process.terminate()
        process.join()


def measurands(values: int) -> list[str]:
    """So many measurands, evenly from the five blocks."""
    blocks: list[list[Register]] = [
        [register for register in MODEL.registers.values() if start <= register.address < end] for start, end in BLOCKS
    ]
    chosen: list[str] = []
    while len(chosen) < values and any(blocks):
        # From both ends, so that a block spans its range.
        chosen += [block.pop(0 if len(block) % 2 else -1).measurand for block in blocks if block]
    return chosen[:values]


def settings_text(meters: int, port: int, pipeline: int, values: int) -> str:
    """The daemon's settings: a bus for each meter."""
    listed = ", ".join(f'"{measurand}"' for measurand in measurands(values))
    buses = [
        f"""
[[bus]]
port = "tcp://127.{1 + number // 62500}.{1 + number // 250 % 250}.{1 + number % 250}:{port}"
pipeline = {pipeline}
[[bus.meter]]
name = "meter {number}"
model = "{MODEL.name}"
address = 1
interval = "1s"
measurands = [{listed}]
"""
        for number in range(meters)
    ]
    return "".join(buses) + "[web]\nenabled = false\n"


def measure(meters: int, seconds: int, pipeline: int, values: int) -> Result:
    """Let the daemon read so many meters for so long."""
    with tempfile.TemporaryDirectory() as name, meters_apart() as (port, pipe):
        directory = Path(name)
        settings = directory / "smartmeter.toml"
        settings.write_text(settings_text(meters, port, pipeline, values), "utf-8")
        with running(settings) as process:
            wait_for_requests(pipe, meters * len(BLOCKS) * SETTLE_S, process)
            first_mb = resident_mb(process.pid)
            began_us, began_s = time.time_ns() // 1000, time.monotonic()
            cpu_s, requests = cpu_time_s(process.pid), requests_of(pipe)
            time.sleep(seconds)
            cpu_s, requests = cpu_time_s(process.pid) - cpu_s, requests_of(pipe) - requests
            ended_us, took_s = time.time_ns() // 1000, time.monotonic() - began_s
            memory_mb = resident_mb(process.pid)
            # What began last is still under way.
            time.sleep(1.5)
        late_s = [late for at_us, late in readings(directory / "smartmeter.db") if began_us <= at_us < ended_us]
        expected = meters * (ended_us // 1_000_000 - began_us // 1_000_000)
        return Result(
            meters=meters,
            requests_per_s=requests / took_s,
            cpu_per_request_us=cpu_s / requests * 1e6,
            core=cpu_s / took_s,
            resident_mb=memory_mb,
            first_mb=first_mb,
            readings=len(late_s),
            missing=expected - len(late_s),
            latest_s=max(late_s),
        )


@contextmanager
def running(settings: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The daemon as a process of its own."""
    command = [sys.executable, "-m", "smartmeter", "run", "-c", str(settings)]
    with settings.with_name("log").open("wb") as log:
        process = subprocess.Popen(command, stderr=log)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def requests_of(pipe: Connection) -> int:
    """How many requests the meters have had."""
    pipe.send(None)
    count: int = pipe.recv()
    return count


def wait_for_requests(pipe: Connection, count: int, process: subprocess.Popen[bytes]) -> None:
    """Return when the meters have had so many requests."""
    deadline_s = time.monotonic() + FIRST_READINGS_S
    while requests_of(pipe) < count:
        if process.poll() is not None or time.monotonic() > deadline_s:
            raise SystemExit("the daemon does not read; run it by hand with the same settings")
        time.sleep(0.1)


def readings(journal: Path) -> Iterator[tuple[int, float]]:
    """The moment of each reading on the grid in microseconds, and how late in seconds it began."""
    offset_us = time.time_ns() // 1000 - time.monotonic_ns() // 1000
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as connection:
        for time_us, monotonic_us in connection.execute("SELECT time_us, monotonic_us FROM reading"):
            if time_us % 1_000_000 == 0:
                yield time_us, (monotonic_us + offset_us - time_us) / 1e6


def cpu_time_s(pid: int) -> float:
    """CPU seconds that a process has used, of user and system, all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def resident_mb(pid: int) -> float:
    """Resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))


def machine() -> str:
    """The machine, in a line."""
    model = platform.machine()
    with suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        model = next(line.partition(": ")[2] for line in lines if line.startswith("model name"))
    load = os.getloadavg()[0]
    return f"{model}, {os.cpu_count()} cores, load {load:.1f}, {platform.system()}, Python {platform.python_version()}"


def main() -> None:
    """Measure, print, and fail if a bar is missed."""
    parser = argparse.ArgumentParser(description="What hundreds of meters over Modbus TCP cost.")
    parser.add_argument("--meters", type=int, nargs="+", default=METERS)
    # Longer than a minute, as some things are done once in one.
    parser.add_argument("--seconds", type=int, default=75)
    parser.add_argument("--pipeline", type=int, nargs="+", default=(1, len(BLOCKS)))
    parser.add_argument("--values", type=int, default=70, help="of each meter, from all five blocks")
    args = parser.parse_args()
    print(machine())
    print(f"{len(BLOCKS)} blocks of each meter once a second, {len(measurands(args.values))} values")
    print(" meters  pipeline  requests/s  CPU us/request  of a core     MB  KB/meter  readings  missing  latest start")
    missed = []
    for pipeline in args.pipeline:
        results = [measure(meters, args.seconds, pipeline, args.values) for meters in args.meters]
        for result in results:
            few = results[0]
            grown_kb = 1024 * (result.resident_mb - few.resident_mb) / max(1, result.meters - few.meters)
            print(
                f"{result.meters:7}  {pipeline:8}  {result.requests_per_s:10.0f}  {result.cpu_per_request_us:14.1f}"
                f"  {100 * result.core:7.1f} %  {result.resident_mb:5.1f}  {grown_kb:8.1f}  {result.readings:8}"
                f"  {result.missing:7}  {1000 * result.latest_s:9.0f} ms"
            )
            if result.core > MOST_CORE or result.resident_mb > MOST_MB or result.missing:
                missed.append(f"{result.meters} meters, pipeline {pipeline}")
    if missed:
        raise SystemExit(f"over the bar of {MOST_CORE:.0%} of a core, {MOST_MB:g} MB and none missing: {missed}")


if __name__ == "__main__":
    main()
