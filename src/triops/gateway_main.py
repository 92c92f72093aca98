"""The gateway's process: `python -m triops.gateway_main WORDS HANDOVER DATA`, started by the server and by nobody else.

The first two are descriptors of inherited sockets. It ends when either of them ends.
"""

import contextlib
import logging
import resource
import signal
import socket
import sys
from pathlib import Path

import uvloop

from triops.app_gateway import run


def main(arguments: list[str]) -> int:
    words, handover, data = arguments
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # from a terminal it comes to both; the server decides
    _many_connections()
    status: int = uvloop.run(run(socket.socket(fileno=int(words)), socket.socket(fileno=int(handover)), Path(data)))
    return status


def _many_connections() -> None:
    """Two descriptors a call: as many as the machine allows without asking."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
