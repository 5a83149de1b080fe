"""`smartmeter models`: the catalogue as the owner sees it."""

import re

import pytest

from smartmeter.cli.main import main
from smartmeter.measurands import measurands
from smartmeter.models import load_model, model_names


def test_the_catalogue_has_a_line_for_every_model(capsys):
    assert main(["models"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["model", "brand", "phases", "values", "serial", "tested", "description"]
    assert [line.split()[0] for line in lines] == list(model_names())
    for line in lines:
        model = load_model(line.split()[0])
        assert line.split()[1:4] == [model.brand, str(model.phases), str(len(model.registers))]


@pytest.mark.parametrize("name", model_names())
def test_a_model_is_shown_whole_with_the_source_of_every_register(name, capsys):
    assert main(["models", name.lower()]) == 0
    model, output = load_model(name), capsys.readouterr().out
    rows = re.findall(r"^ +(\d) +(\d+)  (0x[0-9A-F]{4})  (\S+) +(\S+) +(\S+) +(\S.*)$", output, re.MULTILINE)
    shown = {id_: (int(function), int(address), source) for function, address, _, _, id_, _, source in rows}
    assert shown == {
        id_: (register.function, register.address, register.source) for id_, register in model.registers.items()
    }
    for _, address, hexadecimal, unit, id_, german, _ in rows:
        assert int(hexadecimal, 16) == int(address)
        assert (unit, german) == (measurands()[id_].unit, measurands()[id_].german)
    assert all(f"{key}: {text}" in output for key, text in model.sources.items())
    assert all(note in output for note in model.notes)
    assert f"factory settings {model.serial};" in output
    assert f"largest current: {model.max_current_a} A per phase" in output
    assert f"at most {model.registers_per_request} registers a request" in output


def test_an_unknown_model_is_answered_with_the_known_ones(capsys):
    assert main(["models", "SDM120"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"smartmeter: unknown meter model 'SDM120'; known are {', '.join(model_names())}\n"
