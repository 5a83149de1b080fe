"""Takes the data source and the dashboards to a running Grafana by its HTTP API.

https://grafana.com/docs/grafana/latest/developers/http_api/
"""

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, NoReturn

from smartmeter.grafana.errors import GrafanaError
from smartmeter.grafana.panels import DATASOURCE_UID
from smartmeter.grafana.provisioning import FOLDER, FOLDER_UID, DataSource

TIMEOUT_S = 20.0
_MESSAGE_CHARACTERS = 200

_ADVICE = {
    HTTPStatus.UNAUTHORIZED: "the token is not valid; make one in Grafana under Administration, Service accounts",
    HTTPStatus.FORBIDDEN: "the token's service account may not do that; give it the role Admin",
    HTTPStatus.NOT_FOUND: "there is no such place; does --url have Grafana's whole address, with a path if it has one?",
    HTTPStatus.CONFLICT: "something else has that name already; rename it in Grafana",
    HTTPStatus.PRECONDITION_FAILED: "something else has that name, or was changed meanwhile; rename it in Grafana",
}


@dataclass(frozen=True, slots=True)
class Grafana:
    """A running Grafana: its address, and a token of a service account in it."""

    url: str
    token: str = field(repr=False)


def grafana(url: str, token: str) -> Grafana:
    """The Grafana at this address.

    Raises GrafanaError if it is no address, or the token could be none; the message has nothing secret in it.
    """
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise GrafanaError("--url is not an address of Grafana; one is http://localhost:3000")
    if parts.username is not None or parts.password is not None:
        raise GrafanaError("--url has a user name in it; leave it out, the token is enough")
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise GrafanaError("the token is empty or has characters that none has; it is one word, such as glsa_…")
    return Grafana(url.rstrip("/"), token)


def push_datasource(to: Grafana, source: DataSource, password: str | None) -> None:
    """Make the data source, or change the one with its uid. `password` None: one that is there keeps its own.

    Raises GrafanaError.
    """
    body = dict(source.fields)
    if password is not None:
        body["secureJsonData"] = {"password": password}
    if _is_there(to, f"/api/datasources/uid/{DATASOURCE_UID}"):
        _request(to, "PUT", f"/api/datasources/uid/{DATASOURCE_UID}", body)
    else:
        _request(to, "POST", "/api/datasources", body)


def push_dashboards(to: Grafana, dashboards: Mapping[str, str]) -> None:
    """Make the folder if it is not there, and the dashboards in it; those with the same uid are overwritten.

    Raises GrafanaError.
    """
    if not _is_there(to, f"/api/folders/{FOLDER_UID}"):
        _request(to, "POST", "/api/folders", {"uid": FOLDER_UID, "title": FOLDER})
    for text in dashboards.values():
        body = {
            "dashboard": {**json.loads(text), "id": None},
            "folderUid": FOLDER_UID,
            "overwrite": True,
            "message": "smartmeter grafana push",
        }
        _request(to, "POST", "/api/dashboards/db", body)


def _is_there(to: Grafana, path: str) -> bool:
    return _request(to, "GET", path, None, allowed=(HTTPStatus.NOT_FOUND,)) != HTTPStatus.NOT_FOUND


def _request(
    to: Grafana, method: str, path: str, body: Mapping[str, Any] | None, allowed: tuple[HTTPStatus, ...] = ()
) -> int:
    """The status of the answer. Raises GrafanaError for any that is neither a success nor allowed."""
    request = urllib.request.Request(  # noqa: S310 `grafana` has looked at the scheme
        to.url + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {to.token}",
            "Content-Type": "application/json",
            "Accept": "application/json",
        },
    )
    try:
        with _OPENER.open(request, timeout=TIMEOUT_S) as answer:
            answer.read()
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            if error.code in allowed:
                return error.code
            _raise(to, path, error.code, error.read())
    except urllib.error.URLError as error:
        reason = getattr(error.reason, "strerror", None) or error.reason
        raise GrafanaError(f"Grafana at {to.url} cannot be reached: {reason}") from None
    except (OSError, http.client.HTTPException) as error:
        raise GrafanaError(
            f"Grafana at {to.url} does not answer as it should: {error or type(error).__name__}"
        ) from None


def _raise(to: Grafana, path: str, status: int, body: bytes) -> NoReturn:
    if status in range(300, 400):
        raise GrafanaError(f"{to.url} leads on to another address; give that one with --url")
    said = f": {message}" if (message := _message(body)) else ""
    advice = f"; {_ADVICE[HTTPStatus(status)]}" if status in _ADVICE else ""
    raise GrafanaError(f"Grafana at {to.url} refused {path} with {status}{said}{advice}")


def _message(body: bytes) -> str:
    """What Grafana says about it, on one line; nothing if it is not Grafana that speaks."""
    try:
        said = json.loads(body)
    except ValueError:
        return ""
    message = said.get("message") if isinstance(said, dict) else None
    return " ".join(message.split())[:_MESSAGE_CHARACTERS] if isinstance(message, str) else ""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows nowhere: the token would go along."""

    def redirect_request(self, *_: object) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)
