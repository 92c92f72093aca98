"""The `triops` command: one file a group; every command is an SDK call or an offline tool."""


def main() -> None:
    """The entry point. Errors that people can mend are one line and exit status 1 (2 for wrong usage)."""
    from triops.cli.root import run

    run()
