"""Finding the settings file, telling the formats apart, and bad input of every kind."""

import json
import math
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smartmeter.settings import load as load_module
from smartmeter.settings.errors import SettingsError
from smartmeter.settings.legacy import is_legacy
from smartmeter.settings.load import find_legacy_settings, find_settings, load_settings
from smartmeter.settings.model import Settings

DATA = Path(__file__).parent / "data"
TEXTS = {path.name: path.read_text("utf-8").replace("portnr", "5432") for path in sorted(DATA.glob("*.toml"))}
DOCUMENTS = {name: tomllib.loads(text) for name, text in TEXTS.items()}
SECRETS = ("hunter2", "hunter3", "hunter4", "geheim", "datenbank pw", "telegramtoken")


@pytest.fixture
def places(tmp_path, monkeypatch):
    """The working directory, the starter's and the system's."""
    for name in ("work", "starter", "system"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setattr(load_module, "SYSTEM_DIRECTORY", tmp_path / "system")
    monkeypatch.setattr("smartmeter.__file__", str(tmp_path / "starter" / "smartmeter" / "__init__.py"))
    return tmp_path


def test_settings_are_looked_for_in_order(places):
    in_order = [
        places / "system" / "smartmeter.toml",
        places / "starter" / "smartmeter_cfg.toml",
        places / "starter" / "smartmeter.toml",
        places / "work" / "smartmeter_cfg.toml",
        places / "work" / "smartmeter.toml",
    ]
    for path in in_order:
        path.touch()
        assert find_settings(None).absolute() == path
    assert find_legacy_settings(None).absolute() == places / "work" / "smartmeter_cfg.toml"
    assert find_settings(Path("other.toml")) == Path("other.toml")
    assert find_legacy_settings(Path("other.toml")) == Path("other.toml")


def test_without_settings_it_says_where_it_looked(places):
    (places / "work" / "smartmeter.toml").mkdir()
    with pytest.raises(SettingsError) as caught:
        find_settings(None)
    for path in ("smartmeter.toml", "smartmeter_cfg.toml", places / "starter", places / "system" / "smartmeter.toml"):
        assert str(path) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_file_that_cannot_be_looked_at_is_not_passed_over(places):
    (places / "work" / "smartmeter.toml").symlink_to("smartmeter.toml")
    (places / "system" / "smartmeter.toml").touch()
    assert find_settings(None) == Path("smartmeter.toml")
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(find_settings(None))


def test_the_formats_are_told_apart_by_what_they_say():
    assert {name: is_legacy(document) for name, document in DOCUMENTS.items()} == {
        "documented_cfg.toml": True,
        "full.toml": False,
        "later_cfg.toml": True,
    }
    assert not is_legacy({})
    assert not is_legacy({"bus": [], "pg": {}})
    assert not is_legacy({"mqtt": {}})


def attempt(path, content):
    """Loads it; whatever it is, the result is settings, or mistakes of one line each, which this gives."""
    path.write_bytes(content)
    mistakes = ()
    try:
        assert isinstance(load_settings(path), Settings)
    except SettingsError as error:
        mistakes = error.mistakes or [""]
    for mistake in mistakes:
        assert len(str(mistake).splitlines()) == 1
    return mistakes


def toml(value):
    """A TOML value; tables inline."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(toml(inner) for inner in value) + "]"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if type(value) is int and value > 10**20:
        # Only hexadecimal numbers may have thousands of digits.
        return hex(value)
    return value.isoformat() if hasattr(value, "isoformat") else json.dumps(value)


words = st.sampled_from(
    [
        "",
        "never",
        "forever",
        "voltage_l1",
        "Spannung_L1",
        "SDM530",
        "postgresql",
        "sqlite",
        "10s",
        "1",
        "~",
        "a\nb",
        "E",
    ]
)
scalars = (
    st.none().map(lambda _: False)
    | st.booleans()
    | st.integers()
    | st.sampled_from([0, 1, 247, 248, 10**4000])
    | st.floats()
    | words
    | st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x7f"), max_size=10)
    | st.dates()
    | st.times()
)
keys = st.sampled_from(
    ["bus", "meter", "pg", "db", "modbus", "ssh", "name", "model", "voltage_l1", "Strom_L1", "a b", ""]
)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3))


def places_in(node, place=()):
    """Every place in a document."""
    if place:
        yield place
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for step, inner in children:
        yield from places_in(inner, (*place, step))


def changed(node, place, value):
    """The document with another value at a place; with the place left out if the value is None."""
    if not place:
        return value
    copy = dict(node) if isinstance(node, dict) else list(node)
    if len(place) == 1 and value is None:
        del copy[place[0]]
    else:
        copy[place[0]] = changed(copy[place[0]], place[1:], value)
    return copy


@st.composite
def mangled(draw):
    document = DOCUMENTS[draw(st.sampled_from(sorted(DOCUMENTS)))]
    for _ in range(draw(st.integers(1, 5))):
        all_places = list(places_in(document))
        if not all_places:
            break
        place = draw(st.sampled_from(all_places))
        change = draw(st.sampled_from(["value", "remove", "add"]))
        if change == "value":
            document = changed(document, place, draw(values))
        elif change == "remove":
            document = changed(document, place, None)
        else:
            document = {**document, draw(keys | st.text("abc.", max_size=5)): draw(values)}
    return document


fuzz = settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])


@fuzz
@given(document=mangled())
def test_wrong_values_anywhere_never_give_anything_but_settings_or_mistakes(tmp_path, document):
    text = "\n".join(f"{json.dumps(key)} = {toml(value)}" for key, value in document.items())
    mistakes = attempt(tmp_path / "smartmeter.toml", text.encode())
    assert not [secret for secret in SECRETS if any(secret in mistake.text for mistake in mistakes)]


@fuzz
@given(data=st.data())
def test_broken_texts_never_give_anything_but_settings_or_mistakes(tmp_path, data):
    text = TEXTS[data.draw(st.sampled_from(sorted(TEXTS)))]
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.sampled_from([0, 1, 5, 100])))
        text = (
            text[:start]
            + data.draw(st.text(max_size=3) | st.sampled_from(['"', "[", "]", "=", "\n", "{"]))
            + text[end:]
        )
    attempt(tmp_path / "smartmeter.toml", text.encode("utf-8", "surrogatepass"))


@fuzz
@given(content=st.binary(max_size=50))
def test_any_bytes_never_give_anything_but_mistakes(tmp_path, content):
    attempt(tmp_path / "smartmeter.toml", content)


@pytest.mark.parametrize(
    "content",
    [
        "a" + ".a" * 2_000 + " = 1",
        "bus" + ".a" * 2_000 + " = 1",
        "messintervall" + ".a" * 2_000 + " = 1",
        "bus = " + "[" * 300 + "]" * 300,
        "bus = " + "{a=" * 200 + "1" + "}" * 200,
        "[[bus]]\n" * 500,
        "x" * 100_000 + " = 1",
        "[[messintervall]]\n" + "x" * 100_000 + " = 1",
    ],
)
def test_monstrous_documents_give_mistakes(tmp_path, content):
    attempt(tmp_path / "smartmeter.toml", content.encode())
