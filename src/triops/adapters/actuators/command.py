"""An effect by one command: a list of arguments, never a shell, and only executables that the settings allow."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from triops.adapters.actuators.spec_fields import only, tail, timeout_s
from triops.kernel.errors import Forbidden, Invalid
from triops.kernel.ids import ProjectId
from triops.kernel.masking import masked_arguments, without
from triops.ports.actuators import Outcome

_ARGUMENTS = 64
_ARGUMENT_CHARACTERS = 4096
_OUTPUT_BYTES = 4000
_GRACE_S = 2.0  # between a polite end and a hard one, and for output after the end
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}


class CommandActuator:
    """`spec`: `argv` (the first an absolute path), `timeout_s` (30; at most 60), `cwd` (an absolute path; `/`).

    `allow`: absolute paths, or globs over them in which `*` stays within one directory; empty allows nothing.
    The command gets no input, a minimal environment without the server's variables, and a process group of its own,
    which is ended as a whole when the time is over. Success is exit status 0.
    """

    name = "command"

    def __init__(self, *, allow: Sequence[str] = ()) -> None:
        for pattern in allow:
            if not pattern.startswith("/"):
                raise Invalid("not an absolute path", field="allow", got=pattern)
        self._allow = tuple(allow)

    def check(self, spec: Mapping[str, Any]) -> None:
        self._read(spec)

    def plan(self, spec: Mapping[str, Any]) -> str:
        argv, limit_s, cwd = self._read(spec)
        said = " ".join(_quoted(argument) for argument in masked_arguments(argv))
        where = f" in {cwd}" if cwd != "/" else ""
        return f"run {said if len(said) <= 400 else said[:399] + '…'}{where}, at most {limit_s:g} s"

    async def run(self, project: ProjectId, spec: Mapping[str, Any]) -> Outcome:
        try:
            argv, limit_s, cwd = self._read(spec)
        except (Invalid, Forbidden) as error:
            return Outcome(False, f"{error.details.get('field', 'spec')}: {error.message}")
        # A pipe of our own, because asyncio's wait for a process also waits for whoever else holds its pipes.
        reading_end, writing_end = os.pipe()
        with _Tail(reading_end) as output:
            try:
                process = await asyncio.create_subprocess_exec(
                    *argv,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=writing_end,
                    stderr=writing_end,
                    env=_ENVIRONMENT,
                    cwd=cwd,
                    start_new_session=True,
                )
            except OSError as error:
                return Outcome(False, f"cannot run {argv[0]}: {error.strerror}")
            finally:
                os.close(writing_end)
            timed_out = False
            try:
                async with asyncio.timeout(limit_s):
                    await process.wait()
            except TimeoutError:
                timed_out = True
                await _end(process)
            except BaseException:  # a stop of the server must not leave the command behind
                _signal_group(process, signal.SIGKILL)
                raise
            await output.finished()
        how = f"timed out after {limit_s:g} s" if timed_out else _ended(process.returncode)
        text = f"{how}\n{output.kept.decode('utf-8', 'replace')}".strip()
        shown = zip(argv, masked_arguments(argv), strict=True)
        text = without(text, [given.partition("=")[2] or given for given, hidden in shown if given != hidden])
        return Outcome(not timed_out and process.returncode == 0, _within(text, how))

    def _read(self, spec: Mapping[str, Any]) -> tuple[list[str], float, str]:
        only(spec, "argv", "timeout_s", "cwd")
        argv = spec.get("argv")
        if not isinstance(argv, list | tuple) or not 1 <= len(argv) <= _ARGUMENTS:
            raise Invalid("not a list of arguments", field="argv", expected=f"1 to {_ARGUMENTS} texts")
        for at, argument in enumerate(argv):
            if not isinstance(argument, str) or len(argument) > _ARGUMENT_CHARACTERS or not _is_argument(argument):
                raise Invalid("not an argument", field=f"argv[{at}]", expected="text without NUL")
        path = PurePosixPath(argv[0])
        if not path.is_absolute() or ".." in path.parts:
            raise Invalid("not an absolute path", field="argv[0]", got=argv[0])
        if not any(path.match(pattern) for pattern in self._allow):
            raise Forbidden(f"the settings do not allow to run {argv[0]}", field="argv[0]")
        cwd = spec.get("cwd", "/")
        if not isinstance(cwd, str) or not cwd.startswith("/") or not _is_argument(cwd):
            raise Invalid("not an absolute path", field="cwd", got=cwd)
        return [str(path), *argv[1:]], timeout_s(spec, 30.0), cwd


class _Tail:
    """The last bytes that come through a pipe, read as they come so that the writer never waits for long."""

    def __init__(self, reading_end: int) -> None:
        self.kept = bytearray()
        self._end = reading_end
        self._closed = asyncio.Event()

    def __enter__(self) -> "_Tail":
        os.set_blocking(self._end, False)
        asyncio.get_running_loop().add_reader(self._end, self._read)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._end)
        os.close(self._end)

    async def finished(self) -> None:
        """Until every writer has closed the pipe, or a grace is over: a child that lives on may hold it open."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GRACE_S):
                await self._closed.wait()

    def _read(self) -> None:
        try:
            chunk = os.read(self._end, 65536)
        except BlockingIOError:
            return
        if not chunk:
            asyncio.get_running_loop().remove_reader(self._end)
            self._closed.set()
        self.kept += chunk
        del self.kept[:-_OUTPUT_BYTES]


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the whole group: politely, then hard."""
    _signal_group(process, signal.SIGTERM)
    try:
        async with asyncio.timeout(_GRACE_S):
            await process.wait()
    except TimeoutError:
        pass
    finally:  # also when the server stops meanwhile; and for children that outlive their leader
        _signal_group(process, signal.SIGKILL)
    await process.wait()


def _signal_group(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _ended(status: int | None) -> str:
    if status is not None and status < 0:
        with contextlib.suppress(ValueError):
            return f"ended by {signal.Signals(-status).name}"
    return f"exit status {status}"


def _within(text: str, how: str) -> str:
    """How it ended, then as much of the output's tail as fits."""
    rest = text[len(how) :]
    return how + "\n" + tail(rest.lstrip("\n")) if rest.strip() else how


def _is_argument(text: str) -> bool:
    return "\0" not in text and text == text.encode("utf-8", "replace").decode()


def _quoted(argument: str) -> str:
    plain = argument.isprintable() and argument and not any(c in argument for c in " \"'\\$`*?[]{}()<>|&;#~")
    return argument if plain else repr(argument)
