"""Reads the parameters of a request, strictly: what is unknown or wrong is told, never passed over."""

from collections.abc import Collection
from typing import Final

from starlette.requests import Request

from smartmeter.house import House
from smartmeter.settings.model import MeterSettings
from smartmeter.settings.words import suggestion
from smartmeter.web.problems import bad_request, not_found

_SHOWN: Final = 60


class Parameters:
    """The parameters of a request; each may be asked for once. Its methods raise ProblemError."""

    def __init__(self, request: Request, known: Collection[str]) -> None:
        self._items = request.query_params.multi_items()
        for name, _ in self._items:
            if name not in known:
                raise bad_request(f"there is no parameter {name[:_SHOWN]!r}; {suggestion(name, known)}")

    def all(self, name: str) -> list[str]:
        """Its values, in order."""
        return [value for key, value in self._items if key == name]

    def maybe(self, name: str) -> str | None:
        """Its value; None if it is not there."""
        values = self.all(name)
        if len(values) > 1:
            raise bad_request(f"{name} is there {len(values)} times; once is enough")
        return values[0] if values else None

    def one(self, name: str) -> str:
        """Its value."""
        value = self.maybe(name)
        if value is None:
            raise bad_request(f"{name} is missing")
        return value

    def number(self, name: str, default: int, least: int, most: int) -> int:
        """Its value as a whole number within these bounds."""
        text = self.maybe(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most):
            raise bad_request(f"{name} must be a whole number from {least} to {most}")
        return int(text)

    def choice(self, name: str, choices: Collection[str], default: str | None = None) -> str:
        """Its value, one of these."""
        text = self.one(name) if default is None else (self.maybe(name) or default)
        if text not in choices:
            raise bad_request(f"{name} must be one of {', '.join(choices)}")
        return text


def meter_of(house: House, name: str) -> MeterSettings:
    """The meter of this name. Raises ProblemError."""
    for meter in house.meters:
        if meter.name == name:
            return meter
    names = [meter.name for meter in house.meters]
    raise not_found(f"there is no meter {name[:_SHOWN]!r}; {suggestion(name, names)}")


def wants_csv(request: Request, parameters: Parameters) -> bool:
    """Whether the answer is to be CSV, by its own parameter or by the header of HTTP for it."""
    text = parameters.maybe("format")
    if text is not None:
        if text not in ("csv", "json"):
            raise bad_request("format must be one of csv, json")
        return text == "csv"
    return request.headers.get("accept", "").split(";")[0].strip().lower() == "text/csv"
