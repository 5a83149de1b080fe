"""A whole dashboard: panels in rows, variables, the span that is shown at first."""

from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard as models

from smartmeter.grafana.facts import Facts
from smartmeter.grafana.panels import Panel, datasource
from smartmeter.grafana.store import Store

COLUMNS = 24
TAG = "smartmeter"


@dataclass(frozen=True, slots=True)
class Row:
    """Panels beside each other: each with its width in columns of 24; all as high as `height`."""

    height: int
    panels: Sequence[tuple[int, Panel]]


@dataclass(frozen=True, slots=True)
class Group:
    """Rows under a title. Without rows it is left out."""

    title: str
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Page:
    """What is said about a dashboard. `begins`: where its span begins at first; it ends now."""

    uid: str
    title: str
    description: str
    begins: str
    refresh: str


def dashboard(
    page: Page,
    facts: Facts,
    variables: Sequence[builders.QueryVariable | builders.CustomVariable],
    groups: Sequence[Group],
) -> models.Dashboard:
    """The dashboard with the panels in their places, each with an id of its own."""
    builder = (
        builders.Dashboard(page.title)
        .uid(page.uid)
        .description(page.description)
        .tags([TAG])
        .timezone(facts.zone)
        .week_start("monday")
        .time(page.begins, "now")
        .refresh(page.refresh)
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .editable()
        .link(_link_to_others(facts))
    )
    for variable in variables:
        builder.with_variable(variable)
    built = builder.build()
    built.panels = _placed(groups)
    return built


def meter_variable(store: Store, facts: Facts) -> builders.QueryVariable:
    """One meter."""
    return (
        builders.QueryVariable("meter")
        .label(facts.text("Meter", "Zähler"))
        .description(facts.text("Whose values are shown.", "Wessen Werte gezeigt werden."))
        .datasource(datasource(store))
        .query(store.meters)
        .refresh(models.VariableRefresh.ON_DASHBOARD_LOAD)
        .sort(models.VariableSort.DISABLED)
    )


def meters_variable(store: Store, facts: Facts) -> builders.QueryVariable:
    """Any number of meters, at first all."""
    everything = models.VariableOption(selected=True, text=facts.text("All", "Alle"), value="$__all")
    return meter_variable(store, facts).multi(True).include_all(True).current(everything)  # noqa: FBT003 the SDK's


def period_variable(facts: Facts) -> builders.CustomVariable:
    """How long a bar is."""
    periods = {
        "15m": facts.text("Quarter-hour", "Viertelstunde"),
        "1h": facts.text("Hour", "Stunde"),
        "1d": facts.text("Day", "Tag"),
    }
    options = [models.VariableOption(selected=key == "1d", text=text, value=key) for key, text in periods.items()]
    return (
        builders.CustomVariable("period")
        .label(facts.text("Bars per", "Balken je"))
        .description(facts.text("How long a bar is.", "Wie lang ein Balken ist."))
        .values(", ".join(f"{text} : {key}" for key, text in periods.items()))
        .options(options)
        .current(options[-1])
    )


def _link_to_others(facts: Facts) -> builders.DashboardLink:
    return (
        builders.DashboardLink("Smartmeter")
        .type(models.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .tooltip(facts.text("The other dashboards", "Die anderen Dashboards"))
        .keep_time(False)  # noqa: FBT003 the SDK's
        .include_vars(True)  # noqa: FBT003 the SDK's
    )


def _placed(groups: Sequence[Group]) -> list[models.Panel | models.RowPanel]:
    placed: list[models.Panel | models.RowPanel] = []
    top = 0
    for group in groups:
        rows = [row for row in group.rows if row.panels]
        if not rows:
            continue
        place = models.GridPos(h=1, w=COLUMNS, x=0, y=top)
        placed.append(builders.Row(group.title).id(len(placed) + 1).grid_pos(place).build())
        top += 1
        for row in rows:
            left = 0
            for width, panel in row.panels:
                place = models.GridPos(h=row.height, w=width, x=left, y=top)
                placed.append(panel.id(len(placed) + 1).grid_pos(place).build())
                left += width
            top += row.height
    return placed
