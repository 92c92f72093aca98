"""Tails are counted, and end when a stop begins."""

import asyncio
from contextlib import ExitStack

import pytest

from triops.edges.native.live import MAX_TAILS, Live
from triops.kernel.errors import Overloaded


def test_tails_are_bounded_and_give_their_room_back() -> None:
    live = Live()
    with ExitStack() as stack:
        for _ in range(MAX_TAILS):
            stack.enter_context(live.tailing())
        with pytest.raises(Overloaded):
            live.admit_tail()
    live.admit_tail()


def test_a_pause_ends_with_the_server() -> None:
    async def go() -> None:
        live = Live()
        pause = asyncio.create_task(live.pause(3600))
        await asyncio.sleep(0)
        live.close()
        async with asyncio.timeout(10):
            await pause
        assert live.closing

    asyncio.run(go())
