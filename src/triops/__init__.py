"""Triops: one loop over services, models and language."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from triops.sdk.prompts import aprompt as aprompt
    from triops.sdk.prompts import prompt as prompt
    from triops.sdk.track import track as track

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`triops.track` and `triops.prompt`, imported when they are asked for: a server has no use for them."""
    if name == "track":
        from triops.sdk.track import track

        return track
    if name in ("prompt", "aprompt"):
        from triops.sdk import prompts

        return getattr(prompts, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
