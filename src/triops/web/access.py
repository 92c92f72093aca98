"""How an edge asks who is calling."""

from collections.abc import Awaitable, Callable, Mapping

from triops.kernel.tenant import Principal, Right

# Headers (or gRPC metadata) by lower-case name, and what the caller wants to do. Raises: Unauthenticated, Forbidden.
Authenticate = Callable[[Mapping[str, str], Right], Awaitable[Principal]]
