"""Every command that the documents show is run, or is listed here with the reason why not."""

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.fixtures.documents import ROOT, SHELL, blocks, commands

PATIENCE_S = 20

# By its first words: why it cannot be run here.
NOT_RUN = {
    "docker": "needs a container engine",
    "fuser": "names the processes of this machine",
    "journalctl": "needs systemd",
    "ls -l /dev/serial/by-id/": "shows what is plugged in here",
    "sudo": "changes the machine",
    "systemctl": "needs systemd",
}

# A password is asked for at a terminal that nobody has typed into before, or is piped in.
PIPED = {("web", "password"): "correct horse\n"}

# Blocks that are marked as unchecked: by document, the test that runs them as a whole.
RUN_ELSEWHERE = {
    "docs/adding_a_meter.md": "tests/models/test_adding_a_meter.py",
    "docs/journal.md": "tests/journal/test_recovery.py",
}

# Those that run until they are ended, by their first words: what they show when they do their work.
LASTING = {
    "python3 smartmeter.py": "Smartmeter .* reads smartmeter",
    "smartmeter demo": "Voltage L1|Active power",
    "smartmeter run": "Smartmeter .* reads house",
    "smartmeter scan": r'address(": | +)1\b',
    "smartmeter simulate": "read it with",
    "smartmeter watch": "Active power",
}
# Those that take seconds, by their first words: they look at a line for a while.
LENGTHY = ("smartmeter demo --rounds", "smartmeter doctor", "smartmeter record", "smartmeter scan")
ENDING_BY_THEMSELVES = {"--rounds", "--once", "--help", "check"}

COMMANDS = commands()


def begins_with(command, words):
    return command.words[: len(words.split())] == tuple(words.split())


def is_run(command):
    return command.words[0] in ("smartmeter", "sqlite3") or command.words[:2] == ("python3", "smartmeter.py")


RUN = [command for command in COMMANDS if is_run(command)]
MADE = sorted({command.words[1] for command in COMMANDS if command.words[0] == "make"} | {"help"})


def sign_of_life(command):
    """What shows that a lasting command works; None for those that end by themselves."""
    if ENDING_BY_THEMSELVES & set(command.words):
        return None
    return next((sign for words, sign in LASTING.items() if begins_with(command, words)), None)


def test_the_documents_show_commands():
    assert len(RUN) > 20


def run_with(sign_is_needed):
    """The commands that are run, as parameters: those that must show a sign of life, or those that end."""
    return [
        pytest.param(command, marks=[pytest.mark.slow] if is_lengthy(command) else [])
        for command in RUN
        if (sign_of_life(command) is not None) == sign_is_needed
    ]


def is_lengthy(command):
    return "--pdf" in command.words or any(begins_with(command, words) for words in LENGTHY)


def test_every_command_is_run_or_listed():
    neither = [
        f"{command} in {', '.join(command.places)}"
        for command in COMMANDS
        if not (is_run(command) or command.words[0] == "make" or any(begins_with(command, words) for words in NOT_RUN))
    ]
    assert neither == []


def test_nothing_is_listed_in_vain():
    assert [words for words in NOT_RUN if not any(begins_with(command, words) for command in COMMANDS)] == []


def test_what_is_marked_as_unchecked_is_run_elsewhere():
    marked = {str(block.document.relative_to(ROOT)) for block in blocks(*SHELL) if block.marked}
    assert marked == RUN_ELSEWHERE.keys()
    for document, test in RUN_ELSEWHERE.items():
        assert Path(document).name in (ROOT / test).read_text("utf-8"), f"{test} does not read {document}"


@pytest.mark.parametrize("target", MADE)
def test_make_has_the_target(target):
    options = [] if target == "help" else ["--dry-run"]
    done = subprocess.run(["make", *options, target], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", run_with(sign_is_needed=False), ids=str)
def test_it_runs(command, sandbox):
    if shutil.which(command.words[0]) is None and command.words[0] == "sqlite3":
        pytest.skip("sqlite3 is not installed")
    # `init` asks at a terminal only: for the port, if it has none, and then for what it proposes something for.
    terminal, our_end = pty.openpty()
    port = "" if "--port" in command.words else f"{sandbox.port}\n"
    os.write(terminal, f"{port}\n\n\n".encode())
    piped = PIPED.get(command.words[1:3])
    try:
        done = subprocess.run(
            sandbox.prepare(command),
            cwd=sandbox.directory,
            env=sandbox.environment,
            **({"stdin": our_end} if piped is None else {"input": piped}),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
    finally:
        os.close(our_end)
        os.close(terminal)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout or command.words[0] != "smartmeter"
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", run_with(sign_is_needed=True), ids=str)
def test_it_lives_until_it_is_ended(command, sandbox):
    terminal, our_end = pty.openpty()
    words = sandbox.prepare(command)
    with subprocess.Popen(
        words, cwd=sandbox.directory, env=sandbox.environment, stdout=our_end, stderr=our_end
    ) as process:
        os.close(our_end)
        try:
            seen = read_until(terminal, sign_of_life(command))
            process.send_signal(signal.SIGINT)
            seen += drain(terminal)
            assert process.wait(PATIENCE_S) == 0, seen[-500:].strip()
        finally:
            process.kill()
            os.close(terminal)
    assert "Traceback" not in seen


def read_until(terminal, pattern):
    """What the program writes, until the pattern is in it."""
    seen, give_up_s = "", time.monotonic() + PATIENCE_S
    while not re.search(pattern, seen):
        assert select.select([terminal], [], [], max(0, give_up_s - time.monotonic()))[0], f"no {pattern} in {seen}"
        chunk = read(terminal)
        assert chunk, f"it ended: {seen}"
        seen += chunk
    return seen


def drain(terminal):
    seen = ""
    while chunk := read(terminal):
        seen += chunk
    return seen


def read(terminal):
    try:
        return os.read(terminal, 65536).decode(errors="replace")
    except OSError:
        # Linux says so when the last program has closed the other end.
        return ""
