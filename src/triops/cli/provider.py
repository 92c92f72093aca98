"""`triops provider`: the credentials that the gateway calls providers with."""

import sys
from typing import Annotated

import typer

from triops.cli.output import ApiKey, Url, client

provider_app = typer.Typer(help="Providers of models: their credentials.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="The name of a document of kind Provider.")]


def register(app: typer.Typer) -> None:
    app.add_typer(provider_app, name="provider")


@provider_app.command("key")
def set_key(name: Name, url: Url = None, key: ApiKey = None) -> None:
    """Store a provider's key, encrypted. It is asked for, or read from standard input; it is never an argument, which
    others on this machine could see."""
    if sys.stdin.isatty():
        secret = typer.prompt(f"Key of {name}", hide_input=True)
    else:
        secret = sys.stdin.readline(16_384).strip()
    with client(url, key) as api:
        api.set_credential(name, secret)
    typer.echo(f"{name} has a key")


@provider_app.command("forget-key")
def forget_key(name: Name, url: Url = None, key: ApiKey = None) -> None:
    """Delete a provider's stored key."""
    with client(url, key) as api:
        api.delete_credential(name)
    typer.echo(f"{name} has no stored key")
