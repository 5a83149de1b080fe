"""`smartmeter models`: the catalogue, and what is wrong with a model of one's own."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from smartmeter.measurands import measurands
from smartmeter.models import Model
from smartmeter.models.parameter import LABELS, Parameter
from smartmeter.polling.learned import Learned
from smartmeter.polling.plan import Block, line_time_s
from smartmeter.polling.round import plan_round
from smartmeter.settings.errors import SettingsError
from smartmeter.settings.own_models import (
    known_names,
    load_own_model,
    model_named,
    takes_the_place,
    usual_directories,
)

EXAMPLES = """\
  smartmeter models
  smartmeter models SDM530
  smartmeter models --check models/WZ3.toml

Models of your own lie in /etc/smartmeter/models/ or in models/ beside the settings; docs/adding_a_meter.md tells more.
"""
# Of the columns that `_one` prints: numbers to the right, texts to the left, the source as long as it is.
WIDTHS = (">8", ">8", "6", "7", "6", ">6", "5", "32", "36", "")
# Likewise of `_setup`.
PARAMETER_WIDTHS = ("17", ">8", "6", "7", "7", "8", "13", "36", "")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="NAME", help="a model: prints its settings, limits and registers")
    parser.add_argument(
        "--check", type=Path, metavar="FILE", help="a model of your own: prints every mistake in it, or its plan"
    )


def main(args: argparse.Namespace) -> int:
    if args.check:
        print(_checked(load_own_model(args.check)))
        return 0
    if args.name:
        print(_one(model_named(args.name)))
        return 0
    models, broken = _loaded()
    print(_all(models))
    for line in (notice for model in models if (notice := takes_the_place(model)) is not None):
        print(line)
    for line in broken:
        print(f"smartmeter: {line}", file=sys.stderr)
    return 1 if broken else 0


def _loaded() -> tuple[list[Model], list[str]]:
    """All models, and what is wrong with those that cannot be used."""
    models, broken = [], []
    for name in known_names(usual_directories()):
        try:
            models.append(model_named(name))
        except SettingsError as error:
            broken += str(error).splitlines()
    return models, broken


def _all(models: Sequence[Model]) -> str:
    heads = ("model", "brand", "phases", "values", "serial", "tested", "description")
    rows = [
        (
            model.name,
            model.brand,
            str(model.phases),
            str(len(model.registers)),
            str(model.serial),
            _yes_no(model),
            model.description("en") + (f" ({model.file})" if model.file else ""),
        )
        for model in models
    ]
    widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(len(heads))]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in (heads, *rows)
    )


def _one(model: Model) -> str:
    lines = [
        *_head(model),
        *([f"from {model.file}"] if model.file else []),
        *(f"note: {note}" for note in model.notes),
        "",
        _row("function", "register", "hex", "type", "order", "scale", "unit", "measurand", "German name", "source"),
    ]
    for register in model.registers.values():
        measurand = measurands()[register.measurand]
        how = (register.type, register.order, str(register.scale))
        where = (str(register.function), str(register.address), f"0x{register.address:04X}")
        lines.append(_row(*where, *how, measurand.unit, measurand.id, measurand.german, register.source))
    lines += [*_setup(model), "", *(f"{key}: {text}" for key, text in model.sources.items())]
    return "\n".join(lines)


def _setup(model: Model) -> list[str]:
    """What `smartmeter set` can set at it."""
    if not model.setup.parameters:
        return []
    heads = ("parameter", "register", "hex", "type", "effect", "needs", "source", "what it is", "may be")
    lines = ["", _parameter_row(*heads)]
    lines += [_parameter_line(parameter) for parameter in model.setup.parameters.values()]
    if model.setup.set_mode is not None:
        lines.append(f"set mode: {model.setup.set_mode.how}")
    return lines


def _parameter_line(parameter: Parameter) -> str:
    needs = {"unlock": "password", "set_mode": "set mode", None: ""}[parameter.needs]
    where = (str(parameter.address), f"0x{parameter.address:04X}", parameter.type)
    allowed = f"{parameter.allowed} {parameter.unit}".rstrip()
    what = (parameter.effect, needs, parameter.source, LABELS[parameter.name])
    return _parameter_row(parameter.name, *where, *what, allowed)


def _parameter_row(*columns: str) -> str:
    return "  ".join(f"{text:{width}}" for text, width in zip(columns, PARAMETER_WIDTHS, strict=True)).rstrip()


def _row(*columns: str) -> str:
    return "  ".join(f"{text:{width}}" for text, width in zip(columns, WIDTHS, strict=True)).rstrip()


def _head(model: Model) -> list[str]:
    undefined = "may be crossed" if model.undefined_readable else "may not be crossed"
    return [
        f"{model.brand} {model.name}: {model.description('en')}",
        f"factory settings {model.serial}; speeds {', '.join(str(rate) for rate in model.baudrates)} baud",
        f"at most {model.registers_per_request} registers a request; undefined registers {undefined}",
        f"turnaround that plans assume: {model.turnaround_s * 1000:g} ms",
        f"largest current: {model.max_current_a:g} A per phase",
        f"read on a real meter: {_yes_no(model)}",
    ]


def _checked(model: Model) -> str:
    """What comes of a file without mistakes: the head, and the plan for a reading of everything."""
    blocks = plan_round(model, model.serial, frozenset(model.registers), Learned())
    line_ms = 1000 * line_time_s(blocks, model.serial, model.turnaround_s)
    noun = "block" if len(blocks) == 1 else "blocks"
    return "\n".join(
        [
            *_head(model),
            f"a reading of all {len(model.registers)} values: {len(blocks)} {noun}, {line_ms:.1f} ms at {model.serial}",
            *(_block_line(block) for block in blocks),
            f"ok: {model.file} has no mistakes",
        ]
    )


def _block_line(block: Block) -> str:
    names = [register.measurand for register in block.registers]
    shown = ", ".join(names) if len(names) <= 3 else f"{names[0]} … {names[-1]}"  # noqa: PLR2004 - fit on a line
    return f"  function {block.function}, {block.address}+{block.count}: {len(names)} values, {shown}"


def _yes_no(model: Model) -> str:
    return "yes" if model.tested else "no"
