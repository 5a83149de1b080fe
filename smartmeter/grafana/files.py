"""Files that other programs may read, each as a whole or not at all."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from smartmeter.grafana.errors import GrafanaError

READABLE = 0o644
ENTERABLE = 0o755


def write_files(files: Mapping[Path, str]) -> None:
    """Write them, with the directories that are missing, whatever the umask is.

    Raises GrafanaError for the first that cannot be written.
    """
    for path, text in files.items():
        try:
            _make_directory(path.parent)
            _replace(path, text)
        except OSError as error:
            raise GrafanaError(
                f"{path} cannot be written: {error.strerror}; run it as root, or name another directory with --dir"
            ) from error


def _make_directory(directory: Path) -> None:
    if not directory.is_dir():
        _make_directory(directory.parent)
        directory.mkdir()
        directory.chmod(ENTERABLE)


def _replace(path: Path, text: str) -> None:
    # The name ends like no dashboard's: Grafana looks into the directory at any time.
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, suffix=".new", delete=False) as file:
        temporary = Path(file.name)
        file.write(text)
    try:
        temporary.chmod(READABLE)
        temporary.replace(path)
    except OSError:
        temporary.unlink()
        raise
