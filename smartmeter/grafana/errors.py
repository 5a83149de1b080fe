"""What can go wrong between here and Grafana."""

from smartmeter.errors import SmartmeterError


class GrafanaError(SmartmeterError):
    """Something is missing for dashboards, or Grafana did not take them."""
