"""`triops agent`: the host's metrics and log lines, sent to a Triops elsewhere over OTLP/HTTP.

Metrics that cannot be sent wait in a bounded buffer. Log lines wait in their files: their position moves on only when
they were taken. A repeat is the same bytes, which the server knows and drops.
"""

import asyncio
import gzip
import logging
import random
import signal
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from triops.kernel.errors import Forbidden, Invalid, TriopsError, Unauthenticated
from triops.lenses.aiops.host.collector import HostCollector
from triops.lenses.aiops.host.encode import encode_logs, encode_metrics
from triops.lenses.aiops.host.follow import LogFollower
from triops.lenses.aiops.host.outgoing import Outgoing
from triops.ports.clock import Clock, SystemClock

log = logging.getLogger(__name__)
_RETRIED = frozenset({408, 429, 500, 502, 503, 504, 507})
_LONGEST_WAIT_S = 60.0


@dataclass
class Agent:
    """`to` is the server's base URL, `key` an ingest key ("" when it takes none).

    `sent` counts payloads by kind and what became of them: accepted, retried, refused (a 4xx: it would never be taken,
    so it is dropped).
    """

    to: str
    key: str = ""
    collector: HostCollector = field(default_factory=HostCollector)
    follower: LogFollower | None = None
    every_s: float = 10.0
    logs_every_s: float = 2.0
    clock: Clock = field(default_factory=SystemClock)
    outgoing: Outgoing = field(default_factory=Outgoing)
    sent: Counter[tuple[str, str]] = field(default_factory=Counter)
    first_wait_s: float = 1.0

    def __post_init__(self) -> None:
        if not self.to.startswith(("http://", "https://")):
            raise Invalid("not a server's address", field="to", got=self.to, expected="http://host:port")
        self.to = self.to.rstrip("/")

    async def run(self) -> None:
        """Until cancelled. Raises: Unauthenticated or Forbidden, as a group, for a key that never fitted."""
        timeout = aiohttp.ClientTimeout(total=30)
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._collect())
                tasks.create_task(self._send(session))
                if self.follower is not None:
                    tasks.create_task(self._follow(session, self.follower))

    async def _collect(self) -> None:
        while True:
            batch = await asyncio.to_thread(self.collector.collect, self.clock.now())
            self.outgoing.put(gzip.compress(encode_metrics(batch), 6, mtime=0))
            await self.clock.sleep(self.every_s)

    async def _send(self, session: aiohttp.ClientSession) -> None:
        wait = self.first_wait_s
        while True:
            payload = self.outgoing.take()
            if payload is None:
                await self.clock.sleep(min(1.0, self.every_s))
                continue
            after = await self._post(session, "metrics", payload)
            if after is None:
                wait = self.first_wait_s
                continue
            self.outgoing.put_back(payload)
            wait = await self._rest(wait, after)

    async def _follow(self, session: aiohttp.ClientSession, follower: LogFollower) -> None:
        wait = self.first_wait_s
        while True:
            batch = await asyncio.to_thread(follower.poll, self.clock.now())
            if len(batch):
                payload = await asyncio.to_thread(lambda b: gzip.compress(encode_logs(b), 6, mtime=0), batch)
                while (after := await self._post(session, "logs", payload)) is not None:
                    wait = await self._rest(wait, after)
                wait = self.first_wait_s
            try:
                await asyncio.to_thread(follower.commit)
            except OSError as error:
                log.warning("the positions of log files were not written: %s", error)
            await self.clock.sleep(self.logs_every_s)

    async def _rest(self, wait: float, asked: float) -> float:
        """Sleep at least as long as the server asked, with jitter so that many agents do not return at once; answers
        the next wait."""
        await self.clock.sleep(max(asked, wait * random.uniform(0.75, 1.25)))
        return min(wait * 2, _LONGEST_WAIT_S)

    async def _post(self, session: aiohttp.ClientSession, kind: str, payload: bytes) -> float | None:
        """None when it is settled; else how many seconds the server asks to wait (0 when it does not say)."""
        headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}
        try:
            async with session.post(f"{self.to}/v1/{kind}", data=payload, headers=headers) as answer:
                text = (await answer.content.read(500)).decode("utf-8", "replace")
                status, asked = answer.status, answer.headers.get("Retry-After", "")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self.sent[kind, "retried"] += 1
            log.warning("%s not sent, will try again: %s", kind, error)
            return 0.0
        if status < 300:
            self.sent[kind, "accepted"] += 1
            return None
        if status in _RETRIED:
            self.sent[kind, "retried"] += 1
            return min(float(asked), _LONGEST_WAIT_S) if asked.isdigit() else 0.0
        self.sent[kind, "refused"] += 1
        if status in (401, 403) and not any(what == "accepted" for _, what in self.sent):
            raise (Unauthenticated if status == 401 else Forbidden)(f"{self.to} does not take this key: {text}")
        log.error("%s refused with %d, dropped: %s", kind, status, text)
        return None


def run(*, to: str, key: str, every_s: float, log_files: Sequence[str], positions: Path | None = None) -> int:
    """The agent in the foreground until SIGINT or SIGTERM; answers the exit code. `positions` is where the places in
    log files are kept (by default in the user's state folder).

    Raises: Invalid for an address that is none; Unauthenticated, Forbidden for a key that does not fit.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    follower = None
    if log_files:
        kept = positions or Path.home() / ".local" / "state" / "triops" / "agent-positions.json"
        kept.parent.mkdir(parents=True, exist_ok=True)
        follower = LogFollower(tuple(log_files), kept)
    agent = Agent(to, key, follower=follower, every_s=every_s)
    log.info("sending this host's metrics every %g s to %s", every_s, agent.to)
    asyncio.run(_until_stopped(agent))
    return 0


async def _until_stopped(agent: Agent) -> None:
    task = asyncio.create_task(agent.run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        log.info("stopped; %d readings unsent, %d dropped", len(agent.outgoing), agent.outgoing.dropped)
    except BaseExceptionGroup as group:
        known = group.subgroup(TriopsError)
        raise next(iter(known.exceptions)) if known else group from None
