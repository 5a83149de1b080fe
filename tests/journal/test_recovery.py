import asyncio
import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from smartmeter.journal import schema
from smartmeter.journal.database import PAGE_BYTES
from tests.journal.made_up import numbers, readings

DOCUMENT = Path(__file__).parents[2] / "docs" / "journal.md"


def documented_commands(damaged):
    (block,) = re.findall(r"<!-- unchecked -->\n\n```sh\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    return re.sub(r"smartmeter\.db\.damaged-\S+", damaged.name, block)


def test_the_numbers_in_the_document_are_ours():
    commands = documented_commands(Path("x"))
    assert f"page_size = {PAGE_BYTES};" in commands
    assert f"application_id = {schema.APPLICATION_ID};" in commands
    # All steps but the first can be gone through again, so that this fits every journal.
    assert "user_version = 1;" in commands


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="sqlite3 is not installed")
async def test_readings_come_back_from_a_damaged_file_as_documented(open_journal, path):
    journal = await open_journal()
    for one in readings(1, 3000):
        journal.append(one)
    await journal.advance("postgresql", 2000)
    await journal.close()
    with path.open("r+b") as file:
        file.seek(40 * PAGE_BYTES)
        # Some pages in a row: one alone may belong to the index.
        file.write(b"\xa5" * 4 * PAGE_BYTES)

    journal = await open_journal()
    assert await journal.entries_after(0, 3000) == []
    await journal.commit()
    await journal.close()
    (damaged,) = path.parent.glob("*.damaged-*")
    commands = ["sh", "-c", documented_commands(damaged)]
    await asyncio.to_thread(subprocess.run, commands, cwd=path.parent, check=False, capture_output=True)

    journal = await open_journal()
    found = numbers(await journal.entries_after(0, 3000))
    assert 2700 < len(found) < 3000
    assert found[-1] == 3000
    assert await journal.cursor("postgresql") == 2000
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("PRAGMA page_size").fetchone() == (PAGE_BYTES,)
