"""Meter models: one TOML file each, and the catalogue that loads them."""

from smartmeter.models.catalogue import UnknownModelError, load_model, model_names
from smartmeter.models.model import Model
from smartmeter.models.register import Register

__all__ = ["Model", "Register", "UnknownModelError", "load_model", "model_names"]
