"""The demo as a user starts it: its own exit status is the judge, and it leaves no process behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.demo_story import story

STEPS = (
    "baseline", "decoy", "fault", "anomaly", "incident", "cause", "proposed", "approved", "executed", "recovered",
    "resolved",
)  # fmt: skip
pytest.importorskip("flask", reason="the demo's extras are not installed")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Temporary folders inside the test's own, so that what is left behind is seen."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(tmp_path), "NO_COLOR": "1"}


@pytest.fixture(autouse=True)
def no_process_stays(tmp_path: Path) -> Iterator[None]:
    """Children have the demo's environment, so its temporary folder tells them from any other process."""
    yield

    def left() -> list[list[str]]:
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("TMPDIR") == str(tmp_path) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process.cmdline())
            except psutil.Error:
                continue
        return found

    deadline = time.monotonic() + 10
    while left() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left() == []


@pytest.mark.timeout(300)
def test_story_of_a_slow_deploy(tmp_path: Path) -> None:
    told = story("demo", STEPS, tmp_path, 280)
    assert "\x1b" not in told  # no terminal, no colours
    assert list(tmp_path.iterdir()) == []


@pytest.mark.timeout(120)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_everything(environment: dict[str, str], tmp_path: Path, number: signal.Signals) -> None:
    demo = subprocess.Popen(
        [sys.executable, "-m", "triops", "demo", "--once"], env=environment, stdout=subprocess.PIPE, text=True,
        start_new_session=True,
        # a shell that runs the tests in the background has them ignore Ctrl-C, and so would their children
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    assert demo.stdout is not None
    for line in demo.stdout:
        if " visible " in line:
            break
    else:
        pytest.fail("the shop was never seen")
    demo.send_signal(number)
    assert demo.wait(40) == {signal.SIGINT: 130, signal.SIGTERM: 143}[number]
    demo.stdout.close()
    assert list(tmp_path.iterdir()) == []


def test_unknown_fault_and_taken_port_are_said(environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "triops", "demo", "--once"]
    unknown = subprocess.run([*command, "--fault", "none"], env=environment, capture_output=True, text=True, timeout=60)
    assert unknown.returncode == 2
    assert "latency" in unknown.stdout
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        said = subprocess.run([*command, "--port", port], env=environment, capture_output=True, text=True, timeout=60)
    assert said.returncode == 1
    assert f"port {port} is taken" in said.stdout
