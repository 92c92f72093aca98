"""`triops up`, `triops demo`, `triops agent`: what runs."""

import gc
from pathlib import Path
from typing import Annotated

import typer

from triops.settings import load


def register(app: typer.Typer) -> None:
    app.command()(up)
    app.command()(demo)
    app.command("demo-mlops")(demo_mlops)
    app.command("demo-llmops")(demo_llmops)
    app.command()(agent)


def up(
    data: Annotated[Path | None, typer.Option(help="The data folder (default: triops-data).")] = None,
    host: Annotated[str | None, typer.Option(help="Address; beyond loopback only when an admin key exists.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port (default: 7333; 0: any free one).")] = None,
    config: Annotated[
        list[Path] | None, typer.Option("--config", exists=True, help="A YAML file or folder of documents to apply.")
    ] = None,
    settings: Annotated[Path | None, typer.Option("--settings", help="A TOML file (default: triops.toml).")] = None,
    default_artifact_root: Annotated[
        str | None,
        typer.Option(help="Where runs' artifacts lie (default: mlflow-artifacts:/, the server's own store)."),
    ] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning, error")] = None,
) -> None:
    """Run the server in the foreground: one port, one data folder."""
    gc.disable()  # what is loaded is no garbage; the server switches it on again once it is up
    chosen = load(
        {
            "server.data": data,
            "server.host": host,
            "server.port": port,
            "server.log_level": log_level,
            "mlops.artifact_root": default_artifact_root,
        },
        settings,
    )
    from triops.server import serve

    raise typer.Exit(serve(chosen, config or []))


def demo(
    fault: Annotated[str, typer.Option(help="latency, errors, cpu or dependency")] = "latency",
    once: Annotated[
        bool, typer.Option("--once", help="Approve by itself, exit 0 only if it was found and mended.")
    ] = False,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port of the server (default: 7333, or a free one).")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Keep the data here (default: a temporary folder).")] = None,
    soak: Annotated[
        float | None, typer.Option(help="Minutes of a healthy shop instead; fails if an incident opens.")
    ] = None,
    no_color: Annotated[bool, typer.Option("--no-color", help="Plain text, also on a terminal.")] = False,
) -> None:
    """A real shop, a real fault: watch Triops find, explain and mend it."""
    from triops.demo.story import tell

    raise typer.Exit(tell(fault=fault, once=once, port=port, data=data, soak_min=soak, no_color=no_color))


def demo_mlops(
    once: Annotated[bool, typer.Option("--once", help="Exit at the end, 0 only if every step went well.")] = False,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port of the server (default: 7333, or a free one).")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Keep the data here (default: a temporary folder).")] = None,
    no_color: Annotated[bool, typer.Option("--no-color", help="Plain text, also on a terminal.")] = False,
) -> None:
    """Real models, trained by an unmodified MLflow client and promoted through a gate."""
    from triops.demo.models.story import tell_models

    raise typer.Exit(tell_models(once=once, port=port, data=data, no_color=no_color))


def demo_llmops(
    once: Annotated[bool, typer.Option("--once", help="Exit at the end, 0 only if every step went well.")] = False,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port of the server (default: 7333, or a free one).")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Keep the data here (default: a temporary folder).")] = None,
    no_color: Annotated[bool, typer.Option("--no-color", help="Plain text, also on a terminal.")] = False,
) -> None:
    """A support assistant on a local model: a bad prompt is undone, a dead provider bridged, a runaway stopped."""
    from triops.demo.assistant.story import tell_assistant

    raise typer.Exit(tell_assistant(once=once, port=port, data=data, no_color=no_color))


def agent(
    to: Annotated[str, typer.Option("--to", help="URL of the Triops server.")] = "http://127.0.0.1:7333",
    key: Annotated[str | None, typer.Option("--key", envvar="TRIOPS_KEY", help="An ingest key.")] = None,
    every: Annotated[float, typer.Option(min=1, max=3600, help="Seconds between readings.")] = 10.0,
    log_file: Annotated[
        list[str] | None, typer.Option("--log-file", help="A file or glob to follow; repeatable.")
    ] = None,
) -> None:
    """Watch this machine and send what is seen to a Triops server by OTLP."""
    from triops.lenses.aiops.host.agent import run

    raise typer.Exit(run(to=to, key=key or "", every_s=every, log_files=log_file or []))
