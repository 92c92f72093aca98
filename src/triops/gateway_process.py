"""The gateway's process, as the server sees it: started, told what it must know, started again when it dies.

Why a process of its own: docs/decisions/0009. Two sockets join the two: one for words (`control.py`), one that carries
the clients' connections (`web/handover.py`). When the server dies both end, and the gateway ends by itself.
"""

import asyncio
import contextlib
import logging
import os
import socket
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from triops.control import Control, Message, joined
from triops.kernel.errors import Unavailable
from triops.kernel.ids import ProjectId
from triops.web.completing.paths import GatewayPaths
from triops.web.handover import Handover, many_descriptors, pair
from triops.web.sniff import BUSY

log = logging.getLogger(__name__)

_HELD = 1000  # connections that wait for a gateway that is starting; over it: 503
_HELD_S = 10.0
_READY_S = 30.0
_GRACE_S = 8.0  # its own grace is shorter
_BACKOFF_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_STEADY_S = 30.0  # after so long the next death is a first one again

Snapshot = Callable[[], Awaitable[Mapping[str, Any]]]


class GatewayProcess:
    """`snapshot`: all that the gateway must know; `journalled` is told of new entries in the journal."""

    def __init__(
        self, data: Path, paths: GatewayPaths, snapshot: Snapshot, journalled: Callable[[], None] | None = None
    ) -> None:
        self._data = data
        self._paths = paths
        self._snapshot = snapshot
        self._journalled = journalled
        self._control: Control | None = None
        self._handover: Handover | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._ready = asyncio.Event()
        self._readable = asyncio.Event()
        self._changed = asyncio.Event()
        self._held: deque[tuple[socket.socket, bytes, float]] = deque()
        self._tasks: list[asyncio.Task[None]] = []
        self._served: tuple[Any, tuple[Any, ...]] | None = None
        self._back: set[asyncio.Task[Any]] = set()
        self._closing = False
        self._telling = asyncio.Lock()

    def begin(self) -> None:
        """Its process begins to load, while the server itself does. It is told nothing yet."""
        if not self._tasks:
            many_descriptors()
            self._tasks = [asyncio.create_task(self._keep()), asyncio.create_task(self._send_changes())]

    async def start(self) -> None:
        """The books can be read now. Returns when the gateway is ready, or sure not to be soon (the log says why)."""
        self.begin()
        self._readable.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ready.wait(), _READY_S)

    async def close(self) -> None:
        """Calls in progress end within the gateway's grace. Safe before start, and twice."""
        self._closing = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        await self._end()
        while self._held:
            self._held.popleft()[0].close()

    def changed(self) -> None:
        """What the gateway knows is out of date: it is told all anew."""
        self._changed.set()

    async def refresh(self) -> None:
        """The gateway knows what is so now when this returns, or is not there."""
        if self._control is not None and self._readable.is_set():
            await self._tell_all(self._control)
            with contextlib.suppress(Unavailable):
                await self.state()  # words keep their order: when this is answered, what was told before is known

    async def _tell_all(self, control: Control) -> None:
        async with self._telling:  # what was read first is told first
            control.tell({"do": "snapshot", **await self._snapshot()})

    async def _ask(self, message: Message) -> Message:
        """Raises: Unavailable."""
        if self._control is None or not self._ready.is_set():
            raise Unavailable("the gateway is not ready")
        return await self._control.ask(message)

    async def rotate(self) -> None:
        """Its journal begins a new segment. Raises: Unavailable."""
        await self._ask({"do": "rotate"})

    def purge(self, project: ProjectId) -> None:
        """It forgets the answers that it keeps for the project."""
        if self._control is not None:
            self._control.tell({"do": "purge_cache", "project": project})

    async def state(self) -> Message:
        """What is going on in the gateway at this moment. Raises: Unavailable."""
        return await self._ask({"do": "state"})

    # What the port's protocol asks (`web/sniff.py`)

    def decide(self, head: bytes) -> bool | None:
        return self._paths.decide(head)

    def give(self, connection: socket.socket, head: bytes) -> bool:
        if self._handover is not None and self._ready.is_set():
            return self._handover.give(connection.fileno(), head)
        if len(self._held) >= _HELD or self._closing:
            return False
        held = socket.socket(fileno=os.dup(connection.fileno()))
        loop = asyncio.get_running_loop()
        self._held.append((held, head, loop.time() + _HELD_S))
        loop.call_later(_HELD_S, self._tell_overdue)
        return True

    def back(self, protocol: Any, arguments: tuple[Any, ...]) -> None:
        self._served = (protocol, arguments)

    # Its life

    async def _keep(self) -> None:
        loop, deaths = asyncio.get_running_loop(), 0
        while True:
            began = loop.time()
            try:
                await self._run()
            except Exception:
                log.exception("the gateway's process cannot be started")
            await self._end()
            deaths = 1 if loop.time() - began > _STEADY_S else deaths + 1
            wait = _BACKOFF_S[min(deaths, len(_BACKOFF_S)) - 1]
            log.error("the gateway's process ended; it is started again in %g s", wait)
            await asyncio.sleep(wait)

    async def _run(self) -> None:
        """One life of the process, from start to death."""
        words, their_words = socket.socketpair()
        ours, theirs = pair()
        gone = asyncio.Event()
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "triops.gateway_main",
                str(their_words.fileno()),
                str(theirs.fileno()),
                str(self._data),
                pass_fds=(their_words.fileno(), theirs.fileno()),
                stdin=asyncio.subprocess.DEVNULL,
                start_new_session=True,  # a signal to the server's group is the server's: it ends its gateway in order
            )
        except BaseException:
            words.close()
            ours.close()
            raise
        finally:
            their_words.close()
            theirs.close()
        self._control = await joined(words, self._heard, gone.set)
        self._handover = Handover(ours, self._taken_back, gone.set)
        await self._readable.wait()
        await self._tell_all(self._control)
        await gone.wait()

    async def _end(self) -> None:
        self._ready.clear()
        if self._handover is not None:
            self._handover.close()
        if self._control is not None:
            self._control.close()
        process, self._process = self._process, None
        self._handover = self._control = None
        if process is None:
            return
        try:
            await asyncio.wait_for(process.wait(), _GRACE_S)
        except TimeoutError:
            log.error("the gateway's process did not end within %g s and is killed", _GRACE_S)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _send_changes(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            if self._control is not None and self._readable.is_set():
                try:
                    await self._tell_all(self._control)
                except Exception:
                    log.exception("what the gateway must know could not be read")
                    await asyncio.sleep(1.0)
                    self._changed.set()

    def _heard(self, message: Message) -> None:
        if message.get("tell") == "ready":
            self._ready.set()
            self._flush()
        elif message.get("tell") == "journal" and self._journalled is not None:
            self._journalled()

    def _flush(self) -> None:
        self._tell_overdue()
        while self._held and self._handover is not None:
            held, head, _ = self._held.popleft()
            self._handover.give(held.fileno(), head)
            held.close()

    def _tell_overdue(self) -> None:
        """Who waited so long is told to try again."""
        now = asyncio.get_running_loop().time()
        while self._held and self._held[0][2] <= now + 0.01:
            held, _, _ = self._held.popleft()
            with held, contextlib.suppress(OSError):
                held.setblocking(False)
                held.send(BUSY)

    def _taken_back(self, connected: socket.socket, head: bytes) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(connected, head))
        self._back.add(task)
        task.add_done_callback(self._back.discard)

    async def _serve(self, connected: socket.socket, head: bytes) -> None:
        if self._served is None or self._closing:
            connected.close()
            return
        protocol, arguments = self._served

        def made() -> Any:
            served = protocol(*arguments)
            served.given = head
            return served

        try:
            await asyncio.get_running_loop().connect_accepted_socket(made, connected)
        except OSError:
            connected.close()
