"""A small web service that knows nothing of Triops or OpenTelemetry. The README shows how to watch it."""

import logging
import random
import time

from flask import Flask

app = Flask(__name__)
log = logging.getLogger("dice")


@app.get("/roll")
def roll() -> dict[str, int]:
    time.sleep(random.expovariate(50))  # some work
    number = random.randint(1, 6)
    log.warning("rolled %d", number)
    return {"number": number}


@app.get("/broken")
def broken() -> dict[str, int]:
    raise RuntimeError("this page always fails")


if __name__ == "__main__":
    app.run(port=8080)
