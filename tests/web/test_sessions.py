"""Logging in and out, guessing, and bodies that are none."""

import asyncio
import json
import time

import httpx
import pytest

from smartmeter.settings.model import WebSettings
from smartmeter.web import sessions as module
from smartmeter.web.problems import ProblemError
from smartmeter.web.sessions import Sessions, hash_password, site_of
from tests.web.made_up import LOCKED, PASSWORD, PASSWORD_HASH, TOKEN, asking, home, log_in

COOKIE = "smartmeter_session"


@pytest.fixture
async def made(tmp_path):
    async with home(tmp_path) as made:
        yield made


@pytest.fixture
async def client(made):
    async with asking(made, LOCKED) as client:
        yield client


@pytest.fixture
def quick(monkeypatch):
    """Passwords are checked at once; gives what has been checked."""
    checked = []

    def is_right(_, password):
        checked.append(password)
        return password == PASSWORD

    monkeypatch.setattr(module, "_is_right", is_right)
    return checked


@pytest.fixture
def now(monkeypatch):
    class Now:
        s = 1000.0

        def monotonic(self):
            return self.s

    now = Now()
    monkeypatch.setattr(module, "time", now)
    return now


async def test_logging_in_gives_a_session_and_logging_out_ends_it(client):
    header = await log_in(client)
    answer = (await client.get("/api/v1/session")).json()
    assert answer == {"authenticated": True, "login_required": True, "csrf": header["X-CSRF-Token"]}
    assert (await client.get("/api/v1/state")).status_code == 200
    kept = client.cookies[COOKIE]
    answer = await client.request("DELETE", "/api/v1/session", json={}, headers=header)
    assert answer.json() == {"authenticated": False, "login_required": True, "csrf": None}
    assert COOKIE not in client.cookies
    client.cookies.set(COOKIE, kept)
    assert (await client.get("/api/v1/state")).status_code == 401


async def test_scripts_and_other_pages_do_not_get_the_cookie(client):
    answer = await client.post("/api/v1/session", json={"password": PASSWORD})
    flags = answer.headers["set-cookie"].lower()
    assert "httponly" in flags
    assert "samesite=strict" in flags
    assert "path=/" in flags
    assert "domain" not in flags
    assert f"max-age={30 * 86_400}" in flags
    assert "secure" not in flags


async def test_the_session_is_never_the_one_that_was_brought(client):
    client.cookies.set(COOKIE, "chosen-by-somebody-else")
    answer = await client.post("/api/v1/session", json={"password": PASSWORD})
    given = answer.headers["set-cookie"].partition(";")[0].partition("=")[2]
    assert given != "chosen-by-somebody-else"
    assert len(given) >= 43
    other = await client.post("/api/v1/session", json={"password": PASSWORD})
    assert given not in other.headers["set-cookie"]
    assert other.json()["csrf"] != answer.json()["csrf"]


@pytest.mark.parametrize("cookie", ["", "x", "None", '"', "\xe4", "x" * 4000])
async def test_made_up_cookies_are_none(client, cookie):
    header = {"Cookie": f"{COOKIE}={cookie}".encode("latin-1")}
    assert (await client.get("/api/v1/state", headers=header)).status_code == 401


async def test_a_session_ends(client, now, quick):
    await log_in(client)
    now.s += module.SESSION_S - 1
    assert (await client.get("/api/v1/state")).status_code == 200
    now.s += 2
    assert (await client.get("/api/v1/state")).status_code == 401


async def test_sessions_are_bounded(quick):
    sessions = Sessions("hash", ())
    cookies = [(await sessions.log_in(PASSWORD, "::1"))[0] for _ in range(module.SESSIONS + 1)]
    assert sessions.find(cookies[0]) is None
    assert sessions.find(cookies[1]) is not None
    assert len(sessions._sessions) == module.SESSIONS  # noqa: SLF001


@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"password": ""},
        {"password": None},
        {"password": 1},
        {"password": [PASSWORD]},
        {"password": {"a": 1}},
        {"password": True},
        {"password": "x" * 1001},
        [],
        [PASSWORD],
        PASSWORD,
        1,
        None,
        True,
    ],
)
async def test_what_is_no_password_is_told_and_does_not_count(client, quick, wish):
    for _ in range(module.TRIES + 1):
        headers = {"Content-Type": "application/json"}
        answer = await client.post("/api/v1/session", content=json.dumps(wish), headers=headers)
        assert answer.status_code == 400
    assert not quick


@pytest.mark.parametrize(
    "password", ["wrong", PASSWORD + " ", PASSWORD.upper(), "\x00", "ä" * 500, PASSWORD_HASH, TOKEN]
)
async def test_wrong_passwords(client, password):
    answer = await client.post("/api/v1/session", json={"password": password})
    assert answer.status_code == 401
    assert answer.json()["detail"] == "the password is wrong"
    assert "set-cookie" not in answer.headers


async def test_half_a_character_is_wrong_too(client):
    body = '{"password": "\\ud800 and more"}'
    answer = await client.post("/api/v1/session", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff", 400),
        (b"{\x00}", 400),
        (b'{"password": NaN}', 400),
        (b'{"password": Infinity}', 400),
        (b"[" * 4096, 400),
        (b'{"a":' * 800, 400),
        (b"9" * 4096, 400),
        (b'{"password": "' + b"x" * 4096 + b'"}', 413),
        (b" " * 100_000, 413),
    ],
)
async def test_bodies_that_are_none(client, body, status):
    answer = await client.post("/api/v1/session", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_five_tries_and_then_a_pause(client, now, quick):
    for _ in range(module.TRIES):
        assert (await client.post("/api/v1/session", json={"password": "wrong"})).status_code == 401
        now.s += 1
    answer = await client.post("/api/v1/session", json={"password": PASSWORD})
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) == module.FORGET_S - module.TRIES
    assert len(quick) == module.TRIES
    now.s += module.FORGET_S - module.TRIES + 1
    assert (await client.post("/api/v1/session", json={"password": PASSWORD})).status_code == 200


async def test_many_at_once_are_no_way_around(quick):
    sessions = Sessions("hash", ())
    found = await asyncio.gather(*(sessions.log_in("wrong", "10.0.0.1") for _ in range(50)), return_exceptions=True)
    assert [error.status for error in found].count(401) == module.TRIES
    assert len(quick) == module.TRIES


async def test_others_are_not_kept_out_by_one_who_guesses(quick):
    sessions = Sessions("hash", ())
    await guess(sessions, "10.0.0.1", module.TRIES)
    assert await status(sessions, PASSWORD, "10.0.0.1") == 429
    assert await status(sessions, PASSWORD, "10.0.0.2") == 200
    assert await status(sessions, PASSWORD, "2001:db8::1") == 200


async def test_who_knows_it_has_all_tries_again(quick):
    sessions = Sessions("hash", ())
    for _ in range(3):
        await guess(sessions, "10.0.0.1", module.TRIES - 1)
        assert await status(sessions, PASSWORD, "10.0.0.1") == 200


async def test_a_site_of_ipv6_is_one(quick):
    sessions = Sessions("hash", ())
    for number in range(module.TRIES):
        await guess(sessions, f"2001:db8:1:2:{number}::{number + 1}", 1)
    assert await status(sessions, PASSWORD, "2001:db8:1:2:ffff::1") == 429
    assert await status(sessions, PASSWORD, "2001:db8:1:3::1") == 200


def test_sites():
    assert site_of("2001:db8:1:2::1") == site_of("2001:db8:1:2:ffff::9") != site_of("2001:db8:1:3::1")
    assert site_of("::ffff:10.0.0.1") != site_of("::ffff:10.0.0.2")
    assert site_of("fe80::1%eth0") == site_of("fe80::2%eth0")
    assert site_of("") == ""


async def test_all_together_have_tries_for_some_and_memory_is_bounded(quick, now):
    sessions = Sessions("hash", ())
    for number in range(3 * module.TRIES_OF_ALL):
        await guess(sessions, f"10.0.{number}.1", 1)
    assert len(quick) == module.TRIES_OF_ALL
    assert len(sessions._failures) == module.TRIES_OF_ALL  # noqa: SLF001
    now.s += module.FORGET_S + 1
    assert await status(sessions, PASSWORD, "10.0.0.1") == 200
    assert not sessions._failures  # noqa: SLF001


async def guess(sessions, client, times):
    for _ in range(times):
        await status(sessions, "wrong", client)


async def status(sessions, password, client):
    try:
        await sessions.log_in(password, client)
    except ProblemError as problem:
        return problem.status
    return 200


async def test_the_loop_goes_on_while_a_password_is_checked(client, monkeypatch):
    monkeypatch.setattr(module, "_is_right", lambda *_: time.sleep(0.3))
    asking = asyncio.create_task(client.post("/api/v1/session", json={"password": "wrong"}))
    longest_s, before_s = 0.0, time.monotonic()
    while not asking.done():
        await asyncio.sleep(0.001)
        longest_s, before_s = max(longest_s, time.monotonic() - before_s), time.monotonic()
    assert longest_s < 0.15
    assert (await asking).status_code == 401


async def test_without_a_password_there_is_nothing_to_log_in_to(made):
    async with asking(made) as client:
        answer = (await client.get("/api/v1/session")).json()
        assert answer == {"authenticated": True, "login_required": False, "csrf": None}
        assert (await client.post("/api/v1/session", json={"password": "x"})).status_code == 400


async def test_a_hash_that_is_none_lets_nobody_in(made):
    async with asking(made, WebSettings(password_hash="$argon2id$v=19$m=8,t=1,p=1$aHVudGVyNw$aHVudGVyNw")) as client:
        assert (await client.post("/api/v1/session", json={"password": "hunter2"})).status_code == 401


def test_hashes_are_salted_and_dear():
    assert hash_password("x" * 8) != hash_password("x" * 8)
    assert hash_password("x" * 8).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_tokens():
    sessions = Sessions(None, (TOKEN, "another-token-of-20-letters"))
    assert sessions.knows_token(TOKEN)
    assert sessions.knows_token("another-token-of-20-letters")
    for wrong in ("", TOKEN[:-1], TOKEN + "x", TOKEN.lower(), "ä" * 20, "\ud800"[:0]):
        assert not sessions.knows_token(wrong)
    assert not Sessions(None, ()).knows_token("")


async def test_a_body_that_does_not_come_is_not_waited_for(made, monkeypatch):
    monkeypatch.setattr("smartmeter.web.app.BODY_S", 0.1)

    async def slow():
        yield b"{"
        await asyncio.sleep(1)
        yield b"}"

    async with asking(made, LOCKED) as client:
        answer = await client.post("/api/v1/session", content=slow(), headers={"Content-Type": "application/json"})
        assert answer.status_code == 408
        assert json.loads(answer.content)["detail"] == "the body did not come"
        assert isinstance(answer, httpx.Response)
