"""Processes of local models, whether or not a model is installed."""

import asyncio

import psutil
import pytest

from triops.adapters.local.process import LocalModels

MODULE = "triops.adapters.local.serve"


def running() -> set[int]:
    found = set()
    for child in psutil.Process().children():
        try:
            if child.status() != psutil.STATUS_ZOMBIE and MODULE in child.cmdline():
                found.add(child.pid)
        except psutil.NoSuchProcess:
            continue
    return found


async def test_a_model_whose_asker_goes_while_it_starts_is_not_left_running() -> None:
    models, before = LocalModels(), running()
    asking = asyncio.create_task(models.running("chat", "/nowhere/model.gguf"))
    while not running() - before:
        await asyncio.sleep(0)
    for _ in range(100):  # until it is waited for, not only made
        await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    async with asyncio.timeout(30):
        while running() - before:
            await asyncio.sleep(0.01)
    await models.close()
