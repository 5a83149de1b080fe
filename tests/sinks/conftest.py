"""Sinks on the test's database."""

from contextlib import asynccontextmanager

import pytest

from smartmeter.sinks.postgresql import PostgresqlSink
from tests.sinks.made_up import meter


@pytest.fixture
def sink_on():
    """A sink on these settings, closed at the end of the block."""

    @asynccontextmanager
    async def open_sink(settings, meters=None, language="en"):
        sink = PostgresqlSink(settings, [meter()] if meters is None else meters, language)
        try:
            yield sink
        finally:
            await sink.close()

    return open_sink
