"""`/health`, `/version`, and `/metrics`: Triops about itself, in Prometheus' text format."""

from triops.edges.health.handlers import routes

__all__ = ["routes"]
