"""`triops query`: metrics, logs and traces from the shell."""

import json
from typing import Annotated

import typer

from triops.cli.output import ApiKey, AsJson, Most, Since, Until, Url, client, number, print_json, stamp, table

query_app = typer.Typer(help="Metrics, logs and traces from the shell.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(query_app, name="query")


@query_app.command()
def metrics(
    match: Annotated[str, typer.Argument(help='A Prometheus selector: name{label="value"}')],
    since: Since = "-15m",
    until: Until = "",
    step: Annotated[str, typer.Option(help="15s, 1m, ...; absent: points as stored")] = "",
    agg: Annotated[str, typer.Option(help="auto, avg, min, max, sum, last, rate")] = "auto",
    limit: Most = 20,
    url: Url = None,
    key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Series: the newest value of each, or with --json every point."""
    with client(url, key) as api:
        found = api.series(match, start=since, end=until, step=step, agg=agg, limit=limit)
    if as_json:
        print_json({"series": found})
        return
    table(
        (
            (
                s["labels"]["__name__"],
                ", ".join(f"{k}={v}" for k, v in s["labels"].items() if k != "__name__"),
                len(s["points"]),
                number(s["points"][-1][1], 4) if s["points"] else "—",
                s["unit"],
            )
            for s in found
        ),
        ("metric", "labels", "points #", "last", "unit"),
        empty="No series matches in this window. Names: triops query names",
    )


@query_app.command()
def names(
    label: Annotated[str, typer.Argument(help="A label; default: metric names")] = "__name__",
    since: Since = "-1h",
    url: Url = None,
    key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """The values of a label."""
    with client(url, key) as api:
        values = api.call("GET", f"/metrics/labels/{label}/values", start=since)["items"]
    if as_json:
        print_json({"items": values})
    else:
        table(((value,) for value in values), (label,), empty="No metric has arrived in this window.")


@query_app.command()
def logs(
    text: Annotated[str, typer.Argument(help="A part of the line, in any case")] = "",
    service: Annotated[str, typer.Option()] = "",
    severity: Annotated[str, typer.Option(help="The least: debug, info, warn, error, fatal")] = "",
    since: Since = "-15m",
    until: Until = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new lines.")] = False,
    limit: Most = 50,
    url: Url = None,
    key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Log records, oldest first."""
    with client(url, key) as api:
        found = api.logs(query=text, service=service, severity=severity, start=since, end=until, limit=limit)
        if as_json and not follow:
            print_json({"records": found})
            return
        if not found and not follow:
            table((), (), empty="No record matches in this window.")
        for record in reversed(found):
            _line(record, as_json)
        if follow:
            for record in api.tail(query=text, service=service, severity=severity):
                _line(record, as_json)


def _line(record: dict[str, object], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(record))
        return
    body = str(record["body"]).translate({i: None for i in range(32) if i != 9})  # no terminal escapes from outside
    time_s = record["time"]
    assert isinstance(time_s, int | float)
    typer.echo(f"{stamp(time_s)}  {record['severity']!s:5}  {record['service']}  {body}")


@query_app.command()
def traces(
    service: Annotated[str, typer.Option()] = "",
    name: Annotated[str, typer.Option(help="A part of a span's name")] = "",
    min_ms: Annotated[float, typer.Option(help="The least duration")] = 0.0,
    status: Annotated[str, typer.Option(help="ok or error")] = "",
    since: Since = "-15m",
    until: Until = "",
    limit: Most = 20,
    url: Url = None,
    key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Traces, newest first."""
    with client(url, key) as api:
        found = api.traces(
            service=service, name=name, min_duration_ms=min_ms, status=status, start=since, end=until, limit=limit
        )
    if as_json:
        print_json({"items": found})
        return
    table(
        (
            (
                t["trace_id"],
                stamp(t["start"]),
                t["service"],
                t["root_name"],
                number(t["duration_ms"], 1),
                t["status"],
                t["span_count"],
            )
            for t in found
        ),
        ("trace", "start", "service", "operation", "ms", "status", "spans #"),
        empty="No trace matches in this window.",
    )


@query_app.command()
def trace(trace_id: str, url: Url = None, key: ApiKey = None, as_json: AsJson = False) -> None:
    """The spans of one trace, indented."""
    with client(url, key) as api:
        spans = api.trace(trace_id)
    if as_json:
        print_json({"spans": spans})
        return
    if not spans:
        table((), (), empty="No such trace.")
        return
    depth: dict[str, int] = {}
    first = min(s["start"] for s in spans)
    for span in spans:
        depth[span["span_id"]] = min(depth.get(span["parent_span_id"], -1) + 1, 40)
    table(
        (
            (
                "  " * depth[s["span_id"]] + s["name"],
                s["service"],
                number((s["start"] - first) * 1000, 1),
                number(s["duration_ms"], 1),
                s["status"],
            )
            for s in spans
        ),
        ("span", "service", "after ms", "took ms", "status"),
        empty="",
    )
