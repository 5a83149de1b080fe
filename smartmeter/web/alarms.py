"""The alarms that are on, as the API gives them."""

from typing import Any

from smartmeter.alarms.messages import Wording, rule_text
from smartmeter.house import House
from smartmeter.web.moments import iso


def alarms_json(house: House) -> list[dict[str, Any]]:
    """Each with a line in both languages, and since when it is on."""
    zone = house.wording.zone
    wordings = (Wording("en", zone), Wording("de", zone))
    return [
        {
            "name": rule.name,
            "subject": rule.subject,
            "text": {wording.language: rule_text(rule, wording) for wording in wordings},
            "since": iso(state.since_us),
        }
        for rule, state in house.alarms.on()
    ]
