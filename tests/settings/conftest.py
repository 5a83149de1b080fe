"""Settings from a text, and what is said of the mistakes in one."""

import pytest

from smartmeter.settings.errors import SettingsError
from smartmeter.settings.load import load_settings


@pytest.fixture(autouse=True)
def _no_systemd(monkeypatch):
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)


@pytest.fixture
def load(tmp_path):
    """The settings that a text in our own format means."""

    def load(text):
        path = tmp_path / "smartmeter.toml"
        path.write_text(text)
        return load_settings(path)

    return load


@pytest.fixture
def mistakes(load, tmp_path):
    """What is said, by key, of a text that `load` refuses; what is called hunter is a secret and never told."""

    def mistakes(text):
        with pytest.raises(SettingsError) as caught:
            load(text)
        assert "hunter" not in str(caught.value)
        assert all(mistake.file.parent == tmp_path for mistake in caught.value.mistakes)
        return {mistake.key: mistake.text for mistake in caught.value.mistakes}

    return mistakes
