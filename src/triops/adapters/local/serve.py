"""The local model's own process: `python -m triops.adapters.local.serve`, started by `process.LocalModels`.

It is told what to load by one line of JSON on its standard input, answers one on its standard output, and ends when
the input does: with its parent. Its server listens on loopback and wants the key that the parent made. Models are files
from elsewhere, which is why they are loaded here and nowhere else.
"""

import asyncio
import base64
import contextlib
import hmac
import os
import sys
import threading
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from triops.adapters.local import weights
from triops.adapters.local.embedder import OnnxEmbedder
from triops.kernel.errors import Invalid, TriopsError

_SLOTS = 4
_CONTEXT = 8192  # tokens, shared by the slots
_ANSWER = 2048  # tokens of an answer that sets no bound
_TEXTS = 2048


def main() -> None:
    told = orjson.loads(sys.stdin.buffer.readline())
    sys.stdout.flush()
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what the libraries print goes to the log
    asyncio.run(_serve(told, answers))


async def _serve(told: dict[str, Any], answers: Any) -> None:
    threads = int(told.get("threads") or max(1, (os.cpu_count() or 1) // 2))
    ready: dict[str, Any] = {}
    keep: list[Any] = []
    if told["what"] == "chat":
        try:
            server = await asyncio.to_thread(_chat, weights.gguf(told.get("gguf", "")), told["key"], threads)
            keep.append(server)
            ready["url"] = server.listening_address
        except TriopsError as error:
            ready["error"] = error.message
        except Exception as error:
            ready["error"] = f"the model was not loaded: {error}"
    else:
        try:
            embedder = await asyncio.to_thread(OnnxEmbedder, weights.onnx(told.get("onnx", "")), threads)
            ready["url"] = await _embeddings(embedder, told["key"], keep)
        except TriopsError as error:
            ready["error"] = error.message
        except Exception as error:
            ready["error"] = f"the model was not loaded: {error}"
    answers.write(orjson.dumps(ready) + b"\n")
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()

    def until_parent_ends() -> None:
        with contextlib.suppress(OSError):
            while sys.stdin.buffer.read(4096):
                pass
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=until_parent_ends, daemon=True).start()
    await ended.wait()
    os._exit(0)  # the servers' own threads do not end by themselves


def _chat(path: Path, key: str, threads: int) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.model_alias = {weights.CHAT, path.stem}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [key]
    params.n_parallel = _SLOTS
    params.n_ctx = _CONTEXT
    params.kv_unified = True
    params.n_predict = _ANSWER
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.cpuparams.poll = params.cpuparams_batch.poll = 0  # on a busy machine threads that spin starve each other
    params.sampling.penalty_repeat = 1.1  # a small model repeats itself without it
    params.warmup = False
    params.offline = True
    params.ui = False
    params.endpoint_slots = params.endpoint_props = params.endpoint_metrics = False
    params.verbosity = 1
    return xllamacpp.Server(params)


async def _embeddings(embedder: OnnxEmbedder, key: str, keep: list[Any]) -> str:
    wanted = f"Bearer {key}"
    turn = asyncio.Lock()

    async def embed(request: web.Request) -> web.Response:
        if not hmac.compare_digest(request.headers.get("authorization", "").encode(), wanted.encode()):
            return _problem(401, "authentication_error", "not the key of this server")
        try:
            asked = orjson.loads(await request.read())
            texts = _texts(asked)
        except (orjson.JSONDecodeError, Invalid) as error:
            return _problem(400, "invalid_request_error", str(error))
        async with turn:
            vectors, read = await asyncio.to_thread(embedder.embed, texts)
        packed = asked.get("encoding_format") == "base64"
        data = [
            {
                "object": "embedding",
                "index": at,
                "embedding": base64.b64encode(row.tobytes()).decode() if packed else row.tolist(),
            }
            for at, row in enumerate(vectors)
        ]
        usage = {"prompt_tokens": read, "total_tokens": read}
        body = {"object": "list", "data": data, "model": asked.get("model") or weights.EMBEDDING, "usage": usage}
        return web.Response(body=orjson.dumps(body), content_type="application/json")

    app = web.Application(client_max_size=16 << 20)
    app.router.add_post("/v1/embeddings", embed)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    keep.append(runner)
    host, port = runner.addresses[0][:2]
    return f"http://{host}:{port}"


def _texts(asked: Any) -> list[str]:
    given = asked.get("input") if isinstance(asked, dict) else None
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not 1 <= len(texts) <= _TEXTS or not all(isinstance(t, str) for t in texts):
        raise Invalid("input must be a text, or 1 to 2048 of them", field="input", got=type(given).__name__)
    if asked.get("dimensions") not in (None, 384):
        raise Invalid("this model's vectors have 384 dimensions", field="dimensions", got=asked["dimensions"])
    return texts


def _problem(status: int, type_: str, message: str) -> web.Response:
    body = {"error": {"message": message, "type": type_, "param": None, "code": None}}
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json")


if __name__ == "__main__":
    main()
