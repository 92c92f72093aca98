"""`status`, `incidents`, `entities`, `changes`: what is going on."""

from typing import Annotated

import typer

from triops.cli.output import (
    ApiKey,
    AsJson,
    Most,
    Since,
    Until,
    Url,
    ago,
    cause,
    client,
    number,
    print_json,
    stamp,
    table,
)

incidents_app = typer.Typer(help="Incidents: list, show, decide.", no_args_is_help=False)
changes_app = typer.Typer(help="Changes: list, record.")
Why = Annotated[str, typer.Option("--why", "-m", help="The reason, for the timeline.")]


def register(app: typer.Typer) -> None:
    app.command()(status)
    app.command()(entities)
    app.add_typer(incidents_app, name="incidents")
    app.add_typer(changes_app, name="changes")


def status(url: Url = None, key: ApiKey = None, as_json: AsJson = False) -> None:
    """Is anything wrong, and is Triops itself well?"""
    with client(url, key) as api:
        overview, own = api.overview(), api.status()
    if as_json:
        print_json({"overview": overview, "status": own})
        return
    typer.secho(overview["answer"], bold=True)
    table(
        (
            (s["name"], s["health"], number(s["rate"]), number((s["error_ratio"] or 0) * 100), number(s["p95_ms"], 1))
            for s in overview["services"]
        ),
        ("service", "health", "req/s", "errors %", "p95 ms"),
        empty="No service has sent spans yet: set OTEL_EXPORTER_OTLP_ENDPOINT to this server.",
    )
    stored = ", ".join(f"{kind} {u['rows']} rows {u['bytes'] / 1e6:.1f} MB" for kind, u in own["stores"].items())
    typer.echo(f"stored: {stored}")
    for job in own["jobs"]:
        if job["last_error"]:
            typer.secho(f"job {job['name']} fails: {job['last_error']}", fg="yellow")


@incidents_app.callback(invoke_without_command=True)
def incidents(
    context: typer.Context,
    status: Annotated[str, typer.Option(help="active, open, acknowledged, mitigated, resolved, reopened")] = "",
    limit: Most = 20,
    url: Url = None,
    key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """List incidents, newest first."""
    if context.invoked_subcommand:
        return
    with client(url, key) as api:
        found = api.incidents(status=status, limit=limit)
    if as_json:
        print_json({"items": found})
        return
    table(
        ((i["id"], i["status"], i["severity"], ago(i["opened_at"]), i["title"], cause(i)) for i in found),
        ("id", "status", "severity", "opened", "title", "most probable cause"),
        apart=("title", "most probable cause"),
        empty="No incident. Detectors need about a minute of steady traffic before they judge.",
    )


@incidents_app.command("show")
def show(id: str, url: Url = None, key: ApiKey = None, as_json: AsJson = False) -> None:
    """What happened, why, what do we do, did it help?"""
    with client(url, key) as api:
        incident = api.incident(id)
    if as_json:
        print_json(incident)
        return
    typer.secho(f"{incident['title']}  [{incident['status']}, {incident['severity']}]", bold=True)
    typer.echo(f"opened {stamp(incident['opened_at'])}, onset {stamp(incident['onset_at'])}")
    typer.secho("\nWhy", bold=True)
    for hypothesis in incident["hypotheses"]:
        typer.echo(f"  {hypothesis['rank']}. {hypothesis['probability']:.0%}  {hypothesis['title']}")
        for evidence in hypothesis["evidence"]:
            typer.echo(f"       {evidence['weight']:+.1f}  {evidence['text']}")
    typer.secho("\nWhat we do", bold=True)
    for action in incident["actions"]:
        typer.echo(f"  {action['id']}  {action['status']}  {action['title']}: {action['dry_run']}")
        if action["status"] in ("waiting", "suggested"):
            typer.echo(f"       approve: triops incidents approve {action['id']}")
    typer.secho("\nTimeline", bold=True)
    for entry in incident["timeline"]:
        typer.echo(f"  {stamp(entry['at'])}  {entry['text']}  ({entry['author']})")


def _moved(verb: str, id: str, why: str, url: str | None, key: str | None) -> None:
    with client(url, key) as api:
        typer.echo(f"{id} is {api.move_incident(id, verb, why)['status']}")


@incidents_app.command("acknowledge")
def acknowledge(id: str, why: Why = "", url: Url = None, key: ApiKey = None) -> None:
    """Say that somebody looks into it."""
    _moved("acknowledge", id, why, url, key)


@incidents_app.command("resolve")
def resolve(id: str, why: Why = "", url: Url = None, key: ApiKey = None) -> None:
    """Close it."""
    _moved("resolve", id, why, url, key)


@incidents_app.command("reopen")
def reopen(id: str, why: Why = "", url: Url = None, key: ApiKey = None) -> None:
    """Open it again."""
    _moved("reopen", id, why, url, key)


@incidents_app.command("comment")
def comment(id: str, text: str, url: Url = None, key: ApiKey = None) -> None:
    """Add a line to the timeline."""
    with client(url, key) as api:
        api.comment(id, text)
    typer.echo("noted")


@incidents_app.command("approve")
def approve(action: str, why: Why = "", url: Url = None, key: ApiKey = None) -> None:
    """Run a proposed action."""
    with client(url, key) as api:
        done = api.approve(action, why)
    typer.echo(f"{done['id']} is {done['status']}: {done['title']}")


@incidents_app.command("dismiss")
def dismiss(action: str, why: Annotated[str, typer.Option("--why", "-m")], url: Url = None, key: ApiKey = None) -> None:
    """Do not run a proposed action."""
    with client(url, key) as api:
        typer.echo(f"{action} is {api.dismiss(action, why)['status']}")


def entities(
    type: Annotated[str, typer.Option(help="service, host, database, ...")] = "",
    query: Annotated[str, typer.Option("--query", "-q", help="A part of the name.")] = "",
    url: Url = None,
    key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """What is watched."""
    with client(url, key) as api:
        found = api.entities(type=type, q=query)
    if as_json:
        print_json({"items": found})
        return
    table(
        ((e["id"], e["health"], ago(e["first_seen"]), ago(e["last_seen"])) for e in found),
        ("entity", "health", "first seen", "last seen"),
        empty="Nothing has sent anything yet: set OTEL_EXPORTER_OTLP_ENDPOINT to this server.",
    )


@changes_app.callback(invoke_without_command=True)
def changes(
    context: typer.Context,
    since: Since = "-1d",
    until: Until = "",
    entity: Annotated[str, typer.Option(help="type:name")] = "",
    limit: Most = 50,
    url: Url = None,
    key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """List who changed what, newest first."""
    if context.invoked_subcommand:
        return
    with client(url, key) as api:
        found = api.changes(start=since, end=until, entity=entity, limit=limit)
    if as_json:
        print_json({"items": found})
        return
    table(
        ((stamp(c["at"]), c["entity"], c["kind"], c["title"], c["author"]) for c in found),
        ("at", "entity", "kind", "what", "who"),
        empty="No change in this window. A deploy hook is one call: triops changes add service:shop deploy 'v2'",
    )


@changes_app.command("add")
def add(
    entity: Annotated[str, typer.Argument(help="type:name, for example service:pricing")],
    kind: Annotated[str, typer.Argument(help="deploy, config, ...")],
    title: str,
    author: Annotated[str, typer.Option()] = "",
    url: Url = None,
    key: ApiKey = None,
) -> None:
    """Tell Triops of a change."""
    type_, _, name = entity.partition(":")
    with client(url, key) as api:
        typer.echo(api.record_change(type_, name, kind, title, author=author)["id"])
