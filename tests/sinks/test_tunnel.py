import asyncio
import logging
from contextlib import closing

import asyncssh
import pytest

from smartmeter.sinks.sink import SinkUnavailableError
from smartmeter.sinks.tunnel import Tunnel
from tests.fixtures.postgresql import free_port
from tests.fixtures.ssh_server import PASSWORD
from tests.sinks.made_up import entries


@pytest.fixture
async def echo():
    """A port on the far side that says everything twice."""

    async def answer(reader, writer):
        with closing(writer):
            while data := await reader.read(100):
                writer.write(data + data)

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        await asyncio.sleep(0.01)  # for the last connections to end


@pytest.fixture
async def tunnel_to():
    tunnels = []

    def make(settings, port):
        tunnels.append(Tunnel(settings, "127.0.0.1", port))
        return tunnels[-1]

    yield make
    for tunnel in tunnels:
        await tunnel.close()


async def say(port, word):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with closing(writer):
        writer.write(word)
        return await reader.readexactly(2 * len(word))


async def lost(tunnel):
    async with asyncio.timeout(5):
        while tunnel.is_open:  # noqa: ASYNC110
            await asyncio.sleep(0.01)  # who uses it asks when he needs it, and gets no bell


async def fails(tunnel, match, secret=PASSWORD):
    with pytest.raises(SinkUnavailableError, match=match) as caught:
        await tunnel.open()
    text = str(caught.value)
    assert "\n" not in text
    assert secret not in text
    return text


async def test_the_local_port_leads_to_the_far_one(ssh_server, echo, tunnel_to):
    tunnel = tunnel_to(ssh_server.settings(), echo)
    port = await tunnel.open()
    assert await say(port, b"hallo") == b"hallohallo"
    assert await tunnel.open() == port
    assert ssh_server.logins == 1


async def test_only_this_machine_can_use_it(ssh_server, echo, tunnel_to):
    port = await tunnel_to(ssh_server.settings(), echo).open()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.2", port)


async def test_a_key_lets_in(ssh_server, echo, tunnel_to, tmp_path):
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(tmp_path / "id")
    ssh_server.authorize(key)
    await asyncio.to_thread(ssh_server.restart)
    tunnel = tunnel_to(ssh_server.settings(password=None, key_file=tmp_path / "id"), echo)
    assert await say(await tunnel.open(), b"x") == b"xx"


@pytest.mark.parametrize("format_", ["pkcs8-pem", "openssh"])
async def test_a_key_with_a_passphrase_lets_in(ssh_server, echo, tunnel_to, tmp_path, format_):
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(tmp_path / "id", format_, passphrase="Sesam", rounds=16, ignore_few_rounds=True)
    ssh_server.authorize(key)
    await asyncio.to_thread(ssh_server.restart)
    settings = ssh_server.settings(password=None, key_file=tmp_path / "id", key_passphrase="Sesam")
    assert await say(await tunnel_to(settings, echo).open(), b"x") == b"xx"
    for wrong in (None, "Simsalabim"):
        settings = ssh_server.settings(password=None, key_file=tmp_path / "id", key_passphrase=wrong)
        await fails(tunnel_to(settings, echo), "SSH key .*/id: .*is the passphrase right", secret="Simsalabim")


async def test_a_key_that_is_not_there_or_none(ssh_server, echo, tunnel_to, tmp_path):
    missing = ssh_server.settings(password=None, key_file=tmp_path / "none")
    await fails(tunnel_to(missing, echo), "none cannot be read: No such file")
    (tmp_path / "text").write_text("no key")
    await fails(tunnel_to(ssh_server.settings(password=None, key_file=tmp_path / "text"), echo), "SSH key .*/text: ")


async def test_a_wrong_password(ssh_server, echo, tunnel_to):
    tunnel = tunnel_to(ssh_server.settings(password="Sesam"), echo)
    await fails(tunnel, "does not let user 'pi' in; check user, password and key", secret="Sesam")


async def test_a_server_that_is_away(ssh_server, echo, tunnel_to):
    settings = ssh_server.settings(port=free_port())
    await fails(
        tunnel_to(settings, echo), f"SSH server 127.0.0.1:{settings.port} is not reached: .*refused.*; is it on"
    )
    await fails(tunnel_to(ssh_server.settings(host="ssh.invalid"), echo), r"SSH server ssh.invalid:\d+ is not reached")


async def test_a_server_that_says_nothing(ssh_server, tunnel_to, monkeypatch):
    monkeypatch.setattr("smartmeter.sinks.tunnel.CONNECT_TIMEOUT_S", 0.2)

    async def say_nothing(reader, writer):
        with closing(writer):
            await reader.read()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as silent:
        port = silent.sockets[0].getsockname()[1]
        await fails(tunnel_to(ssh_server.settings(port=port), 1), "does not answer within 0.2 s")


async def test_a_server_that_is_something_else(ssh_server, tunnel_to, echo):
    await fails(tunnel_to(ssh_server.settings(port=echo), 1), f"SSH server 127.0.0.1:{echo} ended the connection: ")


async def test_a_far_port_where_nobody_listens_is_explained(ssh_server, tunnel_to):
    port = free_port()
    tunnel = tunnel_to(ssh_server.settings(), port)
    await tunnel.open()
    assert "the SSH server does not get through to it: " in await tunnel.why_blocked()


async def test_nothing_blocks_a_tunnel_that_works(ssh_server, tunnel_to, echo):
    tunnel = tunnel_to(ssh_server.settings(), echo)
    await tunnel.open()
    assert await tunnel.why_blocked() is None


async def test_it_is_opened_anew_when_the_server_was_away(ssh_server, echo, tunnel_to):
    tunnel = tunnel_to(ssh_server.settings(), echo)
    for _ in range(3):
        assert await say(await tunnel.open(), b"x") == b"xx"
        await asyncio.to_thread(ssh_server.stop)
        await lost(tunnel)
        await fails(tunnel, "is not reached")
        await fails(tunnel, "is not reached")
        await asyncio.to_thread(ssh_server.start)
    assert await say(await tunnel.open(), b"x") == b"xx"


async def test_a_server_that_falls_silent_is_noticed(ssh_server, echo, tunnel_to, monkeypatch):
    monkeypatch.setattr("smartmeter.sinks.tunnel.KEEPALIVE_INTERVAL_S", 0.05)
    tunnel = tunnel_to(ssh_server.settings(), echo)
    await tunnel.open()
    with ssh_server.silent():
        await lost(tunnel)
    assert await say(await tunnel.open(), b"x") == b"xx"


async def test_nothing_of_the_users_own_ssh_setup_is_used(ssh_server, echo, tunnel_to, tmp_path, monkeypatch):
    key = asyncssh.generate_private_key("ssh-ed25519")
    (tmp_path / ".ssh").mkdir()
    key.write_private_key(tmp_path / ".ssh" / "id_ed25519")
    (tmp_path / ".ssh" / "config").write_text("Host *\n  Port 1\n  User root\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    ssh_server.authorize(key)
    await asyncio.to_thread(ssh_server.restart)
    assert await say(await tunnel_to(ssh_server.settings(), echo).open(), b"x") == b"xx"
    await fails(tunnel_to(ssh_server.settings(password="falsch"), echo), "does not let user 'pi' in", secret="falsch")


async def test_readings_go_through_it_also_after_an_outage(postgresql, ssh_server, sink_on):
    async with sink_on(postgresql.settings(ssh=ssh_server.settings())) as sink:
        assert await sink.write(entries(range(300))) == []
        await asyncio.to_thread(ssh_server.stop)
        with pytest.raises(SinkUnavailableError, match=r"SSH server .* is not reached"):
            await sink.write(entries([300]))
        await asyncio.to_thread(ssh_server.start)
        assert await sink.write(entries([300])) == []
        await asyncio.to_thread(ssh_server.restart)
        assert await sink.write(entries([301])) == []
    assert postgresql.rows("SELECT count(*) FROM smartmeter") == [(302,)]


async def test_a_database_that_is_not_there_behind_the_tunnel_is_explained(postgresql, ssh_server, sink_on):
    async with sink_on(postgresql.settings(port=free_port(), ssh=ssh_server.settings())) as sink:
        with pytest.raises(
            SinkUnavailableError, match=r"the SSH server does not get through to it: .*is PostgreSQL running"
        ):
            await sink.write(entries([1]))


async def test_a_wrong_database_password_behind_the_tunnel_is_called_that(postgresql, ssh_server, sink_on):
    async with sink_on(postgresql.settings(password="Sesam", ssh=ssh_server.settings())) as sink:
        with pytest.raises(SinkUnavailableError, match="password authentication failed"):
            await sink.write(entries([1]))


async def test_a_tunnel_that_comes_and_goes_logs_nothing_by_itself(ssh_server, echo, tunnel_to, caplog):
    caplog.set_level(logging.INFO)
    tunnel = tunnel_to(ssh_server.settings(), echo)
    await tunnel.open()
    await tunnel.close()
    assert [record for record in caplog.records if record.threadName == "MainThread" and record.name != "asyncio"] == []
