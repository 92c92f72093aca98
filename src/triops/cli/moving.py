"""Labels of prompts and aliases of models: how a move is told, and what was done before."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import typer

from triops.cli.output import print_json, stamp

Why = Annotated[str, typer.Option("--why", "-m", help="The reason, for the history.")]


def tell_move(what: str, move: Mapping[str, Any], approval: str, *, as_json: bool) -> None:
    """`what`: `name@label`; `approval`: of a move that waits. Exit 1 where a gate refuses."""
    if as_json:
        print_json(move)
    elif move["state"] == "moved":
        typer.echo(f"{what} is {move['to'] or 'gone'} (was {move['from'] or 'none'})")
    elif move["state"] == "waiting":
        typer.echo(f"{what} waits for approval: triops models approve {approval}")
    else:
        typer.secho(f"{what} stays {move['from'] or 'none'}: a gate refuses", fg="red", err=True)
    if not as_json:
        for reason in move["reasons"]:
            typer.echo(f"  {reason}")
    if move["state"] == "refused":
        raise typer.Exit(1)


def tell_history(steps: Iterable[Mapping[str, Any]], moving: str) -> None:
    """`moving`: the member that names what moved, `label` or `alias`."""
    typer.secho("\nHistory", bold=True)
    for step in steps:
        moved = f" {step[moving]} {step['from'] or 'none'} → {step['to'] or 'none'}" if step[moving] else ""
        typer.echo(f"  {stamp(step['at'])}  {step['kind']}{moved}  by {step['who']}  {step['why']}".rstrip())
