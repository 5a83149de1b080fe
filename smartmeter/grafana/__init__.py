"""Dashboards for Grafana as code: what they ask, how they look, and how they get there.

Nothing here assumes TimescaleDB: plain PostgreSQL and TimescaleDB are asked the same.
"""
