"""`python -m triops.testing.upstream --port 0 [--key K] [--entries N]`: prints its URL, runs until told to stop."""

import argparse
import asyncio
import signal
from contextlib import suppress

import uvloop

from triops.testing.upstream import listen, wires
from triops.testing.upstream.ledger import Ledger
from triops.testing.upstream.server import Provider


async def serve(port: int, key: str, entries: int) -> None:
    server = await listen(Provider(wires(), Ledger(entries), key), port)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await stop.wait()
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="a provider of language models on loopback, for tests")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--key", default="", help="the credential that must come; default: any")
    parser.add_argument("--entries", type=int, default=100_000, help="how many requests the account keeps one by one")
    arguments = parser.parse_args()
    with suppress(KeyboardInterrupt):
        uvloop.run(serve(arguments.port, arguments.key, arguments.entries))


if __name__ == "__main__":
    main()
