"""A sender of spans, for benchmarks of what else a server does meanwhile.

    python -m benchmarks._spans PORT --rate 10000 --seconds 10

`--rate` spans a second; 0: as many as are taken. It makes its requests first, says `ready`, waits for a line on its
standard input, sends, and prints how many spans a second were acknowledged.
"""

import argparse
import http.client
import random
import sys
import threading
import time

from benchmarks.ingest import trace_body

EACH = 500  # spans of one request
SENDERS = 4


def _send(port: int, bodies: list[bytes], every: float, seconds: float, taken: list[int]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    due = time.monotonic()
    until = due + seconds
    while bodies and time.monotonic() < until:
        if (wait := due - time.monotonic()) > 0:
            time.sleep(wait)
        due += every
        connection.request("POST", "/v1/traces", bodies.pop(), {"Content-Type": "application/x-protobuf"})
        answer = connection.getresponse()
        answer.read()
        if answer.status == 200:
            taken.append(EACH)
        else:
            time.sleep(0.05)  # back-pressure
    connection.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--rate", type=float, default=10_000.0)
    parser.add_argument("--seconds", type=float, default=10.0)
    arguments = parser.parse_args()
    rng = random.Random(7)
    every = EACH * SENDERS / arguments.rate if arguments.rate else 0.0
    count = int(arguments.seconds * (arguments.rate or 40_000) / EACH / SENDERS) + 1
    bodies = [[trace_body(rng, EACH) for _ in range(count)] for _ in range(SENDERS)]
    print("ready", flush=True)
    sys.stdin.readline()
    taken: list[int] = []
    began = time.monotonic()
    threads = [
        threading.Thread(target=_send, args=(arguments.port, some, every, arguments.seconds, taken)) for some in bodies
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(int(sum(taken) / (time.monotonic() - began)), flush=True)


if __name__ == "__main__":
    main()
