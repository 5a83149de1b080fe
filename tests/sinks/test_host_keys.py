import asyncio
import base64
import hashlib
import hmac
import logging
import re

import asyncssh
import pytest

from smartmeter.sinks.sink import SinkUnavailableError
from smartmeter.sinks.tunnel import Tunnel


async def connect(settings):
    tunnel = Tunnel(settings, "127.0.0.1", 1)
    try:
        await tunnel.open()
    finally:
        await tunnel.close()


async def fails(settings, match):
    with pytest.raises(SinkUnavailableError, match=match) as caught:
        await connect(settings)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def hashed(name):
    """As ssh-keygen -H writes a name: |1|salt|HMAC-SHA1 of the name."""
    salt = b"12345678901234567890"
    digest = hmac.new(salt, name.encode(), hashlib.sha1).digest()
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


async def replace_key(ssh_server, algorithm="ssh-ed25519"):
    ssh_server.host_key = asyncssh.generate_private_key(algorithm)
    await asyncio.to_thread(ssh_server.restart)


@pytest.fixture
def known_hosts(tmp_path):
    return tmp_path / "of ours" / "known_hosts"


async def test_a_known_key_is_accepted(ssh_server):
    await connect(ssh_server.settings())


async def test_a_hashed_name_is_recognized(ssh_server, tmp_path):
    (tmp_path / "hashed").write_text(
        ssh_server.known_hosts_line().replace(
            f"[127.0.0.1]:{ssh_server.port}", hashed(f"[127.0.0.1]:{ssh_server.port}")
        )
    )
    await connect(ssh_server.settings(known_hosts=tmp_path / "hashed"))


async def test_an_unknown_key_is_an_error_that_says_how_to_accept_it(ssh_server, known_hosts):
    text = await fails(ssh_server.settings(known_hosts=known_hosts), "the host key of SSH server .* is unknown")
    assert ssh_server.host_key.get_fingerprint() in text
    assert f"ssh-keyscan -p {ssh_server.port} 127.0.0.1 >> '{known_hosts}'" in text
    assert not known_hosts.exists()


async def test_the_key_of_the_server_at_another_port_says_nothing(ssh_server, known_hosts):
    known_hosts.parent.mkdir()
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    own = ssh_server.host_key.export_public_key().decode()
    for line in (f"127.0.0.1 {other}", f"127.0.0.1 {own}"):
        known_hosts.write_text(line)
        await fails(ssh_server.settings(known_hosts=known_hosts), "is unknown")
    await connect(ssh_server.settings(known_hosts=known_hosts, host_keys="pin-first"))
    await connect(ssh_server.settings(known_hosts=known_hosts))


async def test_a_key_under_the_servers_address_counts_too(ssh_server):
    settings = ssh_server.settings(host="localhost")
    assert "localhost" not in settings.known_hosts.read_text()
    await connect(settings)


async def test_a_changed_key_is_refused(ssh_server):
    settings = ssh_server.settings()
    old = ssh_server.host_key.get_fingerprint()
    await replace_key(ssh_server)
    text = await fails(settings, "HAS CHANGED")
    assert old in text
    assert ssh_server.host_key.get_fingerprint() in text
    assert f"ssh-keygen -R '[127.0.0.1]:{ssh_server.port}' -f {settings.known_hosts}" in text


@pytest.mark.parametrize("host_keys", ["known", "pin-first"])
async def test_a_key_of_another_type_is_a_changed_key(ssh_server, host_keys):
    settings = ssh_server.settings(host_keys=host_keys)
    await replace_key(ssh_server, "ecdsa-sha2-nistp256")
    before = settings.known_hosts.read_text()
    await fails(settings, f"HAS CHANGED: it is now {re.escape(ssh_server.host_key.get_fingerprint())}")
    assert settings.known_hosts.read_text() == before


@pytest.mark.parametrize("known", ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp521", "ssh-rsa"])
async def test_of_a_servers_many_keys_the_known_one_is_asked_for(ssh_server, tmp_path, known):
    keys = {name: asyncssh.generate_private_key(name) for name in ("ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa")}
    keys["ecdsa-sha2-nistp521"] = asyncssh.generate_private_key("ecdsa-sha2-nistp521")
    ssh_server.other_host_keys = list(keys.values())
    await asyncio.to_thread(ssh_server.restart)
    (tmp_path / "one").write_text(ssh_server.known_hosts_line(keys[known]))
    await connect(ssh_server.settings(known_hosts=tmp_path / "one"))


async def test_the_first_key_is_pinned_loudly_and_from_then_on_only_that_is_accepted(ssh_server, known_hosts, caplog):
    caplog.set_level(logging.WARNING)
    settings = ssh_server.settings(known_hosts=known_hosts, host_keys="pin-first")
    await connect(settings)
    assert known_hosts.read_text().split()[:3] == ssh_server.known_hosts_line().split()[:3]
    assert known_hosts.stat().st_mode & 0o777 == 0o600
    (warning,) = [record.getMessage() for record in caplog.records if record.name.startswith("smartmeter")]
    assert "FIRST TIME" in warning
    assert ssh_server.host_key.get_fingerprint() in warning

    caplog.clear()
    await connect(settings)
    await connect(ssh_server.settings(known_hosts=known_hosts))
    assert not [record for record in caplog.records if record.name.startswith("smartmeter")]

    pinned = known_hosts.read_text()
    await replace_key(ssh_server)
    await fails(settings, "HAS CHANGED")
    assert known_hosts.read_text() == pinned


async def test_a_key_is_pinned_even_if_the_password_is_wrong(ssh_server, known_hosts):
    settings = ssh_server.settings(known_hosts=known_hosts, host_keys="pin-first", password="falsch")
    await fails(settings, "does not let user")
    await replace_key(ssh_server)
    await fails(settings, "HAS CHANGED")


async def test_what_is_in_the_file_stays(ssh_server, known_hosts):
    known_hosts.parent.mkdir()
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    known_hosts.write_text(f"# mine\nother.example {other}")
    await connect(ssh_server.settings(known_hosts=known_hosts, host_keys="pin-first"))
    lines = known_hosts.read_text().splitlines()
    assert lines[:2] == ["# mine", f"other.example {other}"]
    assert lines[2].split()[:3] == ssh_server.known_hosts_line().split()[:3]


async def test_a_key_that_cannot_be_kept_is_not_trusted(ssh_server, tmp_path):
    (tmp_path / "file").write_text("")
    settings = ssh_server.settings(known_hosts=tmp_path / "file" / "known_hosts", host_keys="pin-first")
    await fails(settings, "known_hosts")


async def test_a_revoked_key_is_refused(ssh_server, tmp_path):
    (tmp_path / "revoked").write_text(f"@revoked {ssh_server.known_hosts_line()}")
    for host_keys in ("known", "pin-first"):
        await fails(ssh_server.settings(known_hosts=tmp_path / "revoked", host_keys=host_keys), "revoked")


async def test_a_damaged_file_is_named(ssh_server, tmp_path):
    (tmp_path / "damaged").write_text("nonsense\n")
    await fails(ssh_server.settings(known_hosts=tmp_path / "damaged"), "damaged cannot be read as known_hosts")
