"""The data source and the dashboards as files that Grafana reads when it starts.

https://grafana.com/docs/grafana/latest/administration/provisioning/
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from smartmeter.grafana.panels import DATASOURCE_UID
from smartmeter.grafana.postgresql import PostgresqlStore
from smartmeter.settings.model import PostgresqlSettings, SslMode

PASSWORD_VARIABLE = "SMARTMETER_GRAFANA_PASSWORD"  # noqa: S105 the variable's name
FOLDER, FOLDER_UID = "Smartmeter", "smartmeter"
LOOK_EVERY_S = 60
# PostgreSQL 15, the newest that the query builder of Grafana tells apart.
POSTGRESQL_VERSION = 1500
# How long the plugin waits for the daemon's commit, if it ever has to (milliseconds; SQLite's pragma, as the plugin's
# driver modernc.org/sqlite takes it).
JOURNAL_OPTIONS = "_pragma=busy_timeout(5000)"

_LOCAL = ("localhost:", "127.0.0.1:", "[::1]:")

GrafanaSslMode = Literal["disable", "require", "verify-ca", "verify-full"]


@dataclass(frozen=True, slots=True)
class DataSource:
    """A data source as Grafana's API takes it, without secrets; `password_variable` names what holds its password."""

    fields: Mapping[str, Any]
    password_variable: str | None = field(default=None)


def postgresql_source(settings: PostgresqlSettings, host: str, user: str, sslmode: GrafanaSslMode) -> DataSource:
    """The database, at `host` ("name:port") as Grafana sees it, read by `user`."""
    fields = _source(PostgresqlStore.plugin) | {
        "url": host,
        "user": user,
        "database": settings.database,
        "jsonData": {
            "database": settings.database,
            "sslmode": sslmode,
            "postgresVersion": POSTGRESQL_VERSION,
            # Nothing that is asked needs it.
            "timescaledb": False,
        },
    }
    return DataSource(fields, PASSWORD_VARIABLE)


def journal_source(plugin: str, path: str) -> DataSource:
    """The journal, at `path` as Grafana sees it."""
    return DataSource(
        _source(plugin) | {"jsonData": {"path": path, "pathPrefix": "file:", "pathOptions": JOURNAL_OPTIONS}}
    )


def grafana_sslmode(sslmode: SslMode, host: str) -> GrafanaSslMode:
    """What comes nearest in Grafana, which does not know "allow" and "prefer": TLS, unless it is the same machine."""
    if sslmode == "allow" or sslmode == "prefer":  # noqa: PLR1714 mypy understands no "in"
        return "disable" if host.startswith(("/", *_LOCAL)) else "require"
    return sslmode


def address(host: str, port: int) -> str:
    """Host and port as Grafana takes them; `host` may have a port already, or be the directory of a socket."""
    name, _, own_port = host.rpartition(":")
    if host.startswith("/") or (own_port.isdigit() and name and (":" not in name or name.endswith("]"))):
        return host
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"


def provisioning_files(directory: Path, source: DataSource, dashboards: Mapping[str, str]) -> dict[Path, str]:
    """The text of every file below `directory`, Grafana's configuration."""
    lies_at = directory / FOLDER_UID
    datasource = _lines(source.fields)
    if source.password_variable is not None:
        datasource += ["secureJsonData:", f"  password: ${source.password_variable}"]
    provider = {
        "name": FOLDER,
        "folder": FOLDER,
        "folderUid": FOLDER_UID,
        "type": "file",
        "allowUiUpdates": True,
        "updateIntervalSeconds": LOOK_EVERY_S,
        "options": {"path": str(lies_at)},
    }
    return {
        directory / "provisioning" / "datasources" / "smartmeter.yaml": _yaml("datasources", datasource),
        directory / "provisioning" / "dashboards" / "smartmeter.yaml": _yaml("providers", _lines(provider)),
        **{lies_at / f"{uid}.json": text for uid, text in dashboards.items()},
    }


def _source(plugin: str) -> dict[str, Any]:
    return {"name": "Smartmeter", "uid": DATASOURCE_UID, "type": plugin, "access": "proxy", "editable": True}


def _yaml(key: str, lines: Sequence[str]) -> str:
    head = "# Written by `smartmeter grafana provision`, which overwrites it.\napiVersion: 1\n"
    first, *others = lines
    return "\n".join([f"{head}{key}:", f"  - {first}", *(f"    {line}" for line in others)]) + "\n"


def _lines(entry: Mapping[str, Any]) -> list[str]:
    """The mapping as YAML; a scalar of JSON is one of YAML as well."""
    lines = []
    for key, value in entry.items():
        if isinstance(value, Mapping):
            lines += [f"{key}:", *(f"  {line}" for line in _lines(value))]
        else:
            # Grafana replaces $NAME by the variable in whatever it provisions, and $$ by $.
            lines.append(f"{key}: {json.dumps(value, ensure_ascii=False).replace('$', '$$')}")
    return lines
