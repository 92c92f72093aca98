"""`triops prompts`: prompts, their versions, what differs, what a label stands for."""

import json
from typing import Annotated, Any

import typer

from triops.cli.moving import Why, tell_history, tell_move
from triops.cli.output import ApiKey, AsJson, Most, Url, ago, client, print_json, table
from triops.kernel.errors import Invalid
from triops.kernel.prompts.sharing import share_from

prompts_app = typer.Typer(help="Prompts: list, show, diff, label, undo, render.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(prompts_app, name="prompts")


@prompts_app.command("list")
def list_prompts(
    query: Annotated[str, typer.Option("--query", "-q", help="A part of the name.")] = "",
    limit: Most = 100,
    url: Url = None,
    key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """List prompts."""
    with client(url, key) as api:
        found = api.prompts(q=query, most=limit)
    if as_json:
        print_json({"items": found})
        return
    rows = ((p["name"], p["versions"], p["latest"] or "—", _labels(p), ago(p["updated_at"])) for p in found)
    empty = "No prompt yet: triops apply a document of kind Prompt, or mlflow.genai.register_prompt(…)"
    table(rows, ("prompt", "versions #", "latest", "labels", "updated"), empty=empty)


@prompts_app.command("show")
def show(
    name: str,
    version: Annotated[str, typer.Option("--version", "-v", help="A number; the newest without it.")] = "latest",
    limit: Most = 20,
    url: Url = None,
    key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """A prompt, one version in full, and what was done to it."""
    with client(url, key) as api:
        prompt, versions = api.prompt(name), api.prompt_versions(name, limit=limit)
        shown = api.prompt_version(name, version) if versions else None
        history = api.prompt_history(name, limit=limit)
    if as_json:
        print_json({"prompt": prompt, "version": shown, "versions": versions, "history": history})
        return
    typer.secho(prompt["name"], bold=True)
    if prompt["description"]:
        typer.echo(prompt["description"])
    rows = ((v["version"], ", ".join(v["labels"]), v["created_by"], ago(v["created_at"]), v["note"]) for v in versions)
    table(rows, ("version", "labels", "by", "made", "note"), empty="No version.")
    if shown is not None:
        typer.secho(f"\nVersion {shown['version']}", bold=True)
        _content(shown)
    tell_history(history, "label")


@prompts_app.command("diff")
def diff(
    name: str,
    before: Annotated[str, typer.Argument(help="A version.")],
    after: Annotated[str, typer.Argument(help="A version, or latest.")] = "latest",
    url: Url = None,
    key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """What differs between two versions."""
    with client(url, key) as api:
        found = api.prompt_diff(name, before, after)
    if as_json:
        print_json(found)
        return
    for text in found["texts"]:
        typer.secho(text["where"], bold=True)
        for line in text["lines"]:
            typer.secho(line, fg={"+": "green", "-": "red", "@": "cyan"}.get(line[:1]))
    for field in found["fields"]:
        typer.echo(f"{field['where']}: {json.dumps(field['before'])} → {json.dumps(field['after'])}")
    if not found["texts"] and not found["fields"]:
        typer.echo("No difference.")


@prompts_app.command("label")
def label(
    name: str,
    label: str,
    version: Annotated[str, typer.Argument(help="A version, or a share of traffic: 1:90,2:10.")],
    why: Why = "",
    url: Url = None,
    key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Move a label. Where a gate wants approval it is asked for; exit 1 where a gate refuses."""
    try:
        share = share_from(version, "version")
    except Invalid as error:
        raise typer.BadParameter(f"{error.message}: {version}; a version, or percents: 1:90,2:10") from None
    with client(url, key) as api:
        if len(share) == 1:
            move = api.move_label(name, label, next(iter(share)), why=why)
        else:
            move = api.move_label(name, label, share={str(v): percent for v, percent in share.items()}, why=why)
    tell_move(f"{name}@{move['label']}", move, move["approval"], as_json=as_json)


@prompts_app.command("undo")
def undo(name: str, label: str, why: Why = "", url: Url = None, key: ApiKey = None, as_json: AsJson = False) -> None:
    """Put a label back on what it stood for before."""
    with client(url, key) as api:
        move = api.undo_label(name, label, why=why)
    tell_move(f"{name}@{move['label']}", move, move["approval"], as_json=as_json)


@prompts_app.command("render")
def render(
    name: str,
    variables: Annotated[list[str] | None, typer.Argument(help="NAME=VALUE; JSON where it is some, else text.")] = None,
    label: Annotated[str, typer.Option("--label", "-l", help="production without it.")] = "",
    version: Annotated[int | None, typer.Option("--version", "-v", min=1)] = None,
    url: Url = None,
    key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """A version with its variables filled in."""
    given = dict(_variable(text) for text in variables or [])
    with client(url, key) as api:
        found = api.render_prompt(name, given, version=version, label=label)
    if as_json:
        print_json(found)
    else:
        _content(found)


def _variable(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise typer.BadParameter(f"{text!r} is not NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _content(version: dict[str, Any]) -> None:
    if version.get("text") is not None:
        typer.echo(version["text"])
    for message in version.get("messages", ()):
        typer.secho(f"{message['role']}:", fg="cyan")
        typer.echo(f"  {message['content']}")
    for name in ("model", "settings", "variables"):
        if version.get(name):
            typer.echo(f"{name}: {json.dumps(version[name])}")


def _labels(prompt: dict[str, Any]) -> str:
    shown = []
    for label, version in sorted(prompt["labels"].items()):
        share = prompt["shares"].get(label)
        said = " ".join(f"{v}:{percent}%" for v, percent in share.items()) if share else str(version)
        shown.append(f"{label}={said}")
    return ", ".join(shown) or "—"
