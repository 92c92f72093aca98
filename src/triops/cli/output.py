"""How commands answer: tables for people, `--json` for programs; and the options that reading commands share."""

import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import typer

from triops.kernel.clock import rfc3339
from triops.sdk import Client

Url = Annotated[
    str | None, typer.Option("--url", envvar="TRIOPS_URL", help="The server; default http://127.0.0.1:7333.")
]
ApiKey = Annotated[
    str | None, typer.Option("--key", envvar="TRIOPS_KEY", show_envvar=True, help="An API key, where keys are needed.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Most = Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="Rows at most.")]
Since = Annotated[str, typer.Option("--since", help="From: -15m, -2h, RFC 3339, or unix seconds.")]
Until = Annotated[str, typer.Option("--until", help="To; now when absent.")]


def client(url: str | None, key: str | None) -> Client:
    return Client(url, key)


def print_json(value: Any) -> None:
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False, default=str)
    sys.stdout.write("\n")


def table(rows: Iterable[Sequence[Any]], columns: Sequence[str], *, empty: str) -> None:
    """A table as wide as the terminal; `empty` says what would be here and how to get it."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    shown = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        shown.add_column(
            column, justify="right" if column.endswith(("ms", "%", "/s", "#")) else "left", overflow="fold"
        )
    count = 0
    for row in rows:
        shown.add_row(*(escape(str(cell)) for cell in row))
        count += 1
    console = Console()
    if count:
        console.print(shown)
    else:
        console.print(f"[dim]{escape(empty)}[/dim]")


def ago(at: float | None) -> str:
    """`3m ago`; an em dash for none."""
    if at is None:
        return "—"
    seconds = time.time() - at
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if abs(seconds) >= size:
            return f"{seconds / size:.0f}{unit} ago"
    return f"{seconds:.0f}s ago"


def stamp(at: float | None) -> str:
    return rfc3339(at) if at is not None else "—"


def number(value: Any, digits: int = 2) -> str:
    return "—" if value is None else f"{value:.{digits}f}"


def cause(incident: Mapping[str, Any]) -> str:
    """The first hypothesis in one line."""
    if not incident["hypotheses"]:
        return "—"
    first = incident["hypotheses"][0]
    return f"{first['title']} ({first['probability']:.0%})"
