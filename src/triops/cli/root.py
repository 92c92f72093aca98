"""The command tree. Heavy parts are imported by the command that needs them, so that `triops --help` is quick."""

import sys

import typer

from triops import __version__
from triops.cli import admin, apply, imports, look, models, prompts, provider, query, runs, serve, spend
from triops.kernel.errors import TriopsError
from triops.sdk import ApiError, Unreachable

app = typer.Typer(
    name="triops",
    help="Operate AI systems and what they run on: one loop over services, models and language.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"triops {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    pass


for module in (serve, look, query, runs, models, prompts, spend, provider, apply, imports, admin):
    module.register(app)


def run() -> None:
    try:
        app()
    except (ApiError, Unreachable, TriopsError) as error:
        told = str(error)
        details = getattr(error, "details", {}) if isinstance(error, TriopsError) else {}
        if details:
            told += " (" + ", ".join(f"{k}: {v}" for k, v in details.items()) + ")"
        typer.secho(f"triops: {told}", fg="red", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)
