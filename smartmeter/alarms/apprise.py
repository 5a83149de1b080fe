"""Alarms to everything that Apprise knows, by a process apart: the library takes more memory than the daemon has.

The URL, which holds secrets, goes through a pipe, as the list of processes is open to everyone.
"""

import asyncio
import hashlib
import json
import os
import re
import sys
from asyncio.subprocess import DEVNULL, PIPE
from contextlib import suppress
from pathlib import Path
from typing import Final

import smartmeter
from smartmeter.alarms.apprise_process import MISSING, NO_SERVICE, NOT_DELIVERED
from smartmeter.alarms.delivery import RefusedError, UndeliveredError

# Without the directory that it is started in: whatever lies there is not ours.
COMMAND: Final = (sys.executable, "-P", "-m", "smartmeter.alarms.apprise_process")
TIME_LIMIT_S: Final = 120.0
_TITLE: Final = "Smartmeter"
_NAME_DIGITS: Final = 12
_SCHEME: Final = re.compile(r"([a-zA-Z][a-zA-Z0-9_-]{0,20})://")


def recipient_of(url: str) -> str:
    """A name that tells the service, and this URL from others, but nothing that is secret."""
    # Without a scheme anything may stand there, also a password.
    found = _SCHEME.match(url)
    scheme = found[1].lower() if found else "unknown"
    return f"apprise:{scheme}:{hashlib.sha256(url.encode()).hexdigest()[:_NAME_DIGITS]}"


async def send_by_apprise(url: str, text: str) -> None:
    """Send the text to one URL. Raises UndeliveredError, or RefusedError if Apprise does not know such a service."""
    order = json.dumps({"url": url, "title": _TITLE, "body": text}).encode()
    packages = os.pathsep.join(filter(None, (str(Path(smartmeter.__file__).parents[1]), os.environ.get("PYTHONPATH"))))
    try:
        process = await asyncio.create_subprocess_exec(
            *COMMAND, stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL, env=os.environ | {"PYTHONPATH": packages}
        )
    except OSError as error:
        raise UndeliveredError(f"the process that sends cannot be started: {error.strerror or error}") from None
    try:
        async with asyncio.timeout(TIME_LIMIT_S):
            await process.communicate(order)
    except TimeoutError:
        raise UndeliveredError(f"nobody has answered within {TIME_LIMIT_S:g} s") from None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    _raise_for(process.returncode)


def _raise_for(status: int | None) -> None:
    if status == MISSING:
        raise UndeliveredError("Apprise is missing; install it: make extras")
    if status == NO_SERVICE:
        raise RefusedError("Apprise knows no service with such a URL")
    if status == NOT_DELIVERED:
        raise UndeliveredError("the service did not take it")
    if status != 0:
        raise UndeliveredError("the process that sends has failed")
