"""`triops import`: move in from another tracking server."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from triops.cli.output import ApiKey, AsJson, Url, print_json, table

if TYPE_CHECKING:
    from triops.sdk.importing.tally import Compared

import_app = typer.Typer(help="Move in from elsewhere.", no_args_is_help=True)
Progress = Callable[[str, int], None]


def register(app: typer.Typer) -> None:
    app.add_typer(import_app, name="import")


@import_app.callback()
def group() -> None:
    pass


@import_app.command("mlflow")
def mlflow(
    source: Annotated[
        str, typer.Argument(help="A server's address, a folder mlruns, mlflow.db, or a folder that holds one.")
    ],
    artifacts: Annotated[
        list[Path] | None,
        typer.Option(
            "--artifacts",
            help="A folder that artifacts may be read from; the first is what mlflow-artifacts:/ stands for. "
            "Without it: mlartifacts, mlruns, artifacts beside the database.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only read the source and count.")] = False,
    url: Url = None,
    key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Import experiments, runs, models, traces, evaluations and artifacts from MLflow, with their ids and times.

    It may be stopped and run again: what is here already is not sent anew. At the end what arrived is read back and
    compared with the source; a difference, or a part that had to be left out, is exit status 1.
    """
    from triops.sdk.importing.opening import open_source
    from triops.sdk.importing.source import SourceError

    try:
        opened = open_source(source, artifacts or ())
        try:
            report = _counted(opened, quiet=as_json) if dry_run else _moved(opened, url, key, quiet=as_json)
        finally:
            opened.close()
    except SourceError as error:
        typer.secho(f"triops: {error}", fg="red", err=True)
        raise typer.Exit(1) from error
    if as_json:
        print_json(report)
    else:
        _print(report)
    if not report["equal"] or report["left_out"]:
        raise typer.Exit(1)


def _moved(source: Any, url: str | None, key: str | None, *, quiet: bool) -> dict[str, Any]:
    from triops.sdk.importing.moving import Import
    from triops.sdk.importing.receiver import Receiver
    from triops.sdk.importing.tally import compared
    from triops.sdk.importing.verifying import arrived

    began = time.monotonic()
    receiver = Receiver(url, key)
    try:
        with _progress("moving", quiet=quiet) as progress:
            work = Import(source, receiver, progress)
            work.move()
        with _progress("verifying", quiet=quiet) as progress:
            lines = compared(work.tally, arrived(work, receiver, progress))
    finally:
        receiver.close()
    experiments = [
        {"from": id, "to": answer["to"], "name": answer["name"], "state": answer["state"]}
        for id, answer in work.experiments.items()
    ]
    return {
        "source": source.name,
        "url": receiver.url,
        "equal": all(line.equal for line in lines),
        "kinds": [_line(line) for line in lines],
        "experiments": experiments,
        "runs_present_before": work.present,
        "notes": work.notes(),
        "left_out": source.problems.count + work.problems.count,
        "problems": [*source.problems.texts, *work.problems.texts],
        "seconds": round(time.monotonic() - began, 3),
    }


def _line(line: "Compared") -> dict[str, Any]:
    return {**asdict(line), "equal": line.equal}


def _counted(source: Any, *, quiet: bool) -> dict[str, Any]:
    from triops.sdk.importing.counting import counted
    from triops.sdk.importing.tally import KINDS

    began = time.monotonic()
    with _progress("reading", quiet=quiet) as progress:
        tally = counted(source, progress)
    return {
        "source": source.name,
        "equal": True,
        "dry_run": True,
        "kinds": [{"kind": kind, "there": tally.kinds[kind].count, "size": tally.kinds[kind].size} for kind in KINDS],
        "left_out": source.problems.count,
        "problems": source.problems.texts,
        "seconds": round(time.monotonic() - began, 3),
    }


@contextmanager
def _progress(verb: str, *, quiet: bool) -> Iterator[Progress]:
    """How many of each kind, on standard error; nothing when nobody looks."""
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    done: dict[str, int] = {}
    with Bars(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console, disable=quiet
    ) as bars:
        task = bars.add_task(verb, total=None)

        def progress(kind: str, more: int) -> None:
            done[kind] = done.get(kind, 0) + more
            bars.update(task, description=f"{verb}: " + ", ".join(f"{count:,} {name}" for name, count in done.items()))

        yield progress


def _print(report: Mapping[str, Any]) -> None:
    kinds: Sequence[Mapping[str, Any]] = report["kinds"]
    if report.get("dry_run"):
        table(((k["kind"], f"{k['there']:,}", _bytes(k["size"])) for k in kinds), ("kind", "there #", ""), empty="")
    else:
        rows = (
            (
                k["kind"],
                f"{k['there']:,}",
                f"{k['here']:,}",
                k["there_hash"][:12],
                k["here_hash"][:12],
                "equal" if k["equal"] else "DIFFERENT",
                _bytes(k["size"]),
            )
            for k in kinds
        )
        table(rows, ("kind", "there #", "here #", "hash there", "hash here", "", ""), empty="")
        for kind in kinds:
            if not kind["equal"]:
                typer.secho(f"{kind['kind']} differ: {', '.join(kind['differ'])}", fg="red")
        for one in report["experiments"]:
            if one["from"] != one["to"]:
                typer.echo(f"experiment {one['from']} ({one['name']}) is {one['to']} here ({one['state']})")
        if report["runs_present_before"]:
            typer.echo(f"{report['runs_present_before']:,} runs were here before and stayed as they were")
    for note in report.get("notes", ()):
        typer.echo(note)
    for problem in report["problems"]:
        typer.secho(problem, fg="yellow", err=True)
    if report["left_out"] > len(report["problems"]):
        typer.secho(f"… and {report['left_out'] - len(report['problems']):,} more", fg="yellow", err=True)
    typer.echo(f"{report['seconds']:.1f} s")


def _bytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size else ""
