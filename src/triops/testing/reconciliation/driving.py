"""The calls of a mix, made by many clients at once; what each client saw of its call."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import aiohttp

from triops.testing.reconciliation.mix import Call

_LIMIT_S = 30.0


@dataclass(frozen=True, slots=True)
class Saw:
    """`status` 0: no answer, the connection broke. `whole`: the answer came to its end. `cost`: as the gateway told
    it, "" where it did not. `call`: the gateway's own number of it, "" for who was sent away before it was a call."""

    status: int
    whole: bool
    cost: str = ""
    call: str = ""


async def drive(
    url: str,
    calls: Iterable[Call],
    secrets: Mapping[tuple[str, str], str],
    *,
    clients: int = 48,
    after: Callable[[int], None] = lambda done: None,
) -> dict[str, Saw]:
    """By user. `secrets`: gateway keys by project and name. `after` is told how many are done."""
    waiting = deque(calls)
    seen: dict[str, Saw] = {}

    async def run(session: aiohttp.ClientSession) -> None:
        while waiting:
            call = waiting.popleft()
            seen[call.user] = await _made(session, call, secrets[call.project, call.key])
            after(len(seen))

    limit = aiohttp.ClientTimeout(total=_LIMIT_S)
    async with aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(limit=0), timeout=limit) as session:
        await asyncio.gather(*[run(session) for _ in range(clients)])
    return seen


async def _made(session: aiohttp.ClientSession, call: Call, secret: str) -> Saw:
    status, cost, number = 0, "", ""
    headers = {"authorization": f"Bearer {secret}", "x-triops-user": call.user}
    try:
        async with session.post(call.path, json=call.body, headers=headers) as answer:
            status, cost = answer.status, answer.headers.get("x-triops-cost-usd", "")
            number = answer.headers.get("x-triops-call", "")
            if call.leaves:
                await answer.content.readany()
                answer.close()
                return Saw(status, False, call=number)
            await answer.read()
            return Saw(status, True, cost, number)
    except (aiohttp.ClientError, ConnectionError, TimeoutError):
        return Saw(status, False, cost, number)
