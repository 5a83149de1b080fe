#!/usr/bin/env python3
"""The starter that the users of the original know: `python3 smartmeter.py`.

The same program as `python3 -m smartmeter` and the installed command `smartmeter`. It uses the virtual environment
beside it if there is one.
"""

import importlib.util
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
OWN_PYTHON = HERE / ".venv" / "bin" / "python"
NEEDED = ("pydantic", "serial")


def main() -> int:
    """Start the program, or say in one line what is missing."""
    if sys.version_info < (3, 11):  # noqa: UP036 - an older Python is just what this is for
        print("smartmeter: Python 3.11 or newer is needed; this is " + sys.version.split()[0], file=sys.stderr)
        return 1
    if any(importlib.util.find_spec(name) is None for name in NEEDED):
        if OWN_PYTHON.exists() and Path(sys.prefix) != OWN_PYTHON.parent.parent:
            os.execv(OWN_PYTHON, [str(OWN_PYTHON), *sys.argv])  # noqa: S606 - the same program, no shell
        print(f"smartmeter: its libraries are missing; install them with: make -C {HERE} setup", file=sys.stderr)
        return 1
    from smartmeter.cli.main import main as front_door  # noqa: PLC0415 - only now is it known to be importable

    return front_door()


if __name__ == "__main__":
    sys.exit(main())
