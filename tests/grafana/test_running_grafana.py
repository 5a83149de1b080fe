"""A Grafana that SMARTMETER_TEST_GRAFANA_URL and SMARTMETER_TEST_GRAFANA_TOKEN name answers as we expand its macros.

It must reach the test's PostgreSQL on 127.0.0.1. Without it there is nothing to test here.
"""

import json
import os
import urllib.request
from dataclasses import replace

from smartmeter.grafana.api import grafana, push_dashboards, push_datasource
from smartmeter.grafana.dashboards import dashboards
from smartmeter.grafana.facts import facts_of
from smartmeter.grafana.provisioning import address, postgresql_source
from tests.fixtures.postgresql import PASSWORD, USER
from tests.grafana.dashboards import targets
from tests.grafana.macros import Asked, in_browser
from tests.grafana.made_up_year import FINE_HOURS, HOUSE

URL = os.environ.get("SMARTMETER_TEST_GRAFANA_URL")
ASKED = Asked(*FINE_HOURS, {"meter": HOUSE, "period": "15m"})


def cells_by_grafana(to, target):
    """What Grafana's API gives for the query of a panel: the number of rows of each frame's columns."""
    query = target.panel["targets"][0] | {
        "rawSql": in_browser(target.sql, ASKED, target.least_step),
        "intervalMs": ASKED.step_ms(target.least_step),
        "maxDataPoints": ASKED.points,
    }
    body = {"queries": [query], "from": str(ASKED.from_ms), "to": str(ASKED.until_ms)}
    request = urllib.request.Request(
        f"{to.url}/api/ds/query",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {to.token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        frames = json.load(answer)["results"]["A"]["frames"]
    return [cell for frame in frames for column in frame["data"]["values"][-1:] for cell in column]


if URL:

    def test_a_running_grafana_gives_what_we_expect_of_it(opened):
        asking = opened("postgresql")
        settings = asking.settings.postgresql
        to = grafana(URL, os.environ["SMARTMETER_TEST_GRAFANA_TOKEN"])
        push_datasource(
            to, postgresql_source(settings, address(settings.host, settings.port), USER, "disable"), PASSWORD
        )
        push_dashboards(to, dashboards(facts_of(asking.settings, "en"), replace(asking.store)))
        for target in targets(asking.store, asking.settings):
            own = [row[-1] for row in asking(target, ASKED).rows]
            given = cells_by_grafana(to, target)
            assert len(given) == len(own), target
