"""A typed client of the native API, over one transport: HTTP, or any `httpx.Client` (in-process ones included)."""

from triops.sdk.client import ApiError, Client, Unreachable

__all__ = ["ApiError", "Client", "Unreachable"]
