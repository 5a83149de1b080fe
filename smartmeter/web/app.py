"""The application: which function answers which request."""

import asyncio
import gzip
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from http import HTTPStatus
from importlib import resources
from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, Router

from smartmeter.errors import SmartmeterError
from smartmeter.history.model import History
from smartmeter.house import House
from smartmeter.reports.energy_data import energy_csv
from smartmeter.settings.model import WebSettings
from smartmeter.web import energy, history
from smartmeter.web.events import Events
from smartmeter.web.fast import start_fast
from smartmeter.web.files import INDEX, file_response, load_files
from smartmeter.web.guard import API, COOKIE, Guard
from smartmeter.web.look_up import LookUp
from smartmeter.web.meters import latest_json, meters_json
from smartmeter.web.parameters import Parameters, wants_csv
from smartmeter.web.problems import ProblemError, bad_request, not_found, problem_response
from smartmeter.web.sessions import LONGEST_PASSWORD, SESSION_S, Session, Sessions
from smartmeter.web.shared import Shared
from smartmeter.web.state import state_json

LARGEST_BODY: Final = 4096
# How long a body may take: it is a line.
BODY_S: Final = 10.0
# A hundred pages that ask how it is cost as much as one.
STATE_FRESH_S: Final = 1.0
# What is smaller is not worth the time.
_COMPRESS_FROM: Final = 1000
_COMPRESS_LEVEL: Final = 4
_NOT_PLAIN: Final = re.compile(r"[^A-Za-z0-9.-]")


class Page:
    """What the requests of one page and its API are answered from."""

    def __init__(self, house: House, settings: WebSettings) -> None:
        self.events = Events(house)
        self.look_up = LookUp(house.journal.path)
        self._house = house
        self._sessions = Sessions(settings.password_hash, settings.tokens)
        self._shared_state = Shared(self._make_state, STATE_FRESH_S)
        self._files = load_files()
        api = Router(
            [
                Route("/session", self._session, methods=["GET", "POST", "DELETE"]),
                Route("/meters", self._meters),
                Route("/latest", self._latest),
                Route("/events", self._events),
                Route("/history", self._history),
                Route("/energy", self._energy),
                Route("/state", self._state),
                Route("/fast", self._fast, methods=["POST"]),
                Route("/openapi.json", self._openapi),
            ],
            redirect_slashes=False,
        )
        app = Starlette(
            routes=[Mount(API.rstrip("/"), api), Route("/{path:path}", self._file)],
            middleware=[Middleware(GZipMiddleware, minimum_size=_COMPRESS_FROM, compresslevel=_COMPRESS_LEVEL)],
            exception_handlers={
                ProblemError: _problem,
                SmartmeterError: _unavailable,
                HTTPException: _http_error,
                Exception: _unexpected,
            },
        )
        app.router.redirect_slashes = False
        # Around everything, errors included.
        self.app = Guard(app, settings, self._sessions)

    def close(self) -> None:
        """Let go of everyone who waits for something."""
        self.events.close()
        self.look_up.close()
        self._shared_state.close()

    async def _session(self, request: Request) -> Response:
        if request.method == "POST":
            return await self._log_in(request)
        if request.method == "DELETE":
            return await self._log_out(request)
        return self._session_json(self._sessions.find(request.cookies.get(COOKIE)))

    async def _log_in(self, request: Request) -> Response:
        if not self._sessions.login_required:
            raise bad_request("there is no password, and no need to log in")
        wish = await _json_body(request)
        password = wish.get("password") if isinstance(wish, dict) else None
        if not isinstance(password, str) or not 0 < len(password) <= LONGEST_PASSWORD:
            raise bad_request('the body must be a JSON object with "password", a text')
        client = request.client.host if request.client else ""
        cookie, session = await self._sessions.log_in(password, client)
        response = self._session_json(session)
        response.set_cookie(
            COOKIE, cookie, max_age=SESSION_S, httponly=True, samesite="strict", secure=request.url.scheme == "https"
        )
        return response

    async def _log_out(self, request: Request) -> Response:
        await _json_body(request)
        self._sessions.log_out(request.cookies.get(COOKIE))
        response = self._session_json(None)
        response.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return response

    def _session_json(self, session: Session | None) -> JSONResponse:
        required = self._sessions.login_required
        return JSONResponse(
            {
                "authenticated": session is not None or not required,
                "login_required": required,
                "csrf": None if session is None else session.csrf,
            }
        )

    async def _meters(self, request: Request) -> Response:
        Parameters(request, ())
        return JSONResponse(await meters_json(self._house, self.look_up))

    async def _latest(self, request: Request) -> Response:
        Parameters(request, ())
        return JSONResponse(latest_json(self._house))

    async def _events(self, request: Request) -> Response:
        Parameters(request, ())
        if request.method == "HEAD":
            return Response(media_type="text/event-stream")
        self.events.check_room()
        return StreamingResponse(
            self.events.listen(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
        )

    async def _history(self, request: Request) -> Response:
        parameters = Parameters(request, history.KNOWN)
        wish = history.wish_of(self._house, parameters)
        is_csv = wants_csv(request, parameters)

        async def question(store: History) -> bytes:
            found = await history.curves(store, wish)
            return _packed(history.curves_csv(found).encode() if is_csv else history.curves_json(wish, found))

        packed = await self.look_up.ask(("history", is_csv, wish), question)
        return _unpacked(request, packed, f"{wish.meter}-history.csv" if is_csv else None)

    async def _energy(self, request: Request) -> Response:
        parameters = Parameters(request, energy.KNOWN)
        is_csv = wants_csv(request, parameters)
        wish = energy.wish_of(self._house, parameters)

        async def question(store: History) -> bytes:
            report = await energy.energy_of(store, self._house, wish)
            return _packed(energy_csv([report]).encode() if is_csv else _json_bytes(energy.energy_json(report, wish)))

        packed = await self.look_up.ask(("energy", is_csv, wish), question)
        return _unpacked(request, packed, f"{wish.meter}-energy-{wish.kind}.csv" if is_csv else None)

    async def _state(self, request: Request) -> Response:
        Parameters(request, ())
        return _unpacked(request, await self._shared_state.get(), None)

    async def _make_state(self) -> bytes:
        return _packed(_json_bytes(await state_json(self._house)))

    async def _fast(self, request: Request) -> Response:
        begun = start_fast(self._house, await _json_body(request))
        self._shared_state.forget()
        return JSONResponse(begun)

    async def _openapi(self, request: Request) -> Response:
        Parameters(request, ())
        return Response(openapi_bytes(), media_type="application/json")

    async def _file(self, request: Request) -> Response:
        file = self._files.get(request.path_params["path"] or INDEX)
        if file is None:
            raise not_found("there is no such page")
        return file_response(file, request)


@cache
def openapi_bytes() -> bytes:
    """The description of the API (OpenAPI 3.1)."""
    return resources.files("smartmeter.web").joinpath("openapi.json").read_bytes()


@asynccontextmanager
async def page_of(house: House, settings: WebSettings) -> AsyncIterator[Page]:
    """The page, told of every reading for as long as it lasts."""
    page = Page(house, settings)
    with house.live.listening(page.events.hear):
        try:
            yield page
        finally:
            page.close()


async def _json_body(request: Request) -> Any:  # noqa: ANN401 - JSON may be anything
    """The body. Raises ProblemError if it is none of JSON, or large."""
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type != "application/json":
        # What a form of another page can send without being asked has another type.
        raise ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Content-Type must be application/json")
    body = b""
    try:
        async with asyncio.timeout(BODY_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > LARGEST_BODY:
                    raise ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {LARGEST_BODY} bytes")
    except (TimeoutError, ClientDisconnect):
        raise ProblemError(HTTPStatus.REQUEST_TIMEOUT, "the body did not come", {"Connection": "close"}) from None
    try:
        return json.loads(body or b"{}", parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise bad_request("the body is no JSON") from None


def _no_number(text: str) -> float:
    raise ValueError(text)


def _json_bytes(content: object) -> bytes:
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _packed(content: bytes) -> bytes:
    """Compressed where it is made, away from the daemon's loop, and once for all who ask."""
    return gzip.compress(content, _COMPRESS_LEVEL, mtime=0)


def _unpacked(request: Request, packed: bytes, file_name: str | None) -> Response:
    """The answer, as the client takes it: JSON, or CSV as a file of this name."""
    headers = {"Vary": "Accept, Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
    else:
        packed = gzip.decompress(packed)
    if file_name is None:
        return Response(packed, media_type="application/json", headers=headers)
    # A header is ASCII; names of meters need not be.
    headers["Content-Disposition"] = f'attachment; filename="{_NOT_PLAIN.sub("_", file_name)}"'
    return Response(packed, media_type="text/csv; charset=utf-8", headers=headers)


async def _problem(_: Request, error: Exception) -> Response:
    if not isinstance(error, ProblemError):
        raise TypeError(error)
    return problem_response(error)


async def _unavailable(_: Request, error: Exception) -> Response:
    return problem_response(ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, str(error)))


async def _http_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise TypeError(error)
    return problem_response(ProblemError(HTTPStatus(error.status_code), error.detail, error.headers))


async def _unexpected(_: Request, __: Exception) -> Response:
    # The server logs it whole.
    detail = "an error of this program; its log has more"
    return problem_response(ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, detail))
