"""Encryption of the few secrets that must be read again: providers' credentials.

What is sealed opens only with the same key and the same `bound` (whose it is), so that a stored secret cannot be moved
to another owner. The key lies outside the database.
"""

from typing import Protocol


class Sealing(Protocol):
    def seal(self, secret: str, bound: str) -> bytes:
        """Raises: Unavailable when there is no key."""
        ...

    def open(self, sealed: bytes, bound: str) -> str:
        """Raises: Unavailable when there is no key, or another one."""
        ...
