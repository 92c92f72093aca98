import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from triops.adapters.actuators.command import CommandActuator
from triops.kernel.errors import Forbidden, Invalid
from triops.kernel.tenant import DEFAULT_PROJECT

PYTHON = sys.executable


def hand() -> CommandActuator:
    return CommandActuator(allow=[PYTHON, "/bin/*"])


def script(program: str, *arguments: str, **spec: Any) -> dict[str, Any]:
    return {"argv": [PYTHON, "-c", program, *arguments], **spec}


async def gone(pid: int) -> bool:
    """Whether a process has ended within 10 s; one that only waits to be reaped has."""
    for _ in range(200):
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        await asyncio.sleep(0.05)
    return False


async def test_a_command_is_run_without_a_shell(tmp_path: Path) -> None:
    outcome = await hand().run(DEFAULT_PROJECT, {"argv": ["/bin/echo", "a b", "$HOME", ";", f"> {tmp_path}/x"]})
    assert (outcome.ok, outcome.text) == (True, f"exit status 0\na b $HOME ; > {tmp_path}/x\n".rstrip())
    assert list(tmp_path.iterdir()) == []


async def test_a_failure_is_an_outcome_with_its_output() -> None:
    outcome = await hand().run(
        DEFAULT_PROJECT, script("import sys; print('out'); print('why', file=sys.stderr); sys.exit(3)")
    )
    assert not outcome.ok
    assert outcome.text.startswith("exit status 3\n")
    assert "why" in outcome.text
    missing = await CommandActuator(allow=["/nowhere/*"]).run(DEFAULT_PROJECT, {"argv": ["/nowhere/x"]})
    assert (missing.ok, missing.text) == (False, "cannot run /nowhere/x: No such file or directory")
    killed = await hand().run(DEFAULT_PROJECT, script("import os; os.kill(os.getpid(), 9)"))
    assert killed.text == "ended by SIGKILL"


async def test_the_environment_is_minimal_and_there_is_no_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIOPS_SECRET", "s3cr3t")
    program = "import os, sys; print(sorted(set(os.environ) - {'LC_CTYPE'}), repr(sys.stdin.read()), os.getcwd())"
    outcome = await hand().run(DEFAULT_PROJECT, script(program))
    assert outcome.text == "exit status 0\n['LANG', 'PATH'] '' /"
    outcome = await hand().run(DEFAULT_PROJECT, script("import os; print(os.getcwd())", cwd="/usr"))
    assert outcome.text.endswith("/usr")


async def test_only_the_end_of_much_output_is_kept() -> None:
    outcome = await hand().run(DEFAULT_PROJECT, script("import sys; sys.stdout.write('é' * 5_000_000 + 'the end')"))
    assert outcome.ok
    assert outcome.text.endswith("the end")
    assert len(outcome.text.encode()) <= 4096


async def test_a_command_that_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    program = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import signal, time; "
        "signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)'])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    outcome = await hand().run(DEFAULT_PROJECT, script(program, timeout_s=1))
    assert not outcome.ok
    how, pid = outcome.text.split("\n")
    assert how == "timed out after 1 s"
    assert await gone(int(pid))


async def test_a_child_that_lives_on_does_not_hold_the_outcome_up() -> None:
    program = "import subprocess; print(subprocess.Popen(['/bin/sleep', '600']).pid)"
    async with asyncio.timeout(30):
        outcome = await hand().run(DEFAULT_PROJECT, script(program))
    how, pid = outcome.text.split("\n")
    assert how == "exit status 0"
    os.kill(int(pid), 9)


async def test_a_stop_takes_the_command_with_it(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    program = f"import os, time; open({str(mark)!r}, 'w').write(str(os.getpid()) + '.'); time.sleep(600)"
    task = asyncio.create_task(hand().run(DEFAULT_PROJECT, script(program)))
    async with asyncio.timeout(30):
        while not mark.exists() or not mark.read_text().endswith("."):
            await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await gone(int(mark.read_text()[:-1]))


@pytest.mark.parametrize("path", ["/usr/bin/id", "/bin/sub/x", "/sbin/reboot", "/bin"])
async def test_what_is_not_allowed_is_forbidden(path: str) -> None:
    with pytest.raises(Forbidden):
        hand().check({"argv": [path]})
    assert not (await hand().run(DEFAULT_PROJECT, {"argv": [path]})).ok
    with pytest.raises(Forbidden):
        CommandActuator().check({"argv": [PYTHON]})


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({}, "argv"),
        ({"argv": "/bin/echo x"}, "argv"),
        ({"argv": []}, "argv"),
        ({"argv": ["/bin/echo"] * 65}, "argv"),
        ({"argv": ["/bin/echo", 1]}, "argv[1]"),
        ({"argv": ["/bin/echo", "a\0b"]}, "argv[1]"),
        ({"argv": ["/bin/echo", "\ud800"]}, "argv[1]"),
        ({"argv": ["/bin/echo", "x" * 5000]}, "argv[1]"),
        ({"argv": ["echo"]}, "argv[0]"),
        ({"argv": ["/bin/../sbin/reboot"]}, "argv[0]"),
        ({"argv": ["/bin/echo"], "timeout_s": 61}, "timeout_s"),
        ({"argv": ["/bin/echo"], "shell": True}, "shell"),
        ({"argv": ["/bin/echo"], "cwd": "here"}, "cwd"),
    ],
)
async def test_a_spec_it_would_not_run_is_named(spec: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as raised:
        hand().check(spec)
    assert raised.value.details["field"] == field
    outcome = await hand().run(DEFAULT_PROJECT, spec)
    assert outcome.text.startswith(field)


async def test_secrets_are_neither_planned_nor_told() -> None:
    spec = {"argv": ["/bin/echo", "--password", "hunter2", "--token=abc123", "plain word"]}
    assert hand().plan(spec) == "run /bin/echo --password '***' '--token=***' 'plain word', at most 30 s"
    outcome = await hand().run(DEFAULT_PROJECT, spec)
    assert outcome.text == "exit status 0\n--password *** --token=*** plain word"
