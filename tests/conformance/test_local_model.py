"""The packaged local models in their own processes, over the wire that they speak."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import numpy as np
import psutil
import pytest

from triops.adapters.local import weights
from triops.adapters.local.process import LocalModels, Running
from triops.kernel.errors import Unavailable


@pytest.fixture
async def models() -> AsyncIterator[LocalModels]:
    try:
        weights.gguf()
        weights.onnx()
    except Unavailable as missing:
        pytest.skip(missing.message)
    models = LocalModels()
    yield models
    await models.close()


async def ask(running: Running, path: str, body: dict[str, Any], key: str = "") -> tuple[int, Any]:
    async with aiohttp.ClientSession() as session:
        url = f"http://{running.host.name}:{running.host.port}{path}"
        async with session.post(url, json=body, headers={"authorization": f"Bearer {key or running.key}"}) as answer:
            return answer.status, await answer.json(content_type=None)


async def test_a_chat_and_an_embedding(models: LocalModels) -> None:
    chat, embeddings = await asyncio.gather(models.running("chat"), models.running("embeddings"))
    said = [{"role": "system", "content": "You are brief."}, {"role": "user", "content": "Say hello."}]
    status, answer = await ask(chat, "/v1/chat/completions", {"model": "smollm2", "messages": said, "max_tokens": 8})
    assert status == 200
    assert answer["choices"][0]["message"]["content"]
    assert 0 < answer["usage"]["completion_tokens"] <= 8
    texts = ["a cat sat on a mat", "a kitten was sitting on a rug", "the stock market crashed"]
    status, answer = await ask(embeddings, "/v1/embeddings", {"input": texts})
    assert status == 200
    near = np.array([row["embedding"] for row in answer["data"]])
    near = near @ near.T
    assert near[0, 1] > near[0, 2] + 0.2
    assert np.allclose(np.diag(near), 1.0, atol=1e-5)
    assert answer["usage"]["prompt_tokens"] > 0
    assert (await ask(embeddings, "/v1/embeddings", {"input": [1, 2]}))[0] == 400
    for running, path in ((chat, "/v1/chat/completions"), (embeddings, "/v1/embeddings")):
        assert (await ask(running, path, {"messages": said, "input": "x"}, key="another"))[0] == 401


async def test_one_process_serves_all_who_ask_and_is_started_again(models: LocalModels) -> None:
    first, second = await asyncio.gather(models.running("embeddings"), models.running("embeddings"))
    assert first == second
    child = next(c for c in psutil.Process().children() if "triops.adapters.local.serve" in c.cmdline())
    child.kill()
    while (again := await models.running("embeddings")) == first:
        await asyncio.sleep(0.01)
    assert (await ask(again, "/v1/embeddings", {"input": "hello"}))[0] == 200


async def test_a_file_that_is_not_there_is_told(models: LocalModels) -> None:
    with pytest.raises(Unavailable, match="no GGUF file"):
        await models.running("chat", "/nowhere/model.gguf")
