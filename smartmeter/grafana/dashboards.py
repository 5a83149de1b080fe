"""All dashboards of a site, as Grafana takes them."""

import json
from collections.abc import Mapping

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from smartmeter.grafana.facts import Facts
from smartmeter.grafana.pages.energy import energy
from smartmeter.grafana.pages.operation import operation
from smartmeter.grafana.pages.overview import overview
from smartmeter.grafana.pages.power_quality import power_quality
from smartmeter.grafana.store import Store


def dashboards(facts: Facts, store: Store) -> Mapping[str, str]:
    """The JSON text of each dashboard, by uid."""
    built = [make(facts, store) for make in (overview, energy, power_quality, operation)]
    return {
        str(each.uid): json.dumps(each, cls=JSONEncoder, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
        for each in built
    }
