"""`triops models`: registered models, their versions, who may move an alias and who did."""

from typing import Annotated, Any

import typer

from triops.cli.moving import Why, tell_history, tell_move
from triops.cli.output import ApiKey, AsJson, Most, Url, ago, client, print_json, table

models_app = typer.Typer(help="Registered models: list, show, promote, approve.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(models_app, name="models")


@models_app.command("list")
def list_models(
    query: Annotated[str, typer.Option("--query", "-q", help="A part of the name.")] = "",
    limit: Most = 100,
    url: Url = None,
    key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """List registered models."""
    with client(url, key) as api:
        found = api.models(q=query, limit=limit)
    if as_json:
        print_json({"items": found})
        return
    rows = ((m["name"], m["versions"], m["latest"] or "—", _aliases(m["aliases"]), ago(m["updated_at"])) for m in found)
    empty = "No model is registered: mlflow.register_model, or log_model(…, registered_model_name=…)"
    table(rows, ("model", "versions #", "latest", "aliases", "updated"), empty=empty)


@models_app.command("show")
def show(name: str, limit: Most = 20, url: Url = None, key: ApiKey = None, as_json: AsJson = False) -> None:
    """A model, its versions, requests that wait for approval, and what was done to it."""
    with client(url, key) as api:
        model, versions = api.model(name), api.model_versions(name, limit=limit)
        waiting = api.approvals(model=name, state="waiting")
        history = api.model_history(name, limit=limit)
    if as_json:
        print_json({"model": model, "versions": versions, "approvals": waiting, "history": history})
        return
    typer.secho(model["name"], bold=True)
    if model["description"]:
        typer.echo(model["description"])
    rows = (
        (
            v["version"],
            v["stage"],
            ", ".join(v["aliases"]),
            (v["run"] or "—")[:8],
            v["user"] or "—",
            ago(v["created_at"]),
        )
        for v in versions
    )
    table(rows, ("version", "stage", "aliases", "run", "by", "registered"), empty="No version.")
    for one in waiting:
        typer.secho(
            f"\n{one['id']} waits: {one['alias']} from {one['from'] or 'none'} to {one['to'] or 'none'}", bold=True
        )
        typer.echo(f"  asked by {one['asked_by']} {ago(one['asked_at'])}: {one['why'] or 'no reason given'}")
        for check in one["checks"]:
            typer.echo(f"  {'ok ' if check['passed'] else 'BAD'}  {check['text']}")
        typer.echo(f"  triops models approve {one['id']}   or   triops models reject {one['id']}")
    tell_history(history, "alias")


@models_app.command("promote")
def promote(
    name: str,
    version: Annotated[str, typer.Argument(help="The version that the alias shall name.")],
    alias: Annotated[str, typer.Option("--alias", "-a", help="For example champion.")],
    why: Why = "",
    url: Url = None,
    key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Move an alias to a version. Where a gate wants approval it is asked for; exit 1 where a gate refuses."""
    with client(url, key) as api:
        move = api.move_alias(name, alias, version, why=why)
    tell_move(f"{name}@{alias}", move, (move["approval"] or {}).get("id", ""), as_json=as_json)


@models_app.command("undo")
def undo(
    name: str,
    alias: Annotated[str, typer.Option("--alias", "-a")],
    why: Why = "",
    url: Url = None,
    key: ApiKey = None,
) -> None:
    """Put an alias back on what it named before."""
    with client(url, key) as api:
        move = api.undo_alias(name, alias, why=why)
    typer.echo(f"{name}@{alias}: {move['state']}, {move['from'] or 'none'} → {move['to'] or 'none'}")


@models_app.command("approve")
def approve(approval: str, why: Why = "", url: Url = None, key: ApiKey = None) -> None:
    """Agree to a move that waits: the alias moves."""
    _decided("approve", approval, why, url, key)


@models_app.command("reject")
def reject(approval: str, why: Why = "", url: Url = None, key: ApiKey = None) -> None:
    """Refuse a move that waits: the alias stays."""
    _decided("reject", approval, why, url, key)


def _decided(verb: str, approval: str, why: str, url: str | None, key: str | None) -> None:
    with client(url, key) as api:
        decided = api.decide_approval(approval, verb, why)
    typer.echo(f"{decided.get('id', approval)} is {decided['state']}")


def _aliases(aliases: dict[str, Any]) -> str:
    return ", ".join(f"{alias}={version}" for alias, version in sorted(aliases.items())) or "—"
