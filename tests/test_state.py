import logging
import shutil
import sqlite3
import stat
import threading
import time
from contextlib import closing

import pytest

from smartmeter import state as module
from smartmeter.memory import forget_meters, known_meters
from smartmeter.state import StateError, create_state, with_state
from tests.journal.made_up import refusing_disk


def titles(connection):
    return [title for (title,) in connection.execute("SELECT title FROM chat ORDER BY id")]


def add(connection, title):
    connection.execute("INSERT INTO chat (title, paired_us) VALUES (?, 0)", (title,))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "smartmeter_state.db"


@pytest.fixture
def state(path):
    create_state(path)
    return path


def test_it_keeps_what_was_written_and_is_its_owners_alone(state):
    with_state(state, add, "Anna")
    create_state(state)
    assert with_state(state, titles) == ["Anna"]
    assert stat.S_IMODE(state.stat().st_mode) == 0o600


def test_a_transaction_is_all_or_nothing(state):
    def add_and_fail(connection):
        add(connection, "Anna")
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        with_state(state, add_and_fail)
    assert with_state(state, titles) == []


def test_two_at_a_time_wait_for_each_other(state):
    def add_slowly(connection, title):
        count = len(titles(connection))
        time.sleep(0.02)
        add(connection, f"{title}{count}")

    threads = [threading.Thread(target=with_state, args=(state, add_slowly, "chat")) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert with_state(state, titles) == [f"chat{number}" for number in range(5)]


def test_one_who_holds_it_for_too_long_is_told_of(state, monkeypatch):
    monkeypatch.setattr(module, "_BUSY_TIMEOUT_S", 0.01)
    with closing(sqlite3.connect(state, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StateError, match="is locked; it holds alarms and paired chats"):
            with_state(state, titles)
    assert with_state(state, titles) == []


def test_without_a_file_a_command_makes_none(path):
    with pytest.raises(StateError, match="there is no such file yet; is smartmeter running"):
        with_state(path, titles)
    assert not path.exists()


def test_an_empty_file_of_a_start_that_was_cut_short(path):
    path.touch()
    with pytest.raises(StateError, match="this is no file of smartmeter's"):
        with_state(path, titles)
    create_state(path)
    assert with_state(path, titles) == []


def damage_head(path):
    path.write_bytes(b"what is this? " * 1000)


def damage_pages(path):
    content = bytearray(path.read_bytes())
    content[4096:] = b"\x5a" * (len(content) - 4096)
    path.write_bytes(content)


def damage_end(path):
    path.write_bytes(path.read_bytes()[:-4096])


@pytest.mark.parametrize("damage", [damage_head, damage_pages, damage_end])
def test_a_damaged_file_is_set_aside_and_one_made_anew(state, caplog, damage):
    with_state(state, add, "Anna")
    damage(state)
    content = state.read_bytes()
    create_state(state)
    assert with_state(state, titles) == []
    (aside,) = state.parent.glob("smartmeter_state.db.damaged-*Z")
    assert aside.read_bytes() == content
    assert "chats must be paired anew" in caplog.text
    create_state(state)
    assert len(list(state.parent.iterdir())) == 2


def test_a_damaged_file_that_cannot_be_set_aside_is_an_error_in_one_line(state, monkeypatch):
    damage_head(state)

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(state), "rename", refuse)
    with pytest.raises(StateError, match="Permission denied"):
        create_state(state)


def test_a_disk_that_damages_all_is_an_error_and_no_endless_loop(state, monkeypatch):
    damage_head(state)
    good = shutil.copy(state, state.with_name("copy"))
    rename = type(state).rename
    monkeypatch.setattr(type(state), "rename", lambda self, target: (rename(self, target), shutil.copy(good, self)))
    with pytest.raises(StateError, match="not a database"):
        create_state(state)


def test_a_newer_versions_file_is_left_alone(state):
    with closing(sqlite3.connect(state)) as other:
        other.execute("PRAGMA user_version = 99")
    content = state.read_bytes()
    for work in (create_state, lambda path: with_state(path, titles)):
        with pytest.raises(StateError, match="a newer smartmeter wrote this file"):
            work(state)
    assert state.read_bytes() == content


def test_an_earlier_versions_file_keeps_what_it_holds(path):
    with closing(sqlite3.connect(path)) as earlier:
        for statement in module._STEPS[0]:  # noqa: SLF001 - what version 1 wrote
            earlier.execute(statement)
        add(earlier, "Anna")
        earlier.execute("INSERT INTO alarm VALUES ('rule', '{}', 1)")
        earlier.execute(f"PRAGMA application_id = {0x536D5374}")
        earlier.execute("PRAGMA user_version = 1")
        earlier.commit()
    # A command of this version leaves it to the earlier daemon that may run.
    assert with_state(path, titles) == ["Anna"]
    assert with_state(path, known_meters) == ()
    assert with_state(path, forget_meters, "bus1", 1) == 0
    create_state(path)
    assert with_state(path, titles) == ["Anna"]
    assert with_state(path, lambda state: state.execute("SELECT rule FROM alarm").fetchall()) == [("rule",)]
    assert with_state(path, lambda state: state.execute("SELECT * FROM meter").fetchall()) == []
    with closing(sqlite3.connect(path)) as raised:
        assert raised.execute("PRAGMA user_version").fetchone() == (2,)


@pytest.mark.parametrize("version", [0, 1, 7])
def test_another_programs_database_is_left_alone(path, version):
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE theirs (id)")
        other.execute(f"PRAGMA user_version = {version}")
    content = path.read_bytes()
    for work in (create_state, lambda path: with_state(path, titles)):
        with pytest.raises(StateError, match="another program's database"):
            work(path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("work", [create_state, lambda path: with_state(path, titles)])
def test_a_directory_in_its_place(path, work):
    path.mkdir()
    with pytest.raises(StateError, match="unable to open"):
        work(path)


def test_no_directory_for_it(path):
    with pytest.raises(StateError, match="No such file or directory"):
        create_state(path / "below")


def test_one_may_not_even_look(path, monkeypatch):
    def refuse(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "exists", refuse)
    with pytest.raises(StateError, match="Permission denied"):
        with_state(path, titles)


def test_a_full_disk_takes_nothing_and_gives_what_is_there(state):
    with_state(state, add, "Anna")
    with refusing_disk():
        with pytest.raises(StateError, match="it holds alarms and paired chats"):
            with_state(state, add, "Ben")
        assert with_state(state, titles) == ["Anna"]
        create_state(state)
    assert with_state(state, titles) == ["Anna"]


def test_a_read_only_disk_gives_what_is_there(state, monkeypatch, caplog):
    with_state(state, add, "Anna")
    connect = sqlite3.connect
    # What SQLite makes of a disk that takes no writing; the tests may run as root, who can write everything.
    monkeypatch.setattr(sqlite3, "connect", lambda at, **more: connect(at.replace("=rw", "=ro"), **more))
    create_state(state)
    assert with_state(state, titles) == ["Anna"]
    with pytest.raises(StateError, match="readonly"):
        with_state(state, add, "Ben")
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
