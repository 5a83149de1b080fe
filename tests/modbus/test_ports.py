import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartmeter.modbus.ports import (
    AsciiPort,
    PortSyntaxError,
    RtuTcpPort,
    RtuUdpPort,
    SerialPort,
    TcpPort,
    is_network,
    parse_port,
)


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("/dev/ttyUSB0", SerialPort("/dev/ttyUSB0")),
        ("/dev/serial/by-id/usb-1a86:7523-if00", SerialPort("/dev/serial/by-id/usb-1a86:7523-if00")),
        ("ascii:///dev/ttyUSB0", AsciiPort("/dev/ttyUSB0")),
        ("tcp://192.168.1.50", TcpPort("192.168.1.50", 502)),
        ("tcp://Gateway.local:1502/", TcpPort("Gateway.local", 1502)),
        ("TCP://gateway", TcpPort("gateway", 502)),
        ("tcp://[::1]:1502", TcpPort("::1", 1502)),
        ("tcp://[fe80::1%eth0]", TcpPort("fe80::1%eth0", 502)),
        ("rtu+tcp://192.168.1.50:4196", RtuTcpPort("192.168.1.50", 4196)),
        ("rtu+udp://[2001:db8::5]:8899", RtuUdpPort("2001:db8::5", 8899)),
    ],
)
def test_what_each_kind_looks_like(text, port):
    assert parse_port(text) == port
    assert parse_port(str(port)) == port


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("udp://host:1", "is of no known kind; it must be"),
        ("http://host", "is of no known kind"),
        ("ascii://ttyUSB0", "has no path"),
        ("tcp://", "names no host and port"),
        ("tcp://a b", "names no host and port"),
        ("tcp://user@host", "names no host and port"),
        ("tcp://host:502/path", "names no host and port"),
        ("tcp://::1", "names no host and port"),
        ("tcp://[12345::1]:502", "names no host and port"),
        ("tcp://host:0", "names port 0"),
        ("tcp://host:65536", "names port 65536"),
        ("rtu+tcp://host", "names no port"),
        ("rtu+udp://host", "names no port"),
    ],
)
def test_what_is_none_is_told(text, why):
    with pytest.raises(PortSyntaxError, match=why.replace("+", r"\+")):
        parse_port(text)


@given(st.text(max_size=30), st.sampled_from(["", "tcp://", "rtu+tcp://", "rtu+udp://", "ascii://", "x://"]))
def test_any_text_is_a_port_or_told(text, kind):
    try:
        port = parse_port(kind + text)
    except PortSyntaxError:
        return
    assert parse_port(str(port)) == port


def test_one_connection_has_one_key(tmp_path):
    device, link = tmp_path / "ttyUSB0", tmp_path / "by-id"
    device.touch()
    link.symlink_to(device)
    assert parse_port(str(device)).key == parse_port(f"ascii://{link}").key
    assert parse_port("tcp://GATE:502").key == parse_port("rtu+tcp://gate:502").key
    assert parse_port("rtu+udp://gate:502").key != parse_port("tcp://gate:502").key
    assert [is_network(parse_port(text)) for text in ("/dev/x", "ascii:///dev/x", "tcp://x")] == [False, False, True]
