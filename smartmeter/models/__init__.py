"""Meter models: one TOML file each, and the catalogue that loads them."""

from smartmeter.models.catalogue import Model, Register, load_model, model_names

__all__ = ["Model", "Register", "load_model", "model_names"]
