"""Who may ask, under which name, and what changes something."""

import asyncio
import json
from urllib.parse import unquote

import pytest

from smartmeter.settings.model import WebSettings
from tests.web.made_up import LOCKED, PASSWORD, PASSWORD_HASH, TOKEN, asking, home, log_in, serving

PROTECTED = ("meters", "latest", "events", "history", "energy", "state", "openapi.json", "fast", "nothing")


@pytest.fixture
async def made(tmp_path):
    async with home(tmp_path) as made:
        yield made


@pytest.fixture
async def client(made):
    async with asking(made, LOCKED) as client:
        yield client


@pytest.fixture
async def anonymous(made):
    async with asking(made) as client:
        yield client


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH", "TRACE"])
async def test_without_a_session_the_api_gives_nothing(client, method):
    for name in PROTECTED:
        answer = await client.request(method, f"/api/v1/{name}", json={})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "target",
    [
        "//api/v1/state",
        "/api//v1/state",
        "/api/v1//state",
        "/api/v1/state/",
        "/api/v1/state%0a",
        "/api/v1/%73tate",
        "/api%2fv1%2fstate",
        "/%61pi/v1/state",
        "/API/v1/state",
        "/api/v1/session/../state",
        "/api/v1/session/",
        "/api/v1/session%0a",
        "/./api/v1/state",
        "/x/../api/v1/state",
        "/api/v1/state;x",
        "/api/v1/state?",
        "/api/v1",
        "/api",
        "state",
        "api/v1/state",
        "http://localhost/api/v1/state",
        "*",
    ],
)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_no_spelling_of_a_path_leads_around_the_guard(client, target, method):
    path, _, query = target.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "root_path": "",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8080),
    }
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    await client.page.app(scope, receive, send)
    assert sent[0]["status"] in (401, 404, 405)
    assert b"uptime" not in b"".join(message.get("body", b"") for message in sent)


@pytest.mark.parametrize("host", ["localhost/x?", "127.0.0.1/login?", "localhost#", "localhost/?x=", "a@localhost"])
async def test_no_host_leads_around_the_guard(client, host):
    answer = await client.get("/api/v1/state", headers={"Host": host})
    assert answer.status_code == 421


async def test_the_session_can_be_asked_for_by_everyone(client):
    answer = await client.get("/api/v1/session")
    assert answer.json() == {"authenticated": False, "login_required": True, "csrf": None}


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_a_token_lets_programs_in_and_wants_no_csrf(client, made, scheme):
    header = {"Authorization": f"{scheme} {TOKEN}"}
    assert (await client.get("/api/v1/state", headers=header)).status_code == 200
    assert (await client.post("/api/v1/fast", json={}, headers=header)).status_code == 200
    assert made.shortened


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN}x",
        f"Basic {TOKEN}",
        TOKEN,
        f"Bearer{TOKEN}",
        "Bearer \xe4",
        f"Bearer {PASSWORD_HASH}",
        f"Bearer {PASSWORD}",
    ],
)
async def test_other_tokens_do_not(client, value):
    answer = await client.get("/api/v1/state", headers={"Authorization": value.encode("latin-1")})
    assert answer.status_code == 401


async def test_what_changes_something_wants_the_csrf_token(client, made):
    header = await log_in(client)
    for wrong in ({}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": "x"}, {"X-CSRF-Token": header["X-CSRF-Token"][:-1]}):
        for method, path in (("POST", "fast"), ("DELETE", "session")):
            answer = await client.request(method, f"/api/v1/{path}", json={}, headers=wrong)
            assert answer.status_code == 403
    assert (await client.get("/api/v1/state")).status_code == 200
    assert (await client.post("/api/v1/fast", json={}, headers={"X-CSRF-Token": b"\xe4"})).status_code == 403
    assert not made.shortened
    assert (await client.post("/api/v1/fast", json={}, headers=header)).status_code == 200
    assert len(made.shortened) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Origin": "localhost"},
        {"Origin": "http://localhost:9"},
        {"Origin": "http://localhost.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": ""},
    ],
)
async def test_other_pages_change_nothing_even_where_nobody_logs_in(anonymous, made, headers):
    answer = await anonymous.post("/api/v1/fast", content="{}", headers={"Content-Type": "application/json"} | headers)
    assert answer.status_code in (403, 415)
    assert not made.shortened


async def test_our_own_page_does(anonymous, made):
    headers = {"Origin": "http://LOCALHOST", "Sec-Fetch-Site": "same-origin"}
    headers |= {"Content-Type": "application/json; charset=utf-8"}
    assert (await anonymous.post("/api/v1/fast", content="{}", headers=headers)).status_code == 200
    assert made.shortened


async def test_other_pages_may_link_here_but_not_ask(anonymous):
    site = {"Sec-Fetch-Site": "cross-site"}
    link = site | {"Sec-Fetch-Mode": "navigate"}
    assert (await anonymous.get("/api/v1/state", headers=site | {"Sec-Fetch-Mode": "no-cors"})).status_code == 403
    assert (await anonymous.get("/api/v1/state", headers=site | {"Sec-Fetch-Mode": "cors"})).status_code == 403
    assert (await anonymous.get("/api/v1/state", headers=link)).status_code == 200
    assert (await anonymous.get("/", headers=link)).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:8080",
        "localhost.",
        "127.0.0.1:8080",
        "192.168.1.5",
        "[::1]:8080",
        "[fe80::1]",
        "meter.example.org",
        "Meter.Example.ORG:443",
    ],
)
async def test_our_names_and_all_addresses(made, host):
    async with asking(made, WebSettings(names=("meter.example.org",))) as client:
        assert (await client.get("/api/v1/latest", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil.example:8080",
        "",
        ":8080",
        "local host",
        "localhost:x",
        "[::1",
        "[evil.example]",
        "127.1",
        "localhost,evil.example",
    ],
)
async def test_other_names_get_nothing(anonymous, host):
    for path in ("/", "/api/v1/latest", "/api/v1/session", "/nothing"):
        answer = await anonymous.get(path, headers={"Host": host})
        assert answer.status_code == 421
        assert answer.headers["content-type"] == "application/problem+json"


async def test_there_is_one_host(anonymous):
    two = [("Host", "localhost"), ("Host", "evil.example")]
    assert (await anonymous.get("/api/v1/latest", headers=two)).status_code == 421


@pytest.mark.parametrize("path", ["/", "/api/v1/latest", "/api/v1/nothing", "/nothing", "/api/v1/history"])
@pytest.mark.parametrize("host", ["localhost", "evil.example"])
async def test_every_answer_forbids_browsers_what_it_can(anonymous, path, host):
    answer = await anonymous.get(path, headers={"Host": host})
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in answer.headers
    if path.startswith("/api/"):
        assert answer.headers["cache-control"] == "no-store"


async def test_no_answer_holds_a_secret(client):
    header = await log_in(client)
    session = client.cookies["smartmeter_session"]
    for name in PROTECTED:
        if name != "events":
            text = (await client.get(f"/api/v1/{name}?meter=house&span=day")).text
            assert not any(
                secret in text for secret in (PASSWORD_HASH, TOKEN, PASSWORD, session, header["X-CSRF-Token"])
            )
            assert "argon2" not in text


async def test_the_wire_is_guarded_as_well(made):
    """Raw requests, as no client library would send them."""

    async def ask(port, head):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head.encode())
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        return answer.partition(b"\r\n")[0]

    tail = "\r\nConnection: close\r\n\r\n"
    async with serving(made, WebSettings(port=0, password_hash=PASSWORD_HASH)) as port:
        for target in ("/api/v1/state", "//api/v1/state", "/api/v1/./state", "http://localhost/api/v1/state"):
            assert not (await ask(port, f"GET {target} HTTP/1.1\r\nHost: localhost{tail}")).endswith(b"200 OK"), target
        for host in ("localhost/x?", "localhost\\x", "evil.example", "localhost, x"):
            answer = await ask(port, f"GET /api/v1/state HTTP/1.1\r\nHost: {host}{tail}")
            assert b" 421 " in answer, host
        assert b" 421 " in await ask(port, "GET /api/v1/state HTTP/1.0\r\n\r\n")
        assert b" 400 " in await ask(port, f"GET /api/v1/state HTTP/1.1\r\nHost: localhost\r\nHost: x{tail}")
        assert b" 400 " in await ask(port, f"GET / HTTP/1.1\r\nHost: localhost\r\nX: {'x' * 40_000}")
        assert b" 400 " in await ask(port, "nonsense\r\n\r\n")
        session = await ask(port, f"GET /api/v1/session HTTP/1.1\r\nHost: localhost{tail}")
        assert b" 200 " in session


async def test_a_problem_is_a_problem_document(anonymous):
    answer = await anonymous.get("/api/v1/history")
    assert json.loads(answer.text) == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": "meter is missing",
    }
