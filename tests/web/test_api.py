"""The API against its own document: every route, and thousands of questions that nobody would ask."""

import asyncio
import copy
import json
import threading
from collections import Counter

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from starlette.routing import Mount, Route

from smartmeter.settings.model import WebSettings
from smartmeter.web.app import openapi_bytes
from tests.web.made_up import LOCKED, NOON_US, SECOND_US, TOKEN, USUAL, asking, home, meter, serving

EXAMPLES = 25
DOCUMENT = json.loads(openapi_bytes())


class Server:
    """The page at a port, with a loop and a thread of its own, as schemathesis waits for its answers."""

    def __init__(self, directory, settings):
        self._directory, self._settings = directory, settings
        self._begun, self._end = threading.Event(), None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    async def _serve(self):
        self._end, self._loop = asyncio.Event(), asyncio.get_running_loop()
        history = [
            ("house", NOON_US - n * 60 * SECOND_US, {"voltage_l1": 230.0 + n % 7, "active_energy_import": 5e3 - n})
            for n in range(1, 100)
        ]
        async with home(self._directory, meters=[meter(), meter("Süd", address=2)], history=history) as made:
            made.read({"voltage_l1": 230.5})
            async with serving(made, self._settings) as self.port:
                self._begun.set()
                await self._end.wait()

    def __enter__(self):
        self._thread.start()
        assert self._begun.wait(20)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(20)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/api/v1"


@pytest.fixture(scope="module", params=["anonymous", "token"])
def server(request, tmp_path_factory):
    settings = WebSettings(port=0)
    if request.param == "token":
        settings = WebSettings(port=0, password_hash=LOCKED.password_hash, tokens=(TOKEN,))
    with Server(tmp_path_factory.mktemp("house"), settings) as server:
        server.headers = {"Authorization": f"Bearer {TOKEN}"} if request.param == "token" else {}
        yield server


def narrowed():
    """The document with this house's names in it: else hardly a question would get beyond them."""
    document = copy.deepcopy(DOCUMENT)
    for path in ("/history", "/energy"):
        for parameter in document["paths"][path]["get"]["parameters"]:
            if parameter["name"] == "meter":
                parameter["schema"]["enum"] = ["house", "Süd", "nobody"]
            if parameter["name"] == "measurand":
                parameter["schema"]["items"]["enum"] = [*USUAL]
            if parameter["name"] == "date":
                parameter["schema"] |= {"format": "date", "pattern": "^(1[89]|2[012])"}
    return document


def operations():
    """All but the stream without end, with questions as they should be, and with others where there can be any."""
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            if path != "/events":
                yield path, method, GenerationMode.POSITIVE
                if "parameters" in operation or "requestBody" in operation:
                    yield path, method, GenerationMode.NEGATIVE


load_all_checks()
# What is accepted besides: ISO 8601 in its other forms. What is refused besides: spans that end before they begin, ...
LEFT_OUT = [CHECKS.get_one(name) for name in ("negative_data_rejection", "positive_data_acceptance")]


@pytest.mark.parametrize(("path", "method", "mode"), [*operations()], ids=str)
def test_no_question_gets_an_answer_that_is_not_in_the_document(server, path, method, mode):
    operation = schemathesis.openapi.from_dict(narrowed())[path][method.upper()]
    statuses = Counter()

    @settings(max_examples=EXAMPLES, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case):
        answer = case.call_and_validate(server.url, headers=server.headers, excluded_checks=LEFT_OUT, timeout=10)
        statuses[answer.status_code] += 1

    ask()
    assert set(statuses) <= {200, 400, 401, 403, 404, 408, 413, 415, 422, 429}
    if mode is GenerationMode.POSITIVE and path != "/session":
        assert statuses[200] > 0, statuses


def routes(page):
    """Path and method of every route of the API."""
    mount = next(route for route in page.app._app.routes if isinstance(route, Mount))  # noqa: SLF001
    for route in mount.routes:
        assert isinstance(route, Route)
        for method in route.methods - {"HEAD"}:
            yield route.path, method.lower()


async def test_all_that_is_there_is_in_the_document_and_the_other_way_round(tmp_path):
    async with home(tmp_path) as made, asking(made) as client:
        there = set(routes(client.page))
    assert there == {(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods}


async def test_the_document_is_served(tmp_path):
    async with home(tmp_path) as made, asking(made) as client:
        answer = await client.get("/api/v1/openapi.json")
        assert answer.headers["content-type"] == "application/json"
        assert answer.json() == DOCUMENT


def test_everything_in_it_is_described():
    assert DOCUMENT["openapi"].startswith("3.1")
    for methods in DOCUMENT["paths"].values():
        for operation in methods.values():
            assert operation["summary"]
            assert all(response["description"] for response in operation["responses"].values())
            assert all(parameter["description"] for parameter in operation.get("parameters", ()))
    names = [one["operationId"] for methods in DOCUMENT["paths"].values() for one in methods.values()]
    assert len(set(names)) == len(names)
