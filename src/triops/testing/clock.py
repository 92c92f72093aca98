"""A clock that stands still until a test moves it."""

import asyncio


class FakeClock:
    """`sleep` moves the time on by itself, and lets other tasks run."""

    def __init__(self, at: float = 1_800_000_000.0) -> None:
        self.at = at

    def now(self) -> float:
        return self.at

    def advance(self, seconds: float) -> float:
        self.at += seconds
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += seconds
        await asyncio.sleep(0)
