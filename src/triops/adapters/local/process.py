"""Local models, each in a process of its own that is started when it is first asked for.

They speak OpenAI's dialect on loopback, with a key that is made anew at every start.
"""

import asyncio
import contextlib
import logging
import secrets
import sys
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

import orjson

from triops.kernel.errors import Unavailable
from triops.ports.upstream import Host

log = logging.getLogger(__name__)
What = Literal["chat", "embeddings"]
_START_S = 60.0
_STOP_S = 5.0


@dataclass(frozen=True, slots=True)
class Running:
    """Where a local model answers; paths begin with `/v1`."""

    host: Host
    key: str = field(repr=False)


class LocalModels:
    """One process for chat and one for embeddings, for each file asked for (at most 4 in all)."""

    def __init__(self, threads: int = 0, most: int = 4) -> None:
        self._threads = threads
        self._most = most
        self._running: dict[tuple[What, str], tuple[asyncio.subprocess.Process, Running]] = {}
        self._turn = asyncio.Lock()

    async def running(self, what: What, path: str = "") -> Running:
        """Where to ask, starting the model when it does not run (again): about half a second for the packaged one.
        `path`: another GGUF or ONNX file. Raises: Unavailable that says why, and how to install it."""
        found = self._running.get((what, path))
        if found is not None and found[0].returncode is None:
            return found[1]
        async with self._turn:
            found = self._running.get((what, path))
            if found is None or found[0].returncode is not None:
                if found is None and len(self._running) >= self._most:
                    raise Unavailable(f"{self._most} local models run already")
                found = self._running[what, path] = await self._started(what, path)
            return found[1]

    async def close(self) -> None:
        """End them all. Safe twice."""
        ended = [process for process, _ in self._running.values() if process.returncode is None]
        self._running.clear()
        for process in ended:
            if process.stdin is not None:
                process.stdin.close()
        for process in ended:
            try:
                await asyncio.wait_for(process.wait(), _STOP_S)
            except TimeoutError:
                process.kill()
                await process.wait()

    async def _started(self, what: What, path: str) -> tuple[asyncio.subprocess.Process, Running]:
        key = secrets.token_urlsafe(24)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "triops.adapters.local.serve",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        told = {"what": what, "gguf": path, "onnx": path, "key": key, "threads": self._threads}
        try:
            process.stdin.write(orjson.dumps(told) + b"\n")
            line = await asyncio.wait_for(process.stdout.readline(), _START_S)
            ready = orjson.loads(line) if line else {"error": "its process ended"}
        except (TimeoutError, OSError, orjson.JSONDecodeError) as error:
            ready = {"error": f"it did not start: {type(error).__name__}"}
        except asyncio.CancelledError:  # who asked has gone: nobody else knows of it
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            raise
        if "url" not in ready:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            raise Unavailable(f"the local model does not run: {ready.get('error')}")
        url = urlsplit(ready["url"])
        log.info("a local model for %s runs at %s, pid %d", what, ready["url"], process.pid)
        return process, Running(Host("http", url.hostname or "127.0.0.1", url.port or 0, allow_private=True), key)
