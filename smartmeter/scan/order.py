"""In which order a scan tries settings and addresses: what is usual comes first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

from smartmeter.modbus.line import AsciiFormat, NetworkLine, Parity, SerialFormat
from smartmeter.modbus.ports import AsciiPort, NetworkPort, Port
from smartmeter.models import Model
from smartmeter.polling.probe import USUAL_FORMATS

# "MODBUS over serial line" V1.02, section 2.2.
ADDRESSES = range(1, 248)
# What meters leave the factory with (docs/meters.md): 1 most of them; 33 Finder's, 126 Siemens', 45 the SDM72CTM; those
# of several meters on one line usually follow one another.
USUAL_ADDRESSES = frozenset((*range(1, 11), 33, 45, 126))
# A second stop bit is not missed by who listens: a meter that is set to two answers a line with one.
STOPBITS = 1
USUAL_PARITIES: tuple[Parity, ...] = ("N", "E")


@dataclass(frozen=True, slots=True)
class Leg:
    """A part of a scan: these addresses are asked one after the other while the line is set like that."""

    line: SerialFormat | NetworkLine
    addresses: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a scan is confined to; empty: not at all. A `model` is looked for with its factory settings first."""

    baudrates: tuple[int, ...] = ()
    parities: tuple[Parity, ...] = ()
    stopbits: tuple[int, ...] = ()
    model: Model | None = None


def lines_to_try(port: Port, wanted: Wanted) -> tuple[SerialFormat | NetworkLine, ...]:
    """How the line may be set, the most usual first; a network is set in one way only."""
    if isinstance(port, NetworkPort):
        return (NetworkLine(),)
    usual = _formats(wanted)
    if wanted.model is not None and not (wanted.baudrates or wanted.parities or wanted.stopbits):
        usual = (wanted.model.serial, *(each for each in usual if _sounds_other(each, wanted.model.serial)))
    return tuple(_as_ascii(each) for each in usual) if isinstance(port, AsciiPort) else tuple(usual)


def legs(lines: Sequence[SerialFormat | NetworkLine], addresses: Iterable[int]) -> tuple[Leg, ...]:
    """Every address at every setting once, the usual addresses first at all of them."""
    usual = tuple(address for address in addresses if address in USUAL_ADDRESSES)
    others = tuple(address for address in addresses if address not in USUAL_ADDRESSES)
    # Over a network there is no setting to be found out.
    parts = (usual, others) if len(lines) > 1 else (usual + others,)
    return tuple(Leg(line, part) for part in parts if part for line in lines)


def _formats(wanted: Wanted) -> Sequence[SerialFormat]:
    if not (wanted.baudrates or wanted.parities or wanted.stopbits):
        return tuple(each for each in USUAL_FORMATS if each.stopbits == STOPBITS)
    baudrates = wanted.baudrates or tuple(dict.fromkeys(each.baudrate for each in USUAL_FORMATS))
    return tuple(
        SerialFormat(baudrate, 8, parity, stopbits)
        for parity, stopbits, baudrate in product(
            wanted.parities or USUAL_PARITIES, wanted.stopbits or (STOPBITS,), baudrates
        )
    )


def _sounds_other(one: SerialFormat, other: SerialFormat) -> bool:
    return (one.baudrate, one.parity) != (other.baudrate, other.parity)


def _as_ascii(line: SerialFormat) -> AsciiFormat:
    # Seven bits where there is a parity ("MODBUS over serial line" V1.02, section 2.5.2).
    return AsciiFormat(line.baudrate, 8 if line.parity == "N" else 7, line.parity, line.stopbits)


def requests_of(parts: Iterable[Leg]) -> int:
    """How many addresses are asked in all."""
    return sum(len(leg.addresses) for leg in parts)
