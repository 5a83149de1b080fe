import time
from types import SimpleNamespace

import pytest
from starlette.requests import Request

from smartmeter.web.parameters import Parameters, meter_of, wants_csv
from smartmeter.web.problems import ProblemError
from tests.web.made_up import meter

KNOWN = ("meter", "measurand", "points", "span", "format")


def request(query="", accept=None):
    headers = [] if accept is None else [(b"accept", accept.encode())]
    return Request({"type": "http", "query_string": query.encode(), "headers": headers})


def of(query):
    return Parameters(request(query), KNOWN)


def test_values_come_as_they_are():
    parameters = of("meter=a%20b%2Fc%C3%A4&measurand=x&measurand=y&points=12")
    assert parameters.one("meter") == "a b/cä"
    assert parameters.all("measurand") == ["x", "y"]
    assert parameters.number("points", 1, 10, 20) == 12
    assert of("").number("points", 15, 10, 20) == 15
    assert of("").choice("span", ("day", "week"), "week") == "week"
    assert of("").maybe("meter") is None


@pytest.mark.parametrize("value", ["9", "21", "1e1", "12.0", "-12", "%2B12", "", "x", "9" * 5000, "%D9%A1%D9%A2"])
def test_numbers_out_of_bounds_and_what_is_none(value):
    with pytest.raises(ProblemError, match=r"^points must be a whole number from 10 to 20$"):
        of(f"points={value}").number("points", 15, 10, 20)


def test_what_is_wrong_is_told():
    with pytest.raises(ProblemError, match="there is no parameter 'metre'; did you mean meter"):
        of("metre=house")
    with pytest.raises(ProblemError, match=r"^meter is there 2 times; once is enough"):
        of("meter=a&meter=b").one("meter")
    with pytest.raises(ProblemError, match=r"^meter is missing"):
        of("").one("meter")
    with pytest.raises(ProblemError, match=r"^span must be one of day, week$"):
        of("span=DAY").choice("span", ("day", "week"))


def test_long_names_cost_nothing_and_are_cut():
    began_s = time.perf_counter()
    with pytest.raises(ProblemError) as caught:
        of("m" * 16_000 + "=1")
    assert len(caught.value.detail) < 200
    assert time.perf_counter() - began_s < 0.2


def test_meters_are_found_by_their_whole_name():
    house = SimpleNamespace(meters=[meter("house"), meter("Haus/Süd ä")])
    assert meter_of(house, "Haus/Süd ä").name == "Haus/Süd ä"
    for name in ("House", "house ", "", "hous"):
        with pytest.raises(ProblemError, match="there is no meter") as caught:
            meter_of(house, name)
        assert caught.value.status == 404


@pytest.mark.parametrize(
    ("query", "accept", "wants"),
    [
        ("", None, False),
        ("", "*/*", False),
        ("", "text/csv", True),
        ("", "Text/CSV; q=0.9, */*", True),
        ("format=csv", None, True),
        ("format=json", "text/csv", False),
    ],
)
def test_csv_by_parameter_or_header(query, accept, wants):
    asked = request(query, accept)
    assert wants_csv(asked, Parameters(asked, KNOWN)) == wants


def test_no_other_formats():
    asked = request("format=xml")
    with pytest.raises(ProblemError, match=r"^format must be one of csv, json"):
        wants_csv(asked, Parameters(asked, KNOWN))
