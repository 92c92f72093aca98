"""Which requests are the gateway's, told by the first bytes of each."""

from collections.abc import Iterable

_ENDS = b" ?"  # what may follow an exact path in a request line
NAME = "{name}"


class GatewayPaths:
    """`calls`: (method, path); a path that ends in `{name}` stands for all below it. Method and path are compared byte
    for byte: no other spelling is the gateway's."""

    def __init__(self, calls: Iterable[tuple[str, str]]) -> None:
        known = [(path.endswith(NAME), f"{method} {path.removesuffix(NAME)}".encode()) for method, path in calls]
        self._below = tuple(text for below, text in known if below)
        self._exact = tuple(text for below, text in known if not below)
        self._all = (*self._below, *self._exact)
        self._longest = max((len(text) for text in self._all), default=0)

    def decide(self, head: bytes) -> bool | None:
        """Whether a request that begins with `head` is the gateway's; None: too little has come to say."""
        for text in self._exact:
            if head.startswith(text) and len(head) > len(text) and head[len(text)] in _ENDS:
                return True
        if head.startswith(self._below):
            return True
        if len(head) <= self._longest and any(text.startswith(head) for text in self._all):
            return None
        return False
