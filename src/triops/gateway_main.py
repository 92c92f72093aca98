"""The gateway's process: `python -m triops.gateway_main WORDS HANDOVER DATA`, started by the server and by nobody else.

The first two are descriptors of inherited sockets. It ends when either of them ends.
"""

import logging
import signal
import socket
import sys
from pathlib import Path

import uvloop

from triops.app_gateway import run
from triops.web.handover import many_descriptors


def main(arguments: list[str]) -> int:
    words, handover, data = arguments
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # from a terminal it comes to both; the server decides
    many_descriptors()
    status: int = uvloop.run(run(socket.socket(fileno=int(words)), socket.socket(fileno=int(handover)), Path(data)))
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
