"""`smartmeter grafana`: dashboards, as files for Grafana or into a running one."""

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from smartmeter.cli.options import add_config_option, load_settings_from
from smartmeter.grafana.errors import GrafanaError
from smartmeter.settings.model import Settings

if TYPE_CHECKING:
    from smartmeter.grafana.provisioning import DataSource
    from smartmeter.grafana.store import Store

EXAMPLES = """\
  smartmeter grafana provision --dir /etc/grafana
  smartmeter grafana provision --dir /etc/grafana --source sqlite --language de
  smartmeter grafana push --help

`provision` writes files that Grafana reads when it starts. `push` takes the same to a running Grafana:
smartmeter grafana push --url http://localhost:3000 --token-file grafana_token
The password of the database comes from the variable SMARTMETER_GRAFANA_PASSWORD and is never written into a file.
"""
TOKEN_VARIABLE = "SMARTMETER_GRAFANA_TOKEN"  # noqa: S105 the variable's name
USER = "grafana"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    provision = actions.add_parser("provision", help="write the files that Grafana reads when it starts")
    provision.add_argument(
        "--dir",
        type=Path,
        required=True,
        metavar="DIR",
        help="Grafana's configuration, such as /etc/grafana: provisioning/ and smartmeter/ in it are written",
    )
    push = actions.add_parser("push", help="take data source and dashboards to a running Grafana")
    push.add_argument("--url", required=True, help="Grafana's address, such as http://localhost:3000")
    token = push.add_mutually_exclusive_group()
    token.add_argument("--token-file", type=Path, metavar="FILE", help="a file with a token of a service account")
    token.add_argument(
        "--token",
        help=f"the token itself: others on this machine see it; rather use a file, or the variable {TOKEN_VARIABLE}",
    )
    for action in (provision, push):
        _add_source_options(action)
        add_config_option(action)


def _add_source_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what is asked, and how it is shown")
    group.add_argument(
        "--source",
        choices=("postgresql", "sqlite"),
        help="where Grafana looks: the database (default, if the settings have one) or the journal",
    )
    group.add_argument("--language", choices=("en", "de"), help="of titles (default: the settings')")
    group.add_argument(
        "--columns", choices=("en", "de"), help="names of the database's columns (default: the settings')"
    )
    group.add_argument(
        "--host", metavar="HOST[:PORT]", help="the database as Grafana sees it (default: as the settings have it)"
    )
    group.add_argument("--user", help=f"the database user that Grafana reads as (default {USER})")
    group.add_argument(
        "--sslmode",
        choices=("disable", "require", "verify-ca", "verify-full"),
        help="how Grafana connects (default: as the settings have it, as far as Grafana knows it)",
    )
    group.add_argument(
        "--path", metavar="FILE", help="the journal as Grafana sees it (default: as the settings have it)"
    )


def main(args: argparse.Namespace) -> int:
    settings = load_settings_from(args)
    if args.source is None:
        args.source = "sqlite" if settings.postgresql is None else "postgresql"
    # The SDK takes its time: only now is it sure that it is needed.
    from smartmeter.grafana.dashboards import dashboards  # noqa: PLC0415
    from smartmeter.grafana.facts import facts_of  # noqa: PLC0415

    store, source = _postgresql(args, settings) if args.source == "postgresql" else _journal(args, settings)
    made = dashboards(facts_of(settings, args.language or settings.language), store)
    return _provision(args, source, made) if args.action == "provision" else _push(args, source, made)


def _postgresql(args: argparse.Namespace, settings: Settings) -> tuple["Store", "DataSource"]:
    from smartmeter.grafana.postgresql import PostgresqlStore  # noqa: PLC0415
    from smartmeter.grafana.provisioning import address, grafana_sslmode, postgresql_source  # noqa: PLC0415

    database = settings.postgresql
    if database is None:
        raise GrafanaError(f"{settings.source} has no [postgresql]; add it, or ask the journal with --source sqlite")
    if args.path is not None:
        raise GrafanaError("--path is about the journal; with the database use --host, or add --source sqlite")
    host = address(args.host or database.host, database.port)
    sslmode = args.sslmode or grafana_sslmode(database.sslmode, host)
    store = PostgresqlStore(database.schema, database.table, args.columns or settings.language, settings.timezone)
    return store, postgresql_source(database, host, args.user or USER, sslmode)


def _journal(args: argparse.Namespace, settings: Settings) -> tuple["Store", "DataSource"]:
    from smartmeter.grafana.journal import JournalStore  # noqa: PLC0415
    from smartmeter.grafana.provisioning import journal_source  # noqa: PLC0415

    given = [f"--{name}" for name in ("columns", "host", "user", "sslmode") if getattr(args, name) is not None]
    if given:
        raise GrafanaError(f"{given[0]} is about the database; leave it out where the journal is asked")
    path = args.path or str(settings.journal.path.absolute())
    return JournalStore(settings.timezone), journal_source(JournalStore.plugin, path)


def _provision(args: argparse.Namespace, source: "DataSource", made: Mapping[str, str]) -> int:
    from smartmeter.grafana.files import write_files  # noqa: PLC0415
    from smartmeter.grafana.provisioning import provisioning_files  # noqa: PLC0415

    files = provisioning_files(args.dir.absolute(), source, made)
    write_files(files)
    for path in files:
        print(f"Wrote {path}")
    if source.password_variable is not None:
        print(
            f"Give Grafana's process the password of {source.fields['user']} in the variable "
            f"{source.password_variable} (docs/grafana.md), and start it anew."
        )
    else:
        print("Grafana needs the plugin frser-sqlite-datasource and the right to read the journal; start it anew.")
    return 0


def _push(args: argparse.Namespace, source: "DataSource", made: Mapping[str, str]) -> int:
    from smartmeter.grafana.api import grafana, push_dashboards, push_datasource  # noqa: PLC0415

    to = grafana(args.url, _token(args))
    password = None if source.password_variable is None else os.environ.get(source.password_variable)
    push_datasource(to, source, password)
    print(f"Data source {source.fields['name']} is in Grafana at {to.url}.")
    push_dashboards(to, made)
    for uid in made:
        print(f"{to.url}/d/{uid}")
    if password is None and source.password_variable is not None:
        print(
            f"{source.password_variable} is not set: if the data source is new, type the password of "
            f"{source.fields['user']} into it in Grafana."
        )
    return 0


def _token(args: argparse.Namespace) -> str:
    if args.token is not None:
        return str(args.token)
    if args.token_file is None:
        token = os.environ.get(TOKEN_VARIABLE)
        if not token:
            raise GrafanaError(f"there is no token; name a file with --token-file, or set {TOKEN_VARIABLE}")
        return token.strip()
    try:
        return str(args.token_file.read_text("utf-8")).strip()
    except OSError as error:
        raise GrafanaError(f"{args.token_file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise GrafanaError(f"{args.token_file} is not a text; put the token alone into it") from None
