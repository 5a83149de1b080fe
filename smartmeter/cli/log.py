"""How the daemon logs: lines on standard error, in which no secret ever stands."""

import logging
import os
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote

from smartmeter.settings.model import Settings

# Shorter ones would be found in half of all words.
_SHORTEST_SECRET: Final = 6
_HIDDEN: Final = "[secret]"


class HidingFormatter(logging.Formatter):
    """Puts something else in the place of secrets, wherever they come from: also in a foreign library's traceback."""

    def __init__(self, form: str) -> None:
        super().__init__(form)
        self._secrets: tuple[str, ...] = ()

    def hide(self, secrets: Iterable[str]) -> None:
        """Hide these from now on, besides those before."""
        written = (form for secret in secrets for form in _forms(secret))
        wanted = {*self._secrets, *(secret for secret in written if len(secret) >= _SHORTEST_SECRET)}
        # The longer first: one may be part of another.
        self._secrets = tuple(sorted(wanted, key=len, reverse=True))

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        return text


def _forms(secret: str) -> tuple[str, ...]:
    """As it is, as Python shows it, and as it stands in a URL."""
    return secret, repr(secret)[1:-1], quote(secret, safe="")


def configure_log(level: int) -> HidingFormatter:
    """Log to standard error; with the time, unless systemd's journal adds it."""
    form = "%(levelname)s %(message)s" if os.environ.get("JOURNAL_STREAM") else "%(asctime)s %(levelname)s %(message)s"
    formatter = HidingFormatter(form)
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler])
    for talkative in ("asyncio", "asyncssh", "psycopg"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
    return formatter


def secrets_of(settings: Settings) -> list[str]:
    """All that the settings hold and nobody may read."""
    found = [*settings.apprise]
    if settings.web is not None:
        found += [*settings.web.tokens, settings.web.password_hash or ""]
    if settings.telegram is not None:
        # What stands before the colon is the bot's number, which everyone may know.
        found += [settings.telegram.token, settings.telegram.token.partition(":")[2]]
    if settings.postgresql is not None:
        found.append(settings.postgresql.password or "")
        if settings.postgresql.ssh is not None:
            found += [settings.postgresql.ssh.password or "", settings.postgresql.ssh.key_passphrase or ""]
    return found
