"""The kinds of panels that dashboards are made of. None of them has a place yet."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from grafana_foundation_sdk.builders import barchart, bargauge, common, dashboard, piechart, stat, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common as styles
from grafana_foundation_sdk.models.dashboard import DataSourceRef, DynamicConfigValue, Threshold, ThresholdsMode
from grafana_foundation_sdk.models.piechart import PieChartLabels

from smartmeter.grafana.store import Store

DATASOURCE_UID = "smartmeter"
GREEN, RED, ORANGE, BLUE, YELLOW, PURPLE = "green", "red", "orange", "blue", "yellow", "purple"

# Points that are further apart are not joined: readings and roll-ups come at least every hour.
GAP_MS = 3_660_000

# What SQLite gives as whole seconds and Grafana shows as a time.
TIME_COLUMNS = ["time", "Time", "Zeit", "Last", "Zuletzt"]

Format = Literal["time_series", "table"]
Panel = timeseries.Panel | barchart.Panel | stat.Panel | bargauge.Panel | table.Panel | piechart.Panel
AnyPanel = TypeVar(
    "AnyPanel", timeseries.Panel, barchart.Panel, stat.Panel, bargauge.Panel, table.Panel, piechart.Panel
)


@dataclass(frozen=True, slots=True)
class Head:
    """What every panel has; `unit` is Grafana's name of it, `nothing` stands there if there is no data."""

    title: str
    description: str
    unit: str
    decimals: int
    nothing: str


class Query(Dataquery, Builder[Dataquery]):
    """A query in SQL; the SDK knows neither of both data sources."""

    def __init__(self, store: Store, sql: str, form: Format) -> None:
        self._json = _postgresql(sql, form) if store.plugin == "grafana-postgresql-datasource" else _sqlite(sql, form)
        self._json |= {"refId": "A", "datasource": datasource(store)}

    def build(self) -> Dataquery:
        return self

    def to_json(self) -> Mapping[str, Any]:
        """What the SDK writes."""
        return self._json


def _postgresql(sql: str, form: Format) -> dict[str, Any]:
    return {"format": form, "rawQuery": True, "rawSql": sql, "editorMode": "code"}


def _sqlite(sql: str, form: Format) -> dict[str, Any]:
    kind = {"time_series": "time series", "table": "table"}[form]
    return {"queryText": sql, "rawQueryText": sql, "queryType": kind, "timeColumns": TIME_COLUMNS}


def datasource(store: Store) -> DataSourceRef:
    """The data source, which has the same uid everywhere."""
    return DataSourceRef(type_val=store.plugin, uid=DATASOURCE_UID)


def curves(store: Store, head: Head, sql: str, least_step: str) -> timeseries.Panel:
    """Lines over time. `least_step`: steps are not finer than that, such as "10s"."""
    panel = _headed(timeseries.Panel(), head, store, sql, "time_series").interval(least_step)
    return (
        panel.line_width(1)
        .fill_opacity(5)
        .show_points(styles.VisibilityMode.AUTO)
        .insert_nulls(GAP_MS)
        .legend(_legend("mean", "min", "max"))
        .tooltip(_all_series())
    )


def counts(store: Store, head: Head, sql: str) -> timeseries.Panel:
    """Points of a number by meter."""
    panel = _headed(timeseries.Panel(), head, store, sql, "time_series").display_name("${__field.labels.meter}")
    return (
        panel.draw_style(styles.GraphDrawStyle.LINE)
        .line_interpolation(styles.LineInterpolation.STEP_AFTER)
        .insert_nulls(GAP_MS)
        .min(0)
        .legend(_legend("mean", "min"))
        .tooltip(_all_series())
    )


def bars(store: Store, head: Head, sql: str) -> timeseries.Panel:
    """Stacked bars over time, each beginning where its period begins."""
    return (
        _headed(timeseries.Panel(), head, store, sql, "time_series")
        .draw_style(styles.GraphDrawStyle.BARS)
        .bar_alignment(styles.BarAlignment.AFTER)
        .bar_width_factor(0.9)
        .fill_opacity(70)
        .line_width(1)
        .stacking(common.StackingConfig().mode(styles.StackingMode.NORMAL).group("A"))
        .legend(_legend("sum", "mean", "max"))
        .tooltip(_all_series())
    )


def columns(store: Store, head: Head, sql: str, *, stacked: bool) -> barchart.Panel:
    """Columns by a name, such as a month."""
    panel = _headed(barchart.Panel(), head, store, sql, "table")
    return (
        panel.stacking(styles.StackingMode.NORMAL if stacked else styles.StackingMode.NONE)
        .fill_opacity(70)
        .group_width(0.8)
        .legend(_legend("sum", "max"))
        .tooltip(_all_series())
    )


def numbers(store: Store, head: Head, sql: str) -> stat.Panel:
    """Large numbers, one for each column of the row."""
    return (
        _headed(stat.Panel(), head, store, sql, "table")
        .graph_mode(styles.BigValueGraphMode.NONE)
        .color_mode(styles.BigValueColorMode.VALUE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )


def numbers_by_row(store: Store, head: Head, sql: str) -> stat.Panel:
    """Large numbers, one for each row, named by its text."""
    return (
        _headed(stat.Panel(), head, store, sql, "table")
        .graph_mode(styles.BigValueGraphMode.NONE)
        .color_mode(styles.BigValueColorMode.VALUE)
        .text_mode(styles.BigValueTextMode.VALUE_AND_NAME)
        .reduce_options(common.ReduceDataOptions().values(True).calcs(["lastNotNull"]))  # noqa: FBT003 the SDK's
    )


def gauges(store: Store, head: Head, sql: str) -> bargauge.Panel:
    """A horizontal bar for each column of the row."""
    return (
        _headed(bargauge.Panel(), head, store, sql, "table")
        .orientation(styles.VizOrientation.HORIZONTAL)
        .display_mode(styles.BarGaugeDisplayMode.BASIC)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )


def shares(store: Store, head: Head, sql: str) -> piechart.Panel:
    """A pie with a slice for each column of the row."""
    return (
        _headed(piechart.Panel(), head, store, sql, "table")
        .display_labels([PieChartLabels.PERCENT, PieChartLabels.NAME])
        .legend(piechart.PieChartLegendOptions().show_legend(True).placement(styles.LegendPlacement.BOTTOM))  # noqa: FBT003
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )


def listing(store: Store, head: Head, sql: str) -> table.Panel:
    """A table."""
    return _headed(table.Panel(), head, store, sql, "table")


def limits(panel: AnyPanel, *steps: tuple[float | None, str]) -> AnyPanel:
    """The panel with a colour from each value on; the first value is None."""
    thresholds = [Threshold(value, color) for value, color in steps]
    return panel.thresholds(dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(thresholds))


def drawn(panel: timeseries.Panel) -> timeseries.Panel:
    """The panel with its limits as dashed lines."""
    style = common.GraphThresholdsStyleConfig().mode(styles.GraphThresholdsStyleMode.DASHED)
    return panel.thresholds_style(style)


def colored(panel: AnyPanel, colors: Mapping[str, str]) -> AnyPanel:
    """The panel with fixed colours, by name of the column."""
    for name, color in colors.items():
        panel.override_by_name(name, [DynamicConfigValue("color", {"mode": "fixed", "fixedColor": color})])
    return panel


def band(panel: timeseries.Panel, least: str, most: str) -> timeseries.Panel:
    """The panel with the area between two of its curves filled."""
    thin = [DynamicConfigValue("custom.lineWidth", 0), DynamicConfigValue("custom.fillOpacity", 15)]
    panel.override_by_name(least, [*thin[:1], DynamicConfigValue("custom.fillOpacity", 0)])
    return panel.override_by_name(most, [*thin, DynamicConfigValue("custom.fillBelowTo", least)])


def with_units(panel: AnyPanel, units: Mapping[str, tuple[str, int]]) -> AnyPanel:
    """The panel with units and decimals of their own for some columns."""
    for name, (unit, decimals) in units.items():
        panel.override_by_name(name, [DynamicConfigValue("unit", unit), DynamicConfigValue("decimals", decimals)])
    return panel


def _headed(panel: AnyPanel, head: Head, store: Store, sql: str, form: Format) -> AnyPanel:
    return (
        panel.title(head.title)
        .description(head.description)
        .unit(head.unit)
        .decimals(head.decimals)
        .no_value(head.nothing)
        .datasource(datasource(store))
        .with_target(Query(store, sql, form))
    )


def _legend(*calculations: str) -> common.VizLegendOptions:
    legend = common.VizLegendOptions().show_legend(True).placement(styles.LegendPlacement.BOTTOM)  # noqa: FBT003
    return legend.display_mode(styles.LegendDisplayMode.TABLE).calcs(list(calculations))


def _all_series() -> common.VizTooltipOptions:
    return common.VizTooltipOptions().mode(styles.TooltipDisplayMode.MULTI)
