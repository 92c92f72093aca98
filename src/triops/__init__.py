"""Triops: one loop over services, models and language."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from triops.sdk.track import track as track

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`triops.track`, imported when it is asked for: a server has no use for it."""
    if name == "track":
        from triops.sdk.track import track

        return track
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
