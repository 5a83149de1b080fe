"""Makes the settings of the page from their table: nobody beyond this machine sees it unasked."""

from collections.abc import Callable

from smartmeter.settings.file import (
    PASSWORD_HASH_TEXT,
    WEB_TOKEN_TEXT,
    WebTable,
    is_password_hash,
    is_web_token,
)
from smartmeter.settings.mistakes import Mistakes, Place
from smartmeter.settings.model import WebSettings
from smartmeter.settings.secrets import SecretKeys, read_secret

_PLACE: Place = ("web",)


def resolve_web(table: WebTable, mistakes: Mistakes) -> WebSettings | None:
    """The page's settings; None if there is to be none."""
    keys = SecretKeys("password_hash", table.password_hash, table.password_hash_file, table.password_hash_env)
    password_hash = read_secret(keys, mistakes, _PLACE)
    if password_hash is not None and not is_password_hash(password_hash):
        key = "password_hash_file" if table.password_hash_file is not None else "password_hash_env"
        mistakes.add((*_PLACE, key), f"holds no hash; it must be {PASSWORD_HASH_TEXT}")
    web = WebSettings(
        host=table.host,
        port=table.port,
        password_hash=password_hash,
        tokens=_tokens(table, mistakes),
        names=tuple(dict.fromkeys(table.names)),
    )
    is_open = not web.is_loopback and password_hash is None and not table.allow_anonymous
    if table.enabled and is_open and not mistakes.lie_within(_PLACE):
        mistakes.add(
            (*_PLACE, "host"),
            "lets others than this machine see the page; give a password_hash (smartmeter web password makes one), "
            "or allow_anonymous = true",
        )
    return web if table.enabled else None


def _tokens(table: WebTable, mistakes: Mistakes) -> tuple[str, ...]:
    if table.tokens_file is None:
        return tuple(dict.fromkeys(table.tokens or ()))
    if table.tokens is not None:
        mistakes.add((*_PLACE, "tokens_file"), "is there beside tokens; give only one of them")
    text = read_secret(SecretKeys("tokens", None, table.tokens_file, None), mistakes, _PLACE) or ""
    return _lines(text, is_web_token, WEB_TOKEN_TEXT, mistakes)


def _lines(text: str, is_right: Callable[[str], bool], meant: str, mistakes: Mistakes) -> tuple[str, ...]:
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        word = line.strip()
        if not word or word.startswith("#"):
            continue
        if is_right(word):
            found.append(word)
        else:
            mistakes.add((*_PLACE, "tokens_file"), f"has no token on line {number}; it must be {meant}")
    return tuple(dict.fromkeys(found))
