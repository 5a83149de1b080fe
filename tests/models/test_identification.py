"""What a model's file says of serial number and code."""

import tomllib

import pytest

from smartmeter.models import load_model, model_names
from smartmeter.models.catalogue import find_model
from smartmeter.models.definition import read_definition
from smartmeter.models.identification import Identification
from smartmeter.models.register import Register

LIKE = 'name = "X1"\nlike = "SDM530"\n[sources]\nP = "a paper"\n[identification]\n'
SERIAL = 'serial_number = { function = 4, address = 0x10, type = "u64", order = "little", source = "P" }\n'
CODE = 'code = { function = 3, address = 9, type = "u16", values = [7, 8], source = "P" }\n'


def read(text):
    return read_definition(tomllib.loads(LIKE + text), "X1", find_model)


def test_both_are_read():
    model, flaws = read(SERIAL + CODE)
    assert not flaws
    assert model.identification == Identification(
        Register("serial_number", 4, 0x10, "P", 4, "u64", "little"),
        Register("code", 3, 9, "P", 1, "u16"),
        frozenset({7, 8}),
    )


def test_what_is_not_said_is_as_the_other_model_has_it():
    model, _ = read(CODE)
    assert model.identification.serial_number == load_model("SDM530").identification.serial_number
    assert load_model("SDM530").identification.code is None


def test_the_code_of_the_other_model_can_be_left_out():
    like = LIKE.replace("SDM530", "SDM630")
    model, flaws = read_definition(tomllib.loads(like + "code = {}\n"), "X1", find_model)
    assert not flaws
    assert model.identification == Identification(load_model("SDM630").identification.serial_number)


@pytest.mark.parametrize(
    ("text", "place", "flaw"),
    [
        (CODE.replace("[7, 8]", "[0]"), "code.values", "must be a list of numbers"),
        (CODE.replace(", values = [7, 8]", ""), "code.values", "must be a list of numbers"),
        (CODE.replace('"u16"', '"float32"'), "code.type", "must be one of u16"),
        (CODE.replace('"P"', '"Q"'), "code.source", "is no key of [sources]"),
        (CODE.replace("= 9", "= 65536"), "code.address", "from 0 to 65535"),
        (SERIAL.replace("0x10", "65533"), "serial_number.address", "from 0 to 65532"),
        (SERIAL.replace("function = 4, ", ""), "serial_number.function", "is missing"),
        (SERIAL.replace("order", "ordr"), "serial_number.ordr", "did you mean order?"),
        ("serial = 7\n", "serial", "did you mean serial_number?"),
        ("code = 7\n", "code", "must be a table"),
    ],
)
def test_each_mistake_is_found(text, place, flaw):
    model, flaws = read(text)
    assert model is None
    assert any(
        ".".join(map(str, found.place)) == f"identification.{place}" and flaw in found.text for found in flaws
    ), flaws


def test_no_two_models_of_the_program_have_one_code_at_one_place_unless_one_is_like_the_other():
    seen = {}
    for name in model_names():
        identification = load_model(name).identification
        for code in identification.codes:
            register = identification.code
            seen.setdefault((register.function, register.address, register.type, code), []).append(name)
    assert {tuple(names) for names in seen.values() if len(names) > 1} <= {
        ("SDM630MCT", "SDM630MCT-2T"),
        ("SDM72CTM", "SDM72DMV2"),
    }
