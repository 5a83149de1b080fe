import os

import pytest

from smartmeter.simulator.terminal import (
    LinkError,
    close_terminal,
    open_terminal,
    open_terminal_other_than,
    place_link,
    remove_link,
)


def test_every_byte_passes_as_it_is():
    terminal = open_terminal()
    try:
        every_byte = bytes(range(256))
        os.write(terminal.port_fd, every_byte)
        assert os.read(terminal.line_fd, 1000) == every_byte
        os.write(terminal.line_fd, every_byte)
        received = b""
        while len(received) < 256:
            received += os.read(terminal.port_fd, 1000)
        assert received == every_byte
    finally:
        close_terminal(terminal)


def test_a_path_can_be_avoided():
    first = open_terminal()
    close_terminal(first)
    second = open_terminal_other_than(first.path)
    try:
        assert second.path != first.path
    finally:
        close_terminal(second)


def test_a_link_is_made_replaced_and_removed(tmp_path):
    link, one, other = tmp_path / "meter", tmp_path / "one", tmp_path / "other"
    place_link(link, one)
    assert link.readlink() == one
    place_link(link, other)
    assert link.readlink() == other
    assert list(tmp_path.iterdir()) == [link]
    remove_link(link, other)
    assert list(tmp_path.iterdir()) == []


def test_a_link_that_is_anothers_by_now_stays(tmp_path):
    link = tmp_path / "meter"
    place_link(link, tmp_path / "other")
    remove_link(link, tmp_path / "one")
    assert link.is_symlink()


@pytest.mark.parametrize("make", ["touch", "mkdir"])
def test_what_is_no_link_is_never_replaced(tmp_path, make):
    link = tmp_path / "meter"
    getattr(link, make)()
    with pytest.raises(LinkError, match="meter exists and is no symbolic link: it stays as it is; choose another path"):
        place_link(link, tmp_path / "one")
    assert not link.is_symlink()
    assert list(tmp_path.iterdir()) == [link]


def test_a_link_that_cannot_be_made_is_an_error(tmp_path):
    with pytest.raises(LinkError, match="meter cannot be made: No such file or directory"):
        place_link(tmp_path / "nowhere" / "meter", tmp_path / "one")
