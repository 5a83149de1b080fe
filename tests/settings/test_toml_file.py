import pytest

from smartmeter.settings.errors import SettingsError
from smartmeter.settings.toml_file import read_toml


def mistakes(tmp_path, content):
    path = tmp_path / "settings.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SettingsError) as caught:
        read_toml(path)
    assert all(mistake.file == path and "\n" not in str(mistake) for mistake in caught.value.mistakes)
    return [(mistake.key, mistake.text) for mistake in caught.value.mistakes]


def test_toml_is_read_with_what_windows_editors_add(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_bytes("\ufeffname = 'Zähler'\r\nport = 1\r\n".encode())
    assert read_toml(path) == {"name": "Zähler", "port": 1}


def test_every_placeholder_is_told_with_its_line(tmp_path):
    found = mistakes(tmp_path, "a = 1\npgport = portnr\n[x]\nip = datenbank.ip # here\nport = /dev/ttyUSB0\n")
    assert [key for key, _ in found] == ["line 2", "line 4", "line 5"]
    assert "pgport = portnr is neither" in found[0][1]
    assert "placeholder" in found[0][1]
    assert "quotation marks" in found[0][1]
    assert "ip = datenbank.ip" in found[1][1]


@pytest.mark.parametrize("key", ["pw", "pgpw", "password", "token", "key_passphrase"])
def test_a_secret_without_quotation_marks_is_not_repeated(tmp_path, key):
    [(place, text)] = mistakes(tmp_path, f"{key} = hunter2\n")
    assert place == "line 1"
    assert "hunter2" not in text
    assert key in text


@pytest.mark.parametrize(
    ("content", "key", "words"),
    [
        ("a = 1\na = 2", "line 2", "there twice"),
        ("[a]\n[a]", "line 2", "there twice"),
        ('a = "x\n', "line 1", "quotation mark at the end"),
        ("a = 1 2", "line 1", "the line should end here"),
        ("a 1", "line 1", '"="'),
        ('a = "C:\\x"', "line 1", "backslash"),
        ("a = 192.168.1.5", "line 1", "quotation marks"),
        ("a = [1, 2", "at its end", "bracket"),
        ("x = [\n a = foo", "line 2", "neither a number nor a text"),
        ('a = 1\nb = 1\nc = "\xe4"'.encode("latin-1"), "line 3", "UTF-8"),
        ("a = " + "[" * 100_000, "", "nested too deeply"),
        ("a = " + "9" * 5000, "", "too many digits"),
    ],
)
def test_broken_toml_is_explained_with_its_line(tmp_path, content, key, words):
    found = mistakes(tmp_path, content)
    assert found[-1][0] == key
    assert words in found[-1][1]


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    for path in (tmp_path / "none.toml", tmp_path, tmp_path / ("x" * 5000), tmp_path / "a\0b"):
        with pytest.raises(SettingsError):
            read_toml(path)
