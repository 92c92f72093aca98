"""A provider of language models on loopback that speaks the true wire, is bad on order, and keeps its own account.

In this process: `with LoopbackProvider() as upstream: upstream.url`. In one of its own: `with RunningUpstream() as …`,
or `python -m triops.testing.upstream --port 0`, which prints its URL. How it is told to misbehave: `orders.py`. What it
billed: `ledger()`, and `GET /ledger?user=` of the process.
"""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx
import orjson
import uvloop

from triops.testing.upstream.anthropic_messages import CountWire, MessagesWire
from triops.testing.upstream.gemini import GeminiWire
from triops.testing.upstream.ledger import Entry, Ledger
from triops.testing.upstream.models import GeminiModelsWire, ModelsWire, OllamaTagsWire
from triops.testing.upstream.ollama import OllamaChatWire, OllamaEmbedWire, OllamaGenerateWire
from triops.testing.upstream.openai_chat import ChatWire
from triops.testing.upstream.openai_embeddings import EmbeddingsWire
from triops.testing.upstream.openai_moderations import ModerationsWire
from triops.testing.upstream.openai_responses import ResponsesWire
from triops.testing.upstream.server import Connection, Provider
from triops.testing.upstream.wire import Wire

__all__ = ["Entry", "Ledger", "LoopbackProvider", "RunningUpstream", "listen", "wires"]


def wires() -> Sequence[Wire]:
    """Every endpoint that is spoken."""
    openai = (ChatWire(), ResponsesWire(), EmbeddingsWire(), ModerationsWire(), ModelsWire())
    anthropic, gemini = (MessagesWire(), CountWire()), (GeminiWire(), GeminiModelsWire())
    ollama = (OllamaChatWire(), OllamaGenerateWire(), OllamaEmbedWire(), OllamaTagsWire())
    return (*openai, *anthropic, *gemini, *ollama)


async def listen(provider: Provider, port: int) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: Connection(provider), "127.0.0.1", port, backlog=4096)


class LoopbackProvider:
    """`key`: the credential that it wants, "" for any. `url` has no path: OpenAI's base URL is `url + "/v1"`."""

    def __init__(self, *, key: str = "") -> None:
        self.url = ""
        self._provider = Provider(wires(), Ledger(), key)
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="loopback-provider", daemon=True)
        self._ready = threading.Event()

    @property
    def connections(self) -> int:
        """How many are open now."""
        return self._provider.connections

    def ledger(self) -> Ledger:
        return self._provider.ledger

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(listen(self._provider, 0))
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._ready.set()
        self._loop.run_forever()
        server.close()


class RunningUpstream:
    """The same in a process of its own, for what must not share an interpreter (benchmarks, kills)."""

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments
        self.url = ""
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "triops.testing.upstream", *self._arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().decode().strip()
        if not self.url:
            raise RuntimeError(f"the provider did not start: {self.process.wait()}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self.process is not None
        self.process.terminate()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def ledger(self, user: str = "") -> dict[str, Any]:
        """`{"sums", "entries"}`, the entries of one user where one is named."""
        query = f"?user={quote(user)}" if user else ""
        answer = httpx.get(f"{self.url}/ledger{query}", timeout=30)
        answer.raise_for_status()
        tree: dict[str, Any] = orjson.loads(answer.content)
        return tree
