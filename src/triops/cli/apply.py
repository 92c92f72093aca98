"""`triops apply`: configuration as code."""

from pathlib import Path
from typing import Annotated

import typer

from triops.cli.output import ApiKey, AsJson, Url, client, print_json
from triops.document_files import read_documents


def register(app: typer.Typer) -> None:
    app.command()(apply)


def apply(
    path: Annotated[Path, typer.Argument(exists=True, help="A YAML file, or a folder of them.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    url: Url = None,
    key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Apply documents (policies, runbooks, notifiers, ...): all or none."""
    documents = read_documents(path)
    with client(url, key) as api:
        applied = api.apply(documents, dry_run=dry_run)
    if as_json:
        print_json({"items": applied})
        return
    for item in applied:
        typer.echo(f"{item['kind']} {item['name']}: {'would be ' if dry_run else ''}{item['state']}")
