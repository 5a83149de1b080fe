import asyncio

import psycopg
import pytest
from psycopg import sql

from smartmeter.sinks.sink import SinkUnavailableError
from tests.fixtures.postgresql import PASSWORD, USER, free_port
from tests.sinks.made_up import entries, legacy_table


def count(postgresql):
    ((number,),) = postgresql.rows("SELECT count(*) FROM smartmeter")
    return number


def end_connections(postgresql):
    """What a restart, or an impatient administrator, does to clients."""
    query = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND application_name = 'smartmeter'"
    )
    with postgresql.connect(user=None) as connection:
        return len(connection.execute(query, (postgresql.name,)).fetchall())


async def fails(sink, match, batch=None):
    with pytest.raises(SinkUnavailableError, match=match) as caught:
        await sink.write(entries([1]) if batch is None else batch)
    text = str(caught.value)
    assert "\n" not in text
    assert PASSWORD not in text
    return text


async def test_nobody_listens(postgresql, sink_on):
    port = free_port()
    async with sink_on(postgresql.settings(port=port)) as sink:
        text = await fails(sink, "Connection refused; is PostgreSQL running and listening there")
    assert text.startswith(f"PostgreSQL at {postgresql.host}:{port}, database '{postgresql.name}', user 'smartmeter': ")


async def test_a_host_that_does_not_exist(postgresql, sink_on):
    async with sink_on(postgresql.settings(host="datenbank.invalid")) as sink:
        await fails(sink, "'datenbank.invalid'.*check the host name")


async def test_a_wrong_password(postgresql, sink_on):
    async with sink_on(postgresql.settings(password="Sesam")) as sink:
        assert "Sesam" not in await fails(sink, "password authentication failed.*check user and password")


async def test_no_password(postgresql, sink_on):
    async with sink_on(postgresql.settings(password=None)) as sink:
        await fails(sink, "no password supplied; set the password")


async def test_an_unknown_database(postgresql, sink_on):
    async with sink_on(postgresql.settings(database="nirgends")) as sink:
        await fails(sink, 'database "nirgends" does not exist; create the database')


async def test_tls_is_demanded_where_there_is_none(postgresql, sink_on):
    async with sink_on(postgresql.settings(sslmode="require")) as sink:
        await fails(sink, "server does not support SSL.*; check sslmode")


async def test_no_right_to_insert(postgresql, sink_on):
    postgresql.run(legacy_table(), f"GRANT SELECT ON smartmeter TO {USER}", user=None)
    async with sink_on(postgresql.settings()) as sink:
        await fails(sink, r"permission denied for table smartmeter \(42501\); grant the right")
        postgresql.run(f"GRANT INSERT ON smartmeter TO {USER}", user=None)
        assert await sink.write(entries([1])) == []


async def test_a_server_that_only_reads(postgresql, sink_on):
    postgresql.run(legacy_table())
    postgresql.run(f"ALTER ROLE {USER} SET default_transaction_read_only = on", user=None)
    try:
        async with sink_on(postgresql.settings()) as sink:
            await fails(sink, "read-only transaction .25006.; the server only reads")
    finally:
        postgresql.run(f"ALTER ROLE {USER} RESET default_transaction_read_only", user=None)


async def test_a_connection_that_was_ended_while_it_idled_is_no_outage(postgresql, sink_on):
    async with sink_on(postgresql.settings()) as sink:
        await sink.write(entries([1]))
        assert end_connections(postgresql) == 1
        assert await sink.write(entries([2])) == []
    assert count(postgresql) == 2


async def test_a_server_that_stops_and_comes_back(postgresql, sink_on):
    async with sink_on(postgresql.settings()) as sink:
        await sink.write(entries([1]))
        await asyncio.to_thread(postgresql.server.stop)
        try:
            # What a connection is told that lies in the backlog of a server that ends.
            await fails(sink, "Connection refused|server closed the connection", entries([2]))
        finally:
            await asyncio.to_thread(postgresql.server.start)
        assert await sink.write(entries([1, 2])) == []
    assert count(postgresql) == 2


async def test_a_connection_that_is_lost_before_the_commit_leaves_nothing(postgresql, sink_on):
    postgresql.run(legacy_table())
    lock = psycopg.connect(**postgresql.server.superuser | {"dbname": postgresql.name})
    async with sink_on(postgresql.settings()) as sink:
        with lock:
            lock.execute("LOCK TABLE smartmeter IN EXCLUSIVE MODE")
            writing = asyncio.create_task(sink.write(entries(range(300))))
            while not postgresql.rows("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'"):  # noqa: ASYNC110
                await asyncio.sleep(0.01)  # the server rings no bell
            end_connections(postgresql)
            with pytest.raises(SinkUnavailableError, match="terminating connection due to administrator command"):
                await writing
        assert count(postgresql) == 0
        assert await sink.write(entries(range(300))) == []
    assert count(postgresql) == 300


async def test_a_write_that_is_cancelled_leaves_all_or_nothing_and_the_sink_can_be_used_on(postgresql, sink_on):
    postgresql.run(legacy_table())
    async with sink_on(postgresql.settings()) as sink:
        await sink.write(entries([0]))
        for delay in (0, 0.001, 0.002, 0.004, 0.008, 0.016):
            writing = asyncio.create_task(sink.write(entries(range(1, 500))))
            await asyncio.sleep(delay)
            writing.cancel()
            await asyncio.wait({writing})
            assert count(postgresql) in (1, 500)
        assert await sink.write(entries(range(1, 500))) == []
    assert count(postgresql) == 500


async def test_a_database_that_hangs_is_given_up(postgresql, sink_on, monkeypatch):
    postgresql.run(legacy_table())
    with psycopg.connect(**postgresql.server.superuser | {"dbname": postgresql.name}) as lock:
        lock.execute("LOCK TABLE smartmeter")
        async with sink_on(postgresql.settings()) as sink:
            with monkeypatch.context() as impatience:
                impatience.setattr("smartmeter.sinks.postgresql.sink.WRITE_TIMEOUT_S", 0.2)
                await fails(sink, "not done within 0.2 s")
            lock.rollback()
            assert await sink.write(entries([1])) == []


async def test_the_connection_says_who_it_is_and_does_not_hang_for_ever(postgresql, sink_on):
    async with sink_on(postgresql.settings()) as sink:
        await sink.write(entries([1]))
        (connection,) = postgresql.rows(
            "SELECT usename, state FROM pg_stat_activity WHERE application_name = 'smartmeter' AND datname = %s",
            postgresql.name,
        )
    assert connection == (USER, "idle")


async def test_odd_passwords_work(postgresql, sink_on):
    password = "a'b\\c \"d%s ü"
    postgresql.run(
        "DROP ROLE IF EXISTS odd",
        sql.SQL("CREATE ROLE odd LOGIN PASSWORD {}").format(password),
        "GRANT ALL ON SCHEMA public TO odd",
        user=None,
    )
    async with sink_on(postgresql.settings(user="odd", password=password)) as sink:
        assert await sink.write(entries([1])) == []
