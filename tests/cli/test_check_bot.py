"""`smartmeter check` of a bot: against a Bot API server, and without one."""

import json

import pytest

from smartmeter.cli.main import main

TOKEN = "987654321:AAhunter2hunter2hunter2hunter2hunter"
SETTINGS = """
[[bus]]
port = "{port}"
[[bus.meter]]
model = "SDM530"
address = 1
[telegram]
token = "{token}"
api_url = "{url}"
"""


@pytest.fixture
def check(tmp_path, capsys):
    def check(token, url):
        path = tmp_path / "smartmeter.toml"
        path.write_text(SETTINGS.format(port=tmp_path / "tty", token=token, url=url))
        main(["check", "--json", "-c", str(path)])
        shown = capsys.readouterr().out
        assert token not in shown
        return json.loads(shown)

    return check


def test_it_says_which_bot_it_is(check, telegram_api):
    found = check(telegram_api.token, telegram_api.url)
    assert any("the bot is @" in fact and "chats that are paired: 0" in fact for fact in found["facts"])
    assert not any("telegram" in problem for problem in [*found["errors"], *found["warnings"]])


def test_a_wrong_token_is_an_error(check, telegram_api):
    found = check(TOKEN, telegram_api.url)
    assert "telegram: Telegram does not know the bot's token; ask @BotFather for it" in found["errors"]


def test_out_of_reach_is_a_warning(check, telegram_api):
    telegram_api.down()
    found = check(telegram_api.token, telegram_api.url)
    assert any(f"telegram: {telegram_api.url} is out of reach" in warning for warning in found["warnings"])
    assert not any("telegram" in error for error in found["errors"])
