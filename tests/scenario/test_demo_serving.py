"""Where a demo's server listens: who else has the usual port is neither disturbed nor taken for it."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from triops.demo.serving import DEFAULT_PORT, open_server
from triops.demo.waiting import StoryError


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody else listens."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_a_free_port_when_the_usual_one_is_taken(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):  # another demo has it just now: as good
            other.bind(("127.0.0.1", DEFAULT_PORT))
            other.listen()
        with open_server(None, tmp_path) as server:
            assert server.client.healthy()
            assert not server.url.endswith(f":{DEFAULT_PORT}")


def test_a_port_that_was_asked_for_and_is_taken(tmp_path: Path, taken: int) -> None:
    with pytest.raises(StoryError, match=f"port {taken} is taken"), open_server(taken, tmp_path):
        pass
