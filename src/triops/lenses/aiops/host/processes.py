"""The processes that use most, by CPU and by resident memory, summed by what they are (never a series a pid)."""

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import PurePath

import psutil

from triops.lenses.aiops.host.machine import cpus
from triops.lenses.aiops.host.points import Points

_INTERPRETERS = ("python", "node", "ruby", "perl", "bash", "sh", "php")
_LINGER = 6  # readings that a command stays reported after it left the top, so that its series has no holes
_WORDS = 60  # characters of a command


@dataclass
class Processes:
    """`top` commands by CPU and as many by memory; with those that linger at most four times `top`."""

    top: int = 8
    _spent: dict[tuple[int, float], tuple[float, str]] = field(default_factory=dict)
    _read_at: float | None = None
    _lingering: dict[str, int] = field(default_factory=dict)

    def read(self, points: Points, now: float) -> None:
        spent: dict[tuple[int, float], tuple[float, str]] = {}
        cpu: defaultdict[str, float] = defaultdict(float)
        memory: defaultdict[str, int] = defaultdict(int)
        count = 0
        for process in psutil.process_iter():
            count += 1
            try:
                with process.oneshot():
                    key = (process.pid, process.create_time())
                    times = process.cpu_times()
                    resident = process.memory_info().rss
                    if not resident:  # a thread of the kernel
                        continue
                    seconds = times.user + times.system
                    before = self._spent.get(key)
                    command = before[1] if before else _command(process)
            except psutil.Error:  # gone meanwhile, or not ours to look at
                continue
            spent[key] = (seconds, command)
            memory[command] += resident
            # What a process used before it was first seen belongs to no interval, unless it is younger than that.
            young = self._read_at is not None and key[1] >= self._read_at
            cpu[command] += max(0.0, seconds - (before[0] if before else 0.0 if young else seconds))
        elapsed = now - self._read_at if self._read_at is not None else 0.0
        self._spent, self._read_at = spent, now
        points.gauge("system.process.count", "{process}", count)
        for command in self._chosen(cpu, memory):
            points.gauge("process.memory.usage", "By", memory.get(command, 0), process_command=command)
            if elapsed > 0:
                share = cpu.get(command, 0.0) / elapsed / cpus()
                points.gauge("process.cpu.utilization", "1", min(1.0, share), process_command=command)

    def _chosen(self, cpu: dict[str, float], memory: dict[str, int]) -> list[str]:
        top = set(sorted(memory, key=lambda c: -memory[c])[: self.top])
        top.update(sorted((c for c in cpu if cpu[c] > 0), key=lambda c: -cpu[c])[: self.top])
        lingering = {c: left - 1 for c, left in self._lingering.items() if left > 1 and c not in top}
        newest = sorted(lingering, key=lambda c: -lingering[c])[: self.top * 2]
        self._lingering = {c: lingering[c] for c in newest} | dict.fromkeys(top, _LINGER)
        return sorted(self._lingering)


def _command(process: psutil.Process) -> str:
    """The program's name; of an interpreter also what it runs, since ten services may all be `python`."""
    name = process.name()
    if not name.lower().startswith(_INTERPRETERS):
        return name[:_WORDS]
    try:
        arguments = process.cmdline()[1:]
    except psutil.Error:
        return name[:_WORDS]
    for position, argument in enumerate(arguments):
        if argument == "-m" and position + 1 < len(arguments):
            return f"{name} -m {arguments[position + 1]}"[:_WORDS]
        if argument == "-c":
            break
        if not argument.startswith("-"):
            return f"{name} {PurePath(argument).name}"[:_WORDS]
    return name[:_WORDS]
