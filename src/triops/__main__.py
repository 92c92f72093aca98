"""`python -m triops` is the `triops` command."""

from triops.cli import main

if __name__ == "__main__":
    main()
