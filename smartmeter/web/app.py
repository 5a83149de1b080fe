"""The application: which function answers which request."""

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
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from smartmeter.errors import SmartmeterError
from smartmeter.history.model import History
from smartmeter.house import House
from smartmeter.reports.energy import EnergyReport
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
from smartmeter.web.state import state_json

LARGEST_BODY: Final = 4096
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
        self._files = load_files()
        app = Starlette(
            routes=[
                Route(f"{API}session", self._session, methods=["GET"]),
                Route(f"{API}session", self._log_in, methods=["POST"]),
                Route(f"{API}session", self._log_out, methods=["DELETE"]),
                Route(f"{API}meters", self._meters),
                Route(f"{API}latest", self._latest),
                Route(f"{API}events", self._events),
                Route(f"{API}history", self._history),
                Route(f"{API}energy", self._energy),
                Route(f"{API}state", self._state),
                Route(f"{API}fast", self._fast, methods=["POST"]),
                Route(f"{API}openapi.json", self._openapi),
                Route("/{path:path}", self._file),
            ],
            middleware=[Middleware(GZipMiddleware, minimum_size=_COMPRESS_FROM, compresslevel=_COMPRESS_LEVEL)],
            exception_handlers={
                ProblemError: _problem,
                SmartmeterError: _unavailable,
                HTTPException: _http_error,
                Exception: _unexpected,
            },
        )
        # Around everything, errors included.
        self.app = Guard(app, settings, self._sessions)

    async def _session(self, request: Request) -> Response:
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
            if is_csv:
                return history.curves_csv(found).encode()
            return _json_bytes(history.curves_json(wish, found))

        content = await self.look_up.ask(("history", is_csv, wish), question)
        return _download(content, f"{wish.meter}-history.csv") if is_csv else _json_response(content)

    async def _energy(self, request: Request) -> Response:
        parameters = Parameters(request, energy.KNOWN)
        is_csv = wants_csv(request, parameters)
        kind, now_us = parameters.choice("span", energy.SPANS), self._house.clock.wall_us()

        async def question(store: History) -> tuple[EnergyReport, bytes]:
            report = await energy.energy_of(store, self._house, parameters, now_us)
            if is_csv:
                return report, energy_csv([report]).encode()
            return report, _json_bytes(energy.energy_json(report, kind))

        key = ("energy", is_csv, tuple(sorted(request.query_params.multi_items())))
        report, content = await self.look_up.ask(key, question)
        return _download(content, f"{report.meter}-energy-{kind}.csv") if is_csv else _json_response(content)

    async def _state(self, request: Request) -> Response:
        Parameters(request, ())
        return JSONResponse(await state_json(self._house))

    async def _fast(self, request: Request) -> Response:
        return JSONResponse(start_fast(self._house, await _json_body(request)))

    async def _openapi(self, request: Request) -> Response:
        Parameters(request, ())
        return Response(openapi_bytes(), media_type="application/json")

    async def _file(self, request: Request) -> Response:
        path = request.path_params["path"]
        if f"/{path}".startswith(API.rstrip("/")):
            raise not_found("there is no such thing in the API; /api/v1/openapi.json describes it")
        file = self._files.get(path or INDEX)
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
            page.events.close()
            page.look_up.close()


async def _json_body(request: Request) -> Any:  # noqa: ANN401 - JSON may be anything
    """The body. Raises ProblemError if it is none of JSON, or large."""
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type != "application/json":
        # What a form of another page can send without being asked has another type.
        raise ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Content-Type must be application/json")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {LARGEST_BODY} bytes")
    try:
        return json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise bad_request("the body is no JSON") from None


def _json_bytes(content: object) -> bytes:
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _json_response(content: bytes) -> Response:
    return Response(content, media_type="application/json")


def _download(content: bytes, name: str) -> Response:
    # A header is ASCII; names of meters need not be.
    plain = _NOT_PLAIN.sub("_", name)
    headers = {"Content-Disposition": f'attachment; filename="{plain}"'}
    return Response(content, media_type="text/csv; charset=utf-8", headers=headers)


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
