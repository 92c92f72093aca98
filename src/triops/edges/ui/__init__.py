"""The web UI: static ES modules that a browser runs, and the few routes that hand them out."""

from triops.edges.ui.handlers import routes

__all__ = ["routes"]
