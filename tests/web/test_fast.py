import json
import math

import pytest

from smartmeter.web.fast import LONGEST_US, fast_json, start_fast
from smartmeter.web.problems import ProblemError
from tests.web.made_up import asking, home


@pytest.fixture
async def made(tmp_path):
    async with home(tmp_path) as made:
        yield made


async def test_as_it_is_and_what_can_be_asked_for(made):
    assert fast_json(made.house) == {
        "active": False,
        "interval_s": None,
        "until": None,
        "default_interval_s": 2.0,
        "default_duration_s": 120.0,
        "shortest_interval_s": fast_json(made.house)["shortest_interval_s"],
        "longest_duration_s": LONGEST_US / 1e6,
    }
    assert 0 < fast_json(made.house)["shortest_interval_s"] < 2


@pytest.mark.parametrize(
    ("wish", "begun"),
    [
        ({}, (2_000_000, 120)),
        ({"interval_s": None, "duration_s": None}, (2_000_000, 120)),
        ({"interval_s": 5}, (5_000_000, 120)),
        ({"duration_s": 60.5}, (2_000_000, 60.5)),
        ({"interval_s": 1.5, "duration_s": 3600}, (1_500_000, 3600)),
    ],
)
async def test_it_begins_as_asked(made, wish, begun):
    answer = start_fast(made.house, wish)
    assert made.shortened == [begun]
    assert answer["active"]
    assert answer["interval_s"] == begun[0] / 1e6


@pytest.mark.parametrize(
    ("wish", "status"),
    [
        ({"interval_s": 0}, 422),
        ({"interval_s": -1}, 422),
        ({"interval_s": 1e-9}, 422),
        ({"interval_s": 10**300}, 422),
        ({"interval_s": 10**4000}, 422),
        ({"interval_s": math.inf}, 422),
        ({"interval_s": math.nan}, 422),
        ({"duration_s": 0.5}, 422),
        ({"duration_s": 3601}, 422),
        ({"duration_s": -math.inf}, 422),
        ({"interval_s": "2"}, 400),
        ({"interval_s": True}, 400),
        ({"interval_s": [2]}, 400),
        ({"interval": 2}, 400),
        ({"\ud800" * 100: 2}, 400),
        ([], 400),
        ("2", 400),
        (None, 400),
    ],
)
async def test_it_does_not_begin_otherwise(made, wish, status):
    with pytest.raises(ProblemError) as caught:
        start_fast(made.house, wish)
    assert caught.value.status == status
    caught.value.detail.encode()
    assert not made.shortened


async def test_over_http(made):
    async with asking(made) as client:
        answer = await client.post("/api/v1/fast", json={"interval_s": 3, "duration_s": 60})
        assert answer.status_code == 200
        assert (
            answer.json()["until"] == "2026-11-24T11:01:00.000Z" or answer.json()["until"][:17] == "2026-11-24T11:00:"
        )
        state = (await client.get("/api/v1/state")).json()["fast"]
        assert (state["active"], state["interval_s"]) == (True, 3.0)
        headers = {"Content-Type": "application/json"}
        for body in ('{"interval_s": ' + "9" * 4000 + "}", '{"interval_s": 1e999}', '{"\\ud800": 1}', "[]", "3"):
            answer = await client.post("/api/v1/fast", content=body, headers=headers)
            assert answer.status_code in (400, 422)
            assert json.loads(answer.content)["status"] == answer.status_code
        assert (await client.get("/api/v1/fast")).status_code == 405
