"""How commands answer: tables for people, `--json` for programs; and the options that reading commands share."""

import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from triops.kernel.clock import rfc3339
from triops.sdk import Client

if TYPE_CHECKING:
    from rich.table import Table

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

_UNBOUNDED = 10_000  # columns of a terminal


def client(url: str | None, key: str | None) -> Client:
    return Client(url, key)


def print_json(value: Any) -> None:
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False, default=str)
    sys.stdout.write("\n")


def table(rows: Iterable[Sequence[Any]], columns: Sequence[str], *, empty: str, apart: Sequence[str] = ()) -> None:
    """A table as wide as the terminal; `empty` says what would be here and how to get it. Numbers stand to the right:
    columns of `ms`, `%`, `/s`, and those marked ` #`. `apart`: columns that stand above the rest of their row where
    the terminal is too narrow for all of them side by side."""
    from rich.console import Console
    from rich.text import Text

    console = Console()
    cells = [[" ".join(str(cell).splitlines()) for cell in row] for row in rows]
    if not cells:
        console.print(Text(empty, style="dim"))
        return
    whole = _table(cells, columns)
    unbounded = console.options.update(width=_UNBOUNDED)
    if not apart or console.measure(whole, options=unbounded).maximum <= console.width:
        console.print(whole)
        return
    above = [i for i, column in enumerate(columns) if column in apart]
    beside = [i for i in range(len(columns)) if i not in above]
    numbers = _table([[row[i] for i in beside] for row in cells], [columns[i] for i in beside], wraps=False)
    lines = console.render_lines(numbers, unbounded)  # the heads, then one a row
    for row, line in zip([columns, *cells], lines, strict=True):
        style = "bold" if row is columns else ""
        console.print(Text(" · ".join(row[i] for i in above), style))
        console.print(Text("  " + "".join(segment.text for segment in line).rstrip(), style))


def _table(rows: Sequence[Sequence[str]], columns: Sequence[str], *, wraps: bool = True) -> "Table":
    from rich.markup import escape
    from rich.table import Table

    shown = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        right = column.endswith(("ms", "%", "/s", "#"))
        shown.add_column(
            escape(column.removesuffix(" #")),
            justify="right" if right else "left",
            overflow="fold",
            no_wrap=right or not wraps,
        )
    for row in rows:
        shown.add_row(*map(escape, row))
    return shown


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
