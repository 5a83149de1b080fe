"""SunSpec devices: what their models of inverters and meters look like, as data."""

from smartmeter.models.sunspec.layouts import IDS, length_of, model_at, sunspec_model

__all__ = ["IDS", "length_of", "model_at", "sunspec_model"]
