"""Stands before everything: who may ask, under which name, and what browsers are told to forbid."""

import hmac
import re
import socket
from collections.abc import Sequence
from http import HTTPStatus
from ipaddress import ip_address
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from smartmeter.settings.model import WebSettings
from smartmeter.web.problems import ProblemError, problem_response
from smartmeter.web.sessions import Session, Sessions

COOKIE: Final = "smartmeter_session"
CSRF_HEADER: Final = "X-CSRF-Token"
API: Final = "/api/v1/"
_SESSION: Final = f"{API}session"
_SAFE: Final = ("GET", "HEAD", "OPTIONS")
_BEARER: Final = "bearer"
# A name or an address, IPv6 in brackets, and perhaps a port: nothing that another reader could take for a path.
_HOST: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::[0-9]{1,5})?")
# Nothing but what is served here, no frame around it, and nothing that came in as text is run.
_CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class Guard:
    """An ASGI application around another one."""

    def __init__(self, app: ASGIApp, settings: WebSettings, sessions: Sessions) -> None:
        self._app = app
        self._sessions = sessions
        self._names = frozenset(_own_names(settings))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with_headers = _with_headers(send, is_api=scope["path"].startswith(API))
        try:
            self._check(Request(scope))
        except ProblemError as problem:
            await problem_response(problem)(scope, receive, with_headers)
        else:
            await self._app(scope, receive, with_headers)

    def _check(self, request: Request) -> None:
        # Not by the request's URL, of which the header Host is a part: whoever sends it would say where it leads.
        headers, path = request.headers, request.scope["path"]
        if not self._is_ours(headers):
            # Somebody else's name that leads here ("DNS rebinding") would make their page part of ours.
            raise ProblemError(
                HTTPStatus.MISDIRECTED_REQUEST,
                "the page does not know the name by which it was asked for; [web] names lists those that it should",
            )
        is_safe, is_api = request.method in _SAFE, path.startswith(API)
        # To follow a link is no harm, to have others' pages ask in the background is.
        is_link = is_safe and (not is_api or headers.get("sec-fetch-mode") == "navigate")
        if not is_link and not _is_same_origin(headers):
            raise ProblemError(HTTPStatus.FORBIDDEN, "the request came from another page")
        if not is_api:
            return
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == _BEARER and self._sessions.knows_token(token.strip()):
            # No browser sends this by itself.
            return
        if not self._sessions.login_required:
            return
        session = self._sessions.find(request.cookies.get(COOKIE))
        if path == _SESSION and (is_safe or request.method == "POST"):
            return
        if session is None:
            raise ProblemError(HTTPStatus.UNAUTHORIZED, "log in first", {"WWW-Authenticate": "Bearer"})
        if not is_safe and not _has_csrf(headers, session):
            raise ProblemError(HTTPStatus.FORBIDDEN, f"the header {CSRF_HEADER} is missing or wrong")

    def _is_ours(self, headers: Headers) -> bool:
        hosts = headers.getlist("host")
        if len(hosts) != 1:
            return False
        name = _host_name(hosts[0])
        return name in self._names or _is_address(name)


def _own_names(settings: WebSettings) -> Sequence[str]:
    own = socket.gethostname().lower()
    short = own.partition(".")[0]
    return ["localhost", own, short, f"{short}.local", f"{short}.fritz.box", *settings.names]


def _host_name(host: str) -> str:
    """The name without the port, and without the brackets of IPv6; "" if it is none."""
    found = _HOST.fullmatch(host)
    return (found[1] or found[2]).lower().rstrip(".") if found else ""


def _is_address(name: str) -> bool:
    """Whether it is an address: no name of somebody else's that could lead here."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _is_same_origin(headers: Headers) -> bool:
    """Whether it may be from our own page: browsers say so ("Fetch Metadata", "Origin"), programs say nothing."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or origin.lower().partition("://")[2] == headers.get("host", "").lower()


def _has_csrf(headers: Headers, session: Session) -> bool:
    return hmac.compare_digest(headers.get(CSRF_HEADER, "").encode(), session.csrf.encode())


def _with_headers(send: Send, *, is_api: bool) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
            if is_api:
                headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return send_with_headers
