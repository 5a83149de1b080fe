"""What goes wrong with a request, as a problem document (RFC 9457)."""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import JSONResponse

from smartmeter.errors import SmartmeterError

MEDIA_TYPE = "application/problem+json"


class ProblemError(SmartmeterError):
    """A request that cannot be answered; `detail` is the line for who asked."""

    def __init__(self, status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers


def bad_request(detail: str) -> ProblemError:
    """What was asked makes no sense."""
    return ProblemError(HTTPStatus.BAD_REQUEST, detail)


def not_found(detail: str) -> ProblemError:
    """There is no such thing."""
    return ProblemError(HTTPStatus.NOT_FOUND, detail)


def problem_response(problem: ProblemError) -> JSONResponse:
    """The document, with the status of HTTP."""
    status = problem.status
    content = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": problem.detail}
    return JSONResponse(content, status.value, headers=problem.headers, media_type=MEDIA_TYPE)
