"""What the documents say is so: settings load, links lead somewhere, names and figures are the program's own."""

import re
import subprocess
import sys
import tomllib
from contextlib import redirect_stdout
from functools import cache
from io import StringIO
from urllib.parse import urlparse

import pytest

from smartmeter import __version__
from smartmeter.cli.main import COMMANDS, main
from smartmeter.modbus.line import SerialFormat
from smartmeter.models import load_model, model_names
from smartmeter.polling.plan import BlockRules, line_time_s, plan_blocks
from smartmeter.settings.errors import SettingsError
from smartmeter.settings.load import load_settings
from tests.fixtures.documents import DOCUMENTS, ROOT, blocks

TEXTS = (*DOCUMENTS, ROOT / "CHANGELOG.md")
SOURCES = sorted((ROOT / "smartmeter").rglob("*.py"))
DRAW = ROOT / "docs" / "images" / "make_pictures.py"

BUS = '[[bus]]\nport = "/dev/ttyUSB0"\n'
METER = '[[bus.meter]]\nname = "house"\nmodel = "SDM530"\naddress = 1\n'
POSTGRESQL = '[postgresql]\nhost = "localhost"\ndatabase = "smartmeter"\nuser = "smartmeter"\n'
LEGACY = '[modbus]\nserial_if = "/dev/ttyUSB0"\nslave_addr = 1\n'
LEGACY_INTERVALS = "[[messintervall]]\nSpannung_L1 = 10\n"
MESS_CFG = '[mess_cfg]\ndevice = "SDM530"\nmessintervall = 10\n'
SSH_AUTH_KEYS = {"ip_server", "ssh_port", "user", "pw"}
# What may stand around a fragment in a whole file: the first that makes one of it counts.
SURROUNDINGS = (
    "{}",
    f"{{}}\n{BUS}{METER}",
    f"{BUS}{{}}\n{METER}",
    f"{{}}\n{METER}",
    f"{BUS}{{}}",
    f"{BUS}{METER}{{}}",
    f"{BUS}{METER}{POSTGRESQL}{{}}",
    f"{{}}\n{LEGACY}",
    f"{LEGACY}{LEGACY_INTERVALS}{{}}",
    f"{LEGACY}{MESS_CFG}{{}}",
)

# What stands in the files that settings name.
FILES = {
    "prices_file": "time,price\n",
    "password_file": "secret\n",
    "key_passphrase_file": "secret\n",
    "token_file": "123456789:AAExampleExampleExample\n",
    "urls_file": "ntfys://ntfy.example.org/house\n",
}

# Whom the documents may send a reader to.
HOSTS = {"github.com", "keepachangelog.com", "semver.org", "t.me", "toml.io", "www.w3.org"}
# Where the bot's requests go: Telegram's server, or one's own.
HOSTS |= {"api.telegram.org", "127.0.0.1:8081"}
# Where the page is.
HOSTS |= {"127.0.0.1:8080", "meter.example.org:8080"}
HOST = re.compile(r"https?://([^/\s)\"'>`,;]+)")
MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:root|Users|workspace)\b")

TOML = [block for block in blocks("toml") if not block.marked]


@pytest.mark.parametrize("block", TOML, ids=str)
def test_every_toml_block_loads(block, tmp_path, monkeypatch):
    text = block.text.replace("/pfad/zu/", "")
    provide_what_it_names(tomllib.loads(text), tmp_path, monkeypatch)
    path = tmp_path / "settings.toml"
    mistakes = []
    for surrounding in SURROUNDINGS:
        path.write_text(surrounding.format(text) if surrounding != "{}" else text)
        try:
            load_settings(path)
        except SettingsError as error:
            mistakes.append(str(error))
        else:
            return
    pytest.fail(mistakes[0])


def provide_what_it_names(document, directory, monkeypatch):
    """Files and environment variables with secrets, and files of prices."""
    for key, value in document.items():
        if isinstance(value, dict):
            provide_what_it_names(value, directory, monkeypatch)
        elif key == "tariff":
            for tariff in value:
                provide_what_it_names(tariff, directory, monkeypatch)
        elif key in FILES:
            (directory / value).write_text(FILES[key])
        elif key in ("password_env", "key_passphrase_env"):
            monkeypatch.setenv(value, "secret")
        elif key == "pfad_zu_ssh_auth" and value:
            (directory / value).write_text('ip_server = "ssh.example.org"\nuser = "pi"\npw = "geheim"\n')


def links(text):
    return re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


def anchors(document):
    """The anchors of a document's headings, as GitHub makes them."""
    text = re.sub(r"^( *)```.*?^\1```", "", document.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    found = set()
    for heading in re.findall(r"^#+ +(.+?) *$", text, re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        anchor = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        numbered = (anchor, *(f"{anchor}-{number}" for number in range(1, 20)))
        found.add(next(each for each in numbered if each not in found))
    return found


@pytest.mark.parametrize("document", TEXTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document):
    for link in links(document.read_text("utf-8")):
        url = urlparse(link)
        if url.scheme:
            assert url.scheme in ("http", "https"), link
            continue
        target = (document.parent / url.path).resolve() if url.path else document
        assert target.exists(), f"{document.name}: {link}"
        assert target.is_relative_to(ROOT), link
        assert not url.fragment or url.fragment in anchors(target), f"{document.name}: {link}"


def test_every_document_that_the_code_names_is_there():
    named = {
        (str(source.relative_to(ROOT)), name)
        for source in SOURCES
        for name in re.findall(r"\bdocs/[\w/.]+\.md", source.read_text("utf-8"))
    }
    assert named
    assert {(source, name) for source, name in named if not (ROOT / name).exists()} == set()


def mentions(text):
    """The command lines in inline code that begin with `smartmeter` and a word."""
    return re.findall(r"`smartmeter ([a-z]+\b[^`]*)`", re.sub(r"\s+", " ", text))


def test_every_command_that_is_mentioned_exists_with_its_options():
    mentioned = {mention: text for text in (*TEXTS, *SOURCES) for mention in mentions(text.read_text("utf-8"))}
    assert mentioned
    for mention, text in mentioned.items():
        command, *words = re.findall(r"[\w./-]+", mention)
        assert command in COMMANDS, f"{mention} in {text}"
        shown = help_of(command)
        for option in (word.partition("=")[0] for word in words if word.startswith("-")):
            assert re.search(rf"{re.escape(option)}\b", shown), f"{mention} in {text}"


@cache
def help_of(command):
    output = StringIO()
    with redirect_stdout(output), pytest.raises(SystemExit):
        main([command, "--help"])
    return output.getvalue()


@pytest.mark.parametrize("document", TEXTS, ids=lambda path: path.name)
def test_no_document_names_a_registry_or_a_place_on_one_machine(document):
    text = document.read_text("utf-8")
    assert set(HOST.findall(text)) <= HOSTS
    assert MACHINE_PATHS.findall(text) == []


def test_both_readmes_show_the_same():
    english, german = ((ROOT / name).read_text("utf-8") for name in ("README.md", "README.de.md"))
    for pattern in (r"^#+ ", r"^\|", r"^ *```(\w*)$", r"^!\[.*\]\((.*)\)$", r"^<!-- .* -->$"):
        assert re.findall(pattern, german, re.MULTILINE) == re.findall(pattern, english, re.MULTILINE), pattern
    own = {"README.md", "README.de.md"}
    assert [link for link in links(german) if link not in own] == [link for link in links(english) if link not in own]
    assert "README.de.md" in links(english)
    assert "README.md" in links(german)


def test_the_changelog_knows_the_version():
    assert __version__ in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_the_catalogue_of_meters_is_complete():
    text = (ROOT / "docs" / "meters.md").read_text("utf-8")
    rows = re.findall(r"^\| ([^|]+) \| (\d) \| (\d+) \| (\w+ \w+) \| (yes|no)\b", text, re.MULTILINE)
    models = [load_model(name) for name in model_names()]
    expected = [
        (f"{m.brand} {m.name}", str(m.phases), str(len(m.registers)), str(m.serial), "yes" if m.tested else "no")
        for m in models
    ]
    assert sorted(rows) == sorted(expected)


def test_the_line_times_are_those_of_the_plan():
    text = (ROOT / "docs" / "meters.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d+) 8([NEO])1 \| (\d+) ms \| (\d+) ms \|$", text, re.MULTILINE)
    assert rows
    model = load_model("SDM530")
    for baudrate, parity, each_ms, planned_ms in rows:
        line = SerialFormat(int(baudrate), 8, parity, 1)
        blocks_ = plan_blocks(model.registers.values(), line, 0.020, BlockRules(model.registers_per_request))
        assert round(1000 * line_time_s(blocks_, line, 0.020)) == int(planned_ms)
        assert round(1000 * len(model.registers) * line.exchange_s(2, 0.020)) == int(each_ms)


def test_the_picture_is_what_the_program_draws():
    code = f"import runpy; print(runpy.run_path({str(DRAW)!r})['draw'](), end='')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    picture = DRAW.with_name("watch.svg").read_text("utf-8")
    assert done.stdout == picture, f"draw it anew: python {DRAW.relative_to(ROOT)}"


def test_the_picture_asks_nothing_of_any_server():
    picture = DRAW.with_name("watch.svg").read_text("utf-8")
    assert re.findall(r"(?:https?:)?//[^\"')\s]+", picture) == ["http://www.w3.org/2000/svg"]
    assert "@font-face" not in picture
