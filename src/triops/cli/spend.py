"""`triops spend`, `triops gateway`: what calls of models cost, and how the gateway fares."""

from typing import Annotated, Any

import typer

from triops.cli.output import ApiKey, AsJson, Until, Url, ago, client, number, print_json, table


def register(app: typer.Typer) -> None:
    app.command()(spend)
    app.command()(gateway)


def spend(
    by: Annotated[
        str,
        typer.Option(
            help="Any of key, application, team, user, route, provider, model, prompt, prompt_version, project; with "
            "commas."
        ),
    ] = "key,model",
    since: Annotated[
        str, typer.Option("--since", help="From: -1d, RFC 3339, or unix seconds; absent: of this month (UTC).")
    ] = "",
    until: Until = "",
    every: Annotated[int, typer.Option(help="Seconds of a time bucket; 0: none.")] = 0,
    forecast: Annotated[bool, typer.Option("--forecast", help="What this month will have cost.")] = False,
    url: Url = None,
    key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """What calls of models cost, exactly."""
    names = [name.strip() for name in by.split(",") if name.strip()]
    with client(url, key) as api:
        answer: dict[str, Any] = (
            {"rows": api.forecast(by)} if forecast else api.spend(by, start=since, end=until, every=every or None)
        )
    if as_json:
        print_json(answer)
        return
    empty = "No call yet: point OPENAI_BASE_URL at this server's /v1."
    if forecast:
        shown = ("month_to_date_usd", "forecast_usd", "low_usd", "high_usd", "method")
        forecast_heads = ("so far $ #", "forecast $ #", "low $ #", "high $ #", "by")
        table(
            ([*_named(row, names), *(row[n] for n in shown)] for row in answer["rows"]),
            (*names, *forecast_heads),
            apart=names,
            empty=empty,
        )
        return
    times = ("at",) if every else ()
    rows = (
        [
            *([ago(row["at"])] if every else []),
            *_named(row, names),
            row["requests"],
            row["errors"],
            row["input_tokens"],
            row["output_tokens"],
            row["cost_usd"],
            row["saved_usd"],
        ]
        for row in answer["rows"]
    )
    heads = ("calls #", "errors #", "tokens in #", "out #", "cost $ #", "saved $ #")
    table(rows, (*times, *names, *heads), apart=(*times, *names), empty=empty)
    total = answer["total"]
    if answer["rows"]:
        typer.echo(f"{total['requests']} calls, {total['cost_usd']} USD")
        if total["estimated"]:
            typer.echo(
                f"of it {total['estimated_cost_usd']} USD estimated, for {total['estimated']} attempts that were cut"
            )
        if total["unpriced"]:
            typer.echo(f"{total['unpriced']} attempts have no price: apply a document of kind Price")


def gateway(url: Url = None, key: ApiKey = None, as_json: AsJson = False) -> None:
    """Routes and providers, as they fare at this moment."""
    with client(url, key) as api:
        state = api.gateway()
    if as_json:
        print_json(state)
        return
    typer.echo(f"{'ready' if state['ready'] else 'not ready'}, {state['in_flight']} calls in progress")
    for problem in state["problems"]:
        typer.secho(problem, fg="yellow")
    table(
        (
            [
                route["name"],
                ", ".join(f"{t['provider']}/{t['model']} {t['share']:.0%}" for t in route["targets"]) or "—",
                route["requests"],
                route["errors"],
                number(route["p50_ms"]),
                number(route["p95_ms"]),
            ]
            for route in state["routes"]
        ),
        ("route", "to", "calls #", "errors #", "p50 ms", "p95 ms"),
        empty="No route: apply a document of kind Route, or call with a provider's own model name.",
    )
    table(
        (
            [
                p["name"],
                p["dialect"],
                p["health"],
                p["credential"],
                p["requests"],
                p["errors"],
                number(p["p50_ms"]),
                ", ".join(f"{b['model']} {b['state']}" for b in p["breakers"] if b["state"] != "closed") or "—",
            ]
            for p in state["providers"]
        ),
        ("provider", "dialect", "health", "credential", "calls #", "errors #", "p50 ms", "breakers"),
        empty="No provider: apply a document of kind Provider.",
    )


def _named(row: dict[str, Any], names: list[str]) -> list[Any]:
    return [row[name] if row[name] not in ("", 0) else "—" for name in names]
