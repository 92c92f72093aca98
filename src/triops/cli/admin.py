"""`triops key`, `triops doctor`: keys, and whether all is as it should be."""

import asyncio
import os
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from triops import __version__
from triops.cli.output import ApiKey, AsJson, Url, ago, client, print_json, table
from triops.kernel.tenant import DEFAULT_PROJECT, Role, project_id
from triops.sdk import ApiError, Unreachable

key_app = typer.Typer(help="API keys.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(key_app, name="key")
    app.command()(doctor)


@key_app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="The key's name; with --gateway: of a document of kind Key.")],
    gateway: Annotated[
        bool, typer.Option("--gateway", help="A secret for calls of models, with what the Key document allows.")
    ] = False,
    role: Annotated[
        Role, typer.Option(help="ingest may only send, viewer only read, editor both, admin all.")
    ] = Role.ADMIN,
    project: Annotated[str, typer.Option(help="With --data: the project of the key.")] = DEFAULT_PROJECT,
    data: Annotated[
        Path | None, typer.Option(help="The data folder of a server that is not running: makes the key offline.")
    ] = None,
    url: Url = None,
    key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Make a key. Its secret is printed once, here, and stored nowhere."""
    if gateway:
        made = _gateway_key(name, project, data, url, key)
    elif data is not None:
        from triops.server import create_key_offline

        secret = asyncio.run(create_key_offline(data, project_id(project), role, name))
        made = {"secret": secret, "role": role, "name": name}
    else:
        with client(url, key) as api:
            answer = api.create_key(name, role)
        made = {"secret": answer["secret"], **answer["key"]}
    if as_json:
        print_json(made)
    else:
        typer.echo(made["secret"])


def _gateway_key(name: str, project: str, data: Path | None, url: str | None, key: str | None) -> dict[str, Any]:
    if data is not None:
        from triops.server import create_gateway_key_offline

        return {"secret": asyncio.run(create_gateway_key_offline(data, project_id(project), name)), "key": name}
    with client(url, key) as api:
        return api.create_gateway_key(name)


@key_app.command("list")
def list_keys(
    gateway: Annotated[bool, typer.Option("--gateway", help="Those for calls of models.")] = False,
    url: Url = None,
    key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Keys, without their secrets."""
    with client(url, key) as api:
        keys = api.gateway_keys() if gateway else api.keys()
    if as_json:
        print_json({"items": keys})
        return
    table(
        (
            (
                k["id"],
                k["key"] if gateway else k["name"],
                "gateway" if gateway else k["role"],
                f"…{k['hint']}",
                ago(k["created_at"]),
                "revoked" if k["revoked_at"] else "live",
            )
            for k in keys
        ),
        ("id", "name", "role", "secret", "created", "state"),
        empty="No gateway key. Apply a document of kind Key, then: triops key create --gateway NAME"
        if gateway
        else "No key: the server answers to this machine only. Make one: triops key create me --role admin",
    )


@key_app.command("revoke")
def revoke(id: str, url: Url = None, key: ApiKey = None) -> None:
    """Revoke a key, at once."""
    with client(url, key) as api:
        if id.startswith("gk_"):
            api.revoke_gateway_key(id)
        else:
            api.revoke_key(id)
    typer.echo(f"{id} is revoked")


@key_app.command("rotate")
def rotate(
    id: Annotated[str, typer.Argument(help="A secret of a gateway key: gk_…, as triops key list --gateway tells.")],
    grace_s: Annotated[float, typer.Option(help="Seconds that the present secret is good beside the new one.")] = 0,
    url: Url = None,
    key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Another secret in the place of this one. It is printed once, here."""
    with client(url, key) as api:
        made = api.rotate_gateway_key(id, grace_s)
    if as_json:
        print_json(made)
    else:
        typer.echo(made["secret"])


def doctor(url: Url = None, key: ApiKey = None, as_json: AsJson = False) -> None:
    """Check this machine and the server; exit 1 if something is wrong."""
    checks = [{"check": name, "ok": ok, "told": told} for name, ok, told in _checks(url, key)]
    if as_json:
        print_json({"items": checks})
    else:
        for check in checks:
            typer.secho(
                f"{'ok ' if check['ok'] else 'BAD'}  {check['check']}: {check['told']}",
                fg=None if check["ok"] else "red",
            )
    if not all(check["ok"] for check in checks):
        raise typer.Exit(1)


def _checks(url: str | None, key: str | None) -> Iterator[tuple[str, bool, str]]:
    yield "version", True, f"triops {__version__}, Python {sys.version.split()[0]}"
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT",):
        yield name, True, os.environ.get(name) or "not set in this shell"
    with client(url, key) as api:
        try:
            own = api.status()
        except Unreachable as error:
            with socket.socket() as probe:
                probe.settimeout(1)
                taken = probe.connect_ex(("127.0.0.1", 7333)) == 0
            yield "server", False, f"{error}" + ("; something else listens on 7333" if taken else "")
            return
        except ApiError as error:
            yield "server", False, f"{api.url}: {error}"
            return
    yield "server", True, f"{api.url}, project {own['project']}, role {own['role']}, auth {own['auth']}"
    yield "clock", abs(own["now"] - time.time()) < 60, f"{own['now'] - time.time():+.1f} s against this machine"
    free = shutil.disk_usage(own["data_dir"]).free if Path(own["data_dir"]).is_dir() else None
    if free is not None:
        yield "disk", free > 1 << 30, f"{free / 1e9:.1f} GB free beside {own['data_dir']}"
    for job in own["jobs"]:
        if job["last_error"]:
            yield f"job {job['name']}", False, job["last_error"]
    for refused in own["received"]["refused"]:
        yield f"refused {refused['kind']}", True, f"{refused['count']}: {refused['reason']}"
