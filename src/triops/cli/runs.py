"""`triops runs`: list, show where one came from, and what is different between some."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from triops.cli.output import ApiKey, AsJson, Most, Url, ago, client, print_json, stamp, table

runs_app = typer.Typer(help="Runs of experiments: list, show, compare.", no_args_is_help=True)
_CELL = 60


def register(app: typer.Typer) -> None:
    app.add_typer(runs_app, name="runs")


@runs_app.command("list")
def list_runs(
    experiment: Annotated[
        list[str] | None, typer.Option("--experiment", "-e", help="Id or name of an experiment; may be repeated.")
    ] = None,
    filter: Annotated[
        str, typer.Option("--filter", "-f", help="MLflow's language: metrics.loss < 0.1 and params.lr = '0.01'.")
    ] = "",
    order_by: Annotated[
        list[str] | None, typer.Option("--order-by", help="For example: metrics.loss ASC; may be repeated.")
    ] = None,
    limit: Most = 50,
    url: Url = None,
    key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """List runs, newest first."""
    with client(url, key) as api:
        ids = [api.experiment_id(one) for one in experiment or ()]
        found = api.runs(experiment=ids, filter=filter, order_by=order_by or [], limit=limit)
    if as_json:
        print_json(found)
        return
    rows = (
        (
            run["id"],
            run["experiment_name"],
            run["name"],
            run["status"].lower(),
            run["user"],
            ago(run["start_at"]),
            _few(run["metrics"]),
        )
        for run in found["items"]
    )
    empty = "No run. Set MLFLOW_TRACKING_URI to this server and train: docs/how-to/track-experiments.md"
    table(rows, ("run", "experiment", "name", "status", "user", "started", "metrics"), empty=empty)


@runs_app.command("show")
def show(id: str, url: Url = None, key: ApiKey = None, as_json: AsJson = False) -> None:
    """A run, its params and metrics, and where it came from: code, packages, Python, machine, command, seed, inputs."""
    with client(url, key) as api:
        run, provenance = api.run(id), api.provenance(id)
    if as_json:
        print_json({"run": run, "provenance": provenance})
        return
    typer.secho(f"{run['name']}  [{run['status'].lower()}]  {run['id']}", bold=True)
    ended = f", ended {stamp(run['end_at'])}" if run["end_at"] is not None else ""
    typer.echo(f"by {run['user'] or 'somebody'}, started {stamp(run['start_at'])}{ended}")
    typer.secho("\nParams", bold=True)
    for name, value in sorted(run["params"].items()):
        typer.echo(f"  {name} = {value}")
    typer.secho("\nMetrics", bold=True)
    for name, latest in sorted(run["metrics"].items()):
        typer.echo(f"  {name} = {latest['value']}  (step {latest['step']})")
    _show_provenance(provenance)


@runs_app.command("diff")
def diff(
    runs: Annotated[list[str], typer.Argument(help="2 to 10 runs.", metavar="RUN...")],
    everything: Annotated[bool, typer.Option("--all", help="Also what is the same.")] = False,
    url: Url = None,
    key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """What is different between runs: params, metrics, code, packages, machine."""
    with client(url, key) as api:
        found = api.diff_runs(runs)
    if as_json:
        print_json(found)
        return
    names = [f"{run['name']} {run['id'][:8]}" for run in found["runs"]]
    for part in ("params", "metrics", "provenance", "packages"):
        rows = [row for row in found[part] if everything or not row["same"]]
        if rows:
            typer.secho(f"\n{part}", bold=True)
            table(([row["key"], *map(_cell, row["values"])] for row in rows), ["", *names], empty="")
    if not any(not row["same"] for part in ("params", "metrics", "provenance", "packages") for row in found[part]):
        typer.echo("no difference")


def _show_provenance(one: Mapping[str, Any]) -> None:
    code = one["code"]
    typer.secho("\nWhere it came from", bold=True)
    state = {True: ", with changes that are not committed", False: ", clean", None: ""}[code["dirty"]]
    told = {
        "code": f"{code['version']}{' (' + code['branch'] + ')' if code['branch'] else ''}{state}",
        "repository": code["repository"],
        "command": one["command"],
        "python": one["python"],
        "seed": one["seed"],
        **{name: value for name, value in one["machine"].items() if name != "host"},
        "host": one["host"],
    }
    for name, value in told.items():
        if value:
            typer.echo(f"  {name}: {value}")
    for data in one["inputs"]:
        typer.echo(f"  input: {data['dataset']['name']} ({data['dataset']['digest']}) {data['dataset']['source']}")
    if code["diff"]:
        typer.secho("\nNot committed", bold=True)
        typer.echo(code["diff"])
    if one["packages"]:
        typer.secho(f"\n{len(one['packages'])} packages", bold=True)
        typer.echo("  " + ", ".join(f"{name} {version}".strip() for name, version in sorted(one["packages"].items())))
    if not one["recorded"]:
        typer.secho("\nMore is known of runs whose script calls triops.track().", dim=True)


def _few(metrics: Mapping[str, Mapping[str, Any]]) -> str:
    shown = [f"{name}={latest['value']}" for name, latest in sorted(metrics.items())]
    return ", ".join(shown[:3]) + (f", … {len(shown) - 3} more" if len(shown) > 3 else "")


def _cell(value: Any) -> str:
    if value is None:
        return "—"
    lines: Sequence[str] = str(value).splitlines() or [""]
    more = len(lines) > 1 or len(lines[0]) > _CELL
    return lines[0][:_CELL] + (" …" if more else "")
