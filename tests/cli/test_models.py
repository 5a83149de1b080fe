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


OWN = """
name = "OWN1"
like = "SDM230"
notes = ["Ours."]
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A function that writes a file into models/ in the working directory, and gives its path."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("smartmeter.settings.own_models.SYSTEM_DIRECTORY", tmp_path / "etc")

    def write(name, text, directory="models"):
        (tmp_path / directory).mkdir(parents=True, exist_ok=True)
        path = tmp_path / directory / f"{name}.toml"
        path.write_text(text)
        return path

    return write


def test_models_of_ones_own_are_listed_and_shown(own, capsys):
    path = own("OWN1", OWN)
    assert main(["models"]) == 0
    [line] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("OWN1")]
    assert line.endswith(f"Single-phase meter ({path})")
    assert main(["models", "own1"]) == 0
    output = capsys.readouterr().out
    assert f"from {path}" in output
    assert "note: Ours." in output


def test_the_list_says_which_take_the_place_of_others_and_which_are_broken(own, capsys):
    broken = own("OWN1", OWN.replace("SDM230", "SDM23"))
    path = own("SDM630", 'name = "SDM630"\nlike = "SDM630"\n', "etc/models")
    assert main(["models"]) == 1
    captured = capsys.readouterr()
    assert f"model SDM630: {path} takes the place of the program's own" in captured.out
    assert len([line for line in captured.out.splitlines() if line.startswith("SDM630 ")]) == 1
    assert captured.err.startswith(f'smartmeter: {broken}: like: there is no model "SDM23"')


def test_a_file_without_mistakes_shows_its_plan(own, capsys):
    path = own("OWN1", OWN, "anywhere")
    assert main(["models", "--check", str(path)]) == 0
    *_, plan, first, _, _, _, last, ok = capsys.readouterr().out.splitlines()
    assert plan == "a reading of all 24 values: 5 blocks, 370.8 ms at 9600 8N1"
    assert first == "  function 4, 0+38: 7 values, voltage_l1 … phase_angle_l1"
    assert last.startswith("  function 4, 384+4: 2 values, active_energy_resettable_total, reactive")
    assert ok == f"ok: {path} has no mistakes"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name = OWN1", "line 1: name = OWN1 is neither a number nor a text"),
        ('name = "OWN1', "line 1: no valid TOML: the quotation mark at the end of the text is missing"),
        (OWN.replace("OWN1", "OWN2"), 'name: must be as the file is called, "OWN1", not "OWN2"'),
        (OWN + "[map]\nregisters = [{}]", "map.registers[1].measurand: is missing"),
    ],
)
def test_a_file_with_mistakes_is_told_them(own, capsys, text, told):
    path = own("OWN1", text)
    assert main(["models", "--check", str(path)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"smartmeter: {path}: {told}" in captured.err


def test_a_file_that_is_not_there_is_told(capsys):
    assert main(["models", "--check", "nowhere/x.toml"]) == 1
    assert capsys.readouterr().err == "smartmeter: nowhere/x.toml: cannot be read: No such file or directory\n"
