"""Every panel of every dashboard has what it needs, for every store, site and language."""

import itertools
import re
from dataclasses import replace

import pytest

from smartmeter.grafana.facts import facts_of
from smartmeter.grafana.postgresql import PostgresqlStore
from tests.grafana.dashboards import MEASURANDS, SITES, STORES, ZONE, built, meter, panels_of, settings, targets
from tests.grafana.macros import Asked, postgresql, sqlite

UIDS = ["smartmeter-overview", "smartmeter-energy", "smartmeter-power-quality", "smartmeter-operation"]
CHOSEN = {"meter": "house", "period": "1h"}
EVERY = [
    pytest.param(STORES[store], SITES[site], language, id=f"{store}, {site}, {language}")
    for store, site, language in itertools.product(STORES, SITES, ("en", "de"))
]


@pytest.fixture(params=[(*each.values,) for each in EVERY], ids=[each.id for each in EVERY])
def made(request):
    """Store, and the dashboards by uid."""
    store, site, language = request.param
    return store, built(store, site, language)


def test_all_are_there(made):
    assert list(made[1]) == UIDS


def test_every_panel_says_what_it_shows(made):
    for panel in itertools.chain.from_iterable(map(panels_of, made[1].values())):
        defaults = panel["fieldConfig"]["defaults"]
        assert all(panel[key].strip() for key in ("title", "description")), panel
        assert all(defaults[key] for key in ("unit", "noValue")), panel["title"]
        assert defaults["decimals"] in range(4)


def test_ids_are_unique_and_nothing_overlaps(made):
    for dashboard in made[1].values():
        ids = [panel["id"] for panel in dashboard["panels"]]
        assert sorted(ids) == sorted(set(ids))
        places = [place(panel["gridPos"]) for panel in dashboard["panels"]]
        assert all(cell[0] < 24 for cells in places for cell in cells)
        assert sum(map(len, places)) == len(set().union(*places))


def place(grid):
    columns = range(grid["x"], grid["x"] + grid["w"])
    return set(itertools.product(columns, range(grid["y"], grid["y"] + grid["h"])))


def test_every_panel_asks_the_one_data_source(made):
    store, dashboards = made
    for panel in itertools.chain.from_iterable(map(panels_of, dashboards.values())):
        for source in (panel["datasource"], *(target["datasource"] for target in panel["targets"])):
            assert source == {"type": store.plugin, "uid": "smartmeter"}


def test_every_variable_is_there_and_used(made):
    for dashboard in made[1].values():
        declared = {variable["name"] for variable in dashboard["templating"]["list"]}
        queries = " ".join(str(panel["targets"]) for panel in panels_of(dashboard))
        used = set(re.findall(r"\$\{?([a-z]\w*)", queries))
        assert used <= declared
        assert declared <= used or not panels_of(dashboard)


def test_no_query_has_a_macro_that_is_not_known(made):
    store, dashboards = made
    expand = postgresql if isinstance(store, PostgresqlStore) else sqlite
    for panel in itertools.chain.from_iterable(map(panels_of, dashboards.values())):
        for target in panel["targets"]:
            assert "SELECT" in expand(target.get("rawSql") or target["queryText"], Asked(0, 10**12, CHOSEN))


def test_days_are_those_of_the_site(made):
    for dashboard in made[1].values():
        assert dashboard["timezone"] == ZONE
        assert dashboard["refresh"]


def test_a_meter_with_one_phase_has_no_panels_for_three():
    dashboards = built(STORES["sqlite"], SITES["single phase"])
    assert not re.search(r"_l[23]\b", str(dashboards))
    assert "Power" in [panel["title"] for panel in panels_of(dashboards["smartmeter-overview"])]


def test_what_is_not_measured_is_not_asked_for():
    asked = [str(target) for target in targets(STORES["postgresql"], SITES["little"])]
    assert not any(each.startswith("energy/") for each in asked)
    assert "power-quality/Voltage" in asked
    assert "power-quality/Frequency" not in asked


def test_columns_have_the_language_of_the_table():
    asked = " ".join(target.sql for target in targets(STORES["german"]))
    assert '"mein haus"."zähler_15m"' in asked
    assert '"spannung_l1_mean"' in asked
    assert "voltage_l1" not in asked
    # Energies are kept by the measurand's id, whatever the language.
    assert "measurand = 'active_energy_import'" in asked


@pytest.mark.parametrize(
    ("intervals_s", "per_quarter"),
    [((10,), 90), ((10, 60), 90), ((1, 2.5), 1080), ((3600,), 0.25), ((7, 900), 129.422)],
)
def test_so_many_readings_are_due(intervals_s, per_quarter):
    intervals_us = {id_: round(each * 1e6) for id_, each in zip(MEASURANDS, intervals_s, strict=False)}
    (found,) = facts_of(settings(replace(meter(), intervals_us=intervals_us)), "en").meters
    assert found.readings_per_quarter == pytest.approx(per_quarter, rel=1e-4)


def test_titles_are_in_the_language_that_is_wanted():
    english, german = (
        {panel["title"] for uid in UIDS for panel in panels_of(built(STORES["sqlite"], language=language)[uid])}
        for language in ("en", "de")
    )
    assert len(english) == len(german)
    assert not english & german
