"""What becomes of one request: its dialect reads it, the gateway answers it; or a lookup tells."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import orjson

from triops.kernel.completion import Ask
from triops.kernel.errors import Invalid, NotFound, NotOffered, TooLarge, TriopsError, Unavailable, Unsupported
from triops.lenses.llmops.gateway.taker import Taker
from triops.web.completing.answer import DialectTaker
from triops.web.completing.connection import Connection
from triops.web.completing.paths import NAME
from triops.web.completing.request import Refused, Request
from triops.web.dialects import Dialect, Lookup, Problem, Served

_ERRORS = {413: TooLarge, 415: Unsupported, 501: NotOffered, 503: Unavailable}


class Answering(Protocol):
    """The gateway, as it is asked from here."""

    async def answer(self, ask: Ask, headers: Mapping[str, str], taker: Taker) -> None: ...

    async def served(self, headers: Mapping[str, str], dialect: str) -> Sequence[tuple[str, str, int]]:
        """Models as (name, provider, unix seconds); none for the dialect "". Raises: Unauthenticated, Forbidden."""
        ...

    def admit(self, headers: Mapping[str, str]) -> None:
        """Raises: Unauthenticated, Forbidden."""
        ...


class Handler:
    """`dialects` and `lookups`: every endpoint there is."""

    def __init__(self, gateway: Answering, dialects: Sequence[Dialect], lookups: Sequence[Lookup]) -> None:
        self._gateway = gateway
        self._dialects = {dialect.path: dialect for dialect in dialects}
        self._lookups = [lookup for lookup in lookups if not lookup.path.endswith(NAME)]
        self._folders = [lookup for lookup in lookups if lookup.path.endswith(NAME)]

    async def answer(self, request: Request, connection: Connection) -> None:
        dialect = self._dialects.get(request.path) if request.method == "POST" else None
        if dialect is None:
            await self._tell(request, connection)
            return
        try:
            ask = dialect.ask(request.body, request.headers)
        except TriopsError as error:
            _send(connection, dialect.problem(error))
            return
        await self._gateway.answer(ask, request.headers, DialectTaker(dialect, ask, connection))

    def admit(self, path: str, headers: Mapping[str, str]) -> None:
        """Who may not call need not send all of a large request, nor is it read. Raises: Refused."""
        dialect = self._dialects.get(path)
        try:
            self._gateway.admit(headers)
        except TriopsError as error:
            if dialect is None:
                raise Refused(error.status, error.message) from None
            problem = dialect.problem(error)
            raise Refused(problem.status, error.message, problem.body) from None

    def words(self, path: str, refused: Refused) -> bytes:
        """Of a request that cannot be read; where the dialect is not known, a plain sentence that each can read."""
        dialect = self._dialects.get(path)
        if dialect is None:
            return orjson.dumps({"error": {"message": refused.message}})
        return dialect.problem(_ERRORS.get(refused.status, Invalid)(refused.message)).body

    async def _tell(self, request: Request, connection: Connection) -> None:
        lookup, name = self._lookup(request)
        try:
            served = await self._gateway.served(request.headers, lookup.dialect(request.headers))
            body = lookup.answer(request.body, request.headers, name, [Served(*one) for one in served])
        except TriopsError as error:
            _send(connection, lookup.problem(error))
            return
        connection.whole(200, body, (("content-type", "application/json"),))

    def _lookup(self, request: Request) -> tuple[Lookup, str]:
        for lookup in self._lookups:
            if lookup.method == request.method and lookup.path == request.path:
                return lookup, ""
        for lookup in self._folders:
            folder = lookup.path.removesuffix(NAME)
            if lookup.method == request.method and request.path.startswith(folder):
                return lookup, request.path.removeprefix(folder)
        raise NotFound(f"{request.method} {request.path} is not served here")  # `GatewayPaths` let none through


def _send(connection: Connection, problem: Problem) -> None:
    connection.whole(problem.status, problem.body, (("content-type", "application/json"), *problem.headers))
