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
        columns = re.split(r" {2,}", line)[1:6]
        tested = "yes" if model.tested else "no"
        assert columns == [model.brand, str(model.phases), str(len(model.registers)), str(model.serial), tested]


@pytest.mark.parametrize("name", model_names())
def test_a_model_is_shown_whole_with_the_source_of_every_register(name, capsys):
    assert main(["models", name.lower()]) == 0
    model, output = load_model(name), capsys.readouterr().out
    pattern = r"^ +(\d) +(\d+)  (0x[0-9A-F]{4})  (\w+) +(big|little) +(\S+)  (\S+) +(\S+) +(\S+) +(\S.*)$"
    rows = re.findall(pattern, output, re.MULTILINE)
    shown = {id_: (int(one), int(two), *how, source) for one, two, _, *how, _, id_, _, source in rows}
    assert shown == {
        id_: (each.function, each.address, each.type, each.order, str(each.scale), each.source)
        for id_, each in model.registers.items()
    }
    for _, address, hexadecimal, _, _, _, unit, id_, german, _ in rows:
        assert int(hexadecimal, 16) == int(address)
        assert (unit, german) == (measurands()[id_].unit, measurands()[id_].german)
    assert all(f"{key}: {text}" in output for key, text in model.sources.items())
    assert all(note in output for note in model.notes)
    assert f"factory settings {model.serial};" in output
    assert f"largest current: {model.max_current_a:g} A per phase" in output
    assert f"at most {model.registers_per_request} registers a request" in output


def test_an_unknown_model_is_answered_with_the_nearest(capsys):
    assert main(["models", "SDM5300"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "smartmeter: unknown meter model 'SDM5300'; did you mean SDM530?\n"
