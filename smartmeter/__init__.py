"""Smartmeter reads electricity meters over Modbus and keeps every reading."""

__version__ = "0.1.0"
