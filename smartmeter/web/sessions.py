"""Who has logged in: sessions in memory, passwords by Argon2, and no endless guessing."""

import asyncio
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import IPv6Address, ip_address
from typing import Final

from smartmeter.web.problems import ProblemError

SESSION_S: Final = 30 * 86_400
SESSIONS: Final = 1000
# So often may somebody err, and how long until it is forgotten; all together may not err much more often either.
TRIES: Final = 5
TRIES_OF_ALL: Final = 50
FORGET_S: Final = 900.0
LONGEST_PASSWORD: Final = 1000
_REMEMBERED_CLIENTS: Final = 1000
_SITE_PREFIX: Final = 64


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who has logged in; `csrf` is what their page must show with everything that changes something."""

    csrf: str
    until_s: float


class Sessions:
    """The sessions of a page with this password's hash (None: nobody needs to log in) and these programs' tokens."""

    def __init__(self, password_hash: str | None, tokens: Sequence[str]) -> None:
        self._password_hash = password_hash
        self._tokens = tuple(token.encode() for token in tokens)
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._failures: OrderedDict[str, list[float]] = OrderedDict()
        # Each check takes 19 MB for a moment.
        self._checking = asyncio.Lock()

    @property
    def login_required(self) -> bool:
        return self._password_hash is not None

    def find(self, cookie: str | None) -> Session | None:
        """The session of this cookie, if it is one and not over."""
        session = self._sessions.get(cookie or "")
        return session if session is not None and session.until_s > time.monotonic() else None

    def knows_token(self, token: str) -> bool:
        """Whether a program may come in with this."""
        given = token.encode()
        # All of them, so that the time tells nothing.
        return sum(hmac.compare_digest(given, known) for known in self._tokens) > 0

    async def log_in(self, password: str, client: str) -> tuple[str, Session]:
        """A new session and its cookie. Raises ProblemError if the password is wrong, or wrong ones came too often."""
        key = site_of(client)
        async with self._checking:
            self._refuse_if_guessing(key)
            if not await asyncio.to_thread(_is_right, self._password_hash or "", password):
                self._note_failure(key)
                raise ProblemError(HTTPStatus.UNAUTHORIZED, "the password is wrong")
        self._failures.pop(key, None)
        cookie, session = secrets.token_urlsafe(32), Session(secrets.token_urlsafe(32), time.monotonic() + SESSION_S)
        self._sessions[cookie] = session
        while len(self._sessions) > SESSIONS:
            self._sessions.popitem(last=False)
        return cookie, session

    def log_out(self, cookie: str | None) -> None:
        """End the session of this cookie."""
        self._sessions.pop(cookie or "", None)

    def _refuse_if_guessing(self, key: str) -> None:
        now_s = time.monotonic()
        for known, times_s in list(self._failures.items()):
            recent = [time_s for time_s in times_s if now_s - time_s < FORGET_S]
            if recent:
                self._failures[known] = recent
            else:
                del self._failures[known]
        mine = self._failures.get(key, [])
        everyone = sorted(time_s for times_s in self._failures.values() for time_s in times_s)
        if len(mine) >= TRIES or len(everyone) >= TRIES_OF_ALL:
            oldest_s = mine[-TRIES] if len(mine) >= TRIES else everyone[-TRIES_OF_ALL]
            wait_s = max(1, round(oldest_s + FORGET_S - now_s))
            raise ProblemError(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"too many wrong passwords; try again in {wait_s} seconds",
                {"Retry-After": str(wait_s)},
            )

    def _note_failure(self, key: str) -> None:
        self._failures.setdefault(key, []).append(time.monotonic())
        while len(self._failures) > _REMEMBERED_CLIENTS:
            self._failures.popitem(last=False)


def hash_password(password: str) -> str:
    """The hash of Argon2id that the settings want.

    19 MiB and two passes: what the OWASP Password Storage Cheat Sheet names as the least, as a Pi has little memory.
    """
    from argon2 import PasswordHasher  # noqa: PLC0415 - who has no password does not pay for it

    return PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1).hash(password)


def _is_right(password_hash: str, password: str) -> bool:
    from argon2 import PasswordHasher  # noqa: PLC0415 - who has no password does not pay for it
    from argon2.exceptions import InvalidHashError, VerificationError  # noqa: PLC0415

    try:
        return PasswordHasher().verify(password_hash, password)
    except (VerificationError, InvalidHashError, UnicodeEncodeError):
        # The last one: JSON can hold half a character, and no password does.
        return False


def site_of(client: str) -> str:
    """Whom tries are counted for: an address, of IPv6 the network of a site, as each has billions of addresses."""
    try:
        address = ip_address(client)
    except ValueError:
        return client
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return f"{int(address) >> (128 - _SITE_PREFIX):x}"
    return str(address)
