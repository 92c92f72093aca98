"""What the machine as a whole does, read from psutil, under OpenTelemetry's names. Utilisations are 0 to 1."""

import os
from dataclasses import dataclass

import psutil

from triops.lenses.aiops.host.points import Points

DEVICES = 64  # filesystems, disks and interfaces reported, of each; the rest is left out
_MODES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
_IMAGES = frozenset({"squashfs", "erofs", "iso9660", "overlay"})  # full by design


@dataclass
class Machine:
    """Remembers CPU times between readings; the first reading has no CPU utilisation."""

    _cpu: dict[str, float] | None = None

    def read(self, points: Points, now: float) -> None:
        self._read_cpu(points)
        self._read_memory(points)
        for one, five, fifteen in (psutil.getloadavg(),):
            points.gauge("system.cpu.load_average.1m", "{thread}", one)
            points.gauge("system.cpu.load_average.5m", "{thread}", five)
            points.gauge("system.cpu.load_average.15m", "{thread}", fifteen)
        points.gauge("system.uptime", "s", max(0.0, now - psutil.boot_time()))
        self._read_filesystems(points)
        self._read_disks(points)
        self._read_network(points)

    def _read_cpu(self, points: Points) -> None:
        times = psutil.cpu_times()
        current = {mode: float(getattr(times, mode, 0.0)) for mode in _MODES}
        before, self._cpu = self._cpu, current
        points.gauge("system.cpu.logical.count", "{cpu}", psutil.cpu_count() or 1)
        if before is None:
            return
        spent = {mode: max(0.0, current[mode] - before[mode]) for mode in _MODES}
        total = sum(spent.values())
        if total <= 0:
            return
        spent["interrupt"] = spent.pop("irq") + spent.pop("softirq")
        for mode, seconds in spent.items():
            points.gauge("system.cpu.utilization", "1", seconds / total, cpu_mode=mode)

    def _read_memory(self, points: Points) -> None:
        memory = psutil.virtual_memory()
        points.gauge("system.memory.limit", "By", memory.total)
        states = {
            "used": memory.total - memory.available,
            "free": memory.free,
            "cached": getattr(memory, "cached", 0),
            "buffers": getattr(memory, "buffers", 0),
        }
        for state, size in states.items():
            points.gauge("system.memory.usage", "By", size, system_memory_state=state)
        points.gauge(
            "system.memory.utilization", "1", states["used"] / max(1, memory.total), system_memory_state="used"
        )
        swap = psutil.swap_memory()
        if swap.total:
            points.gauge("system.paging.usage", "By", swap.used, system_paging_state="used")
            points.gauge("system.paging.utilization", "1", swap.used / swap.total, system_paging_state="used")

    def _read_filesystems(self, points: Points) -> None:
        seen: set[str] = set()
        for part in psutil.disk_partitions(all=False):
            if part.device in seen or part.fstype in _IMAGES or len(seen) >= DEVICES:
                continue
            try:
                usage = psutil.disk_usage(part.mountpoint)
            except OSError:  # unmounted meanwhile, or not ours to look at
                continue
            seen.add(part.device)
            where = {
                "system_device": part.device,
                "system_filesystem_mountpoint": part.mountpoint,
                "system_filesystem_type": part.fstype,
            }
            points.gauge("system.filesystem.usage", "By", usage.used, **where, system_filesystem_state="used")
            points.gauge("system.filesystem.usage", "By", usage.free, **where, system_filesystem_state="free")
            # Of what a user can fill: blocks reserved for root count as used, as `df` has it.
            share = usage.used / max(1, usage.used + usage.free)
            points.gauge("system.filesystem.utilization", "1", share, **where, system_filesystem_state="used")

    def _read_disks(self, points: Points) -> None:
        disks = psutil.disk_io_counters(perdisk=True, nowrap=True) or {}
        active = [name for name in sorted(disks) if disks[name].read_bytes or disks[name].write_bytes]
        for name in active[:DEVICES]:
            disk = disks[name]
            for direction, size, count in (
                ("read", disk.read_bytes, disk.read_count),
                ("write", disk.write_bytes, disk.write_count),
            ):
                where = {"system_device": name, "disk_io_direction": direction}
                points.counter("system.disk.io", "By", size, **where)
                points.counter("system.disk.operations", "{operation}", count, **where)
            if hasattr(disk, "busy_time"):
                points.counter("system.disk.io_time", "s", disk.busy_time / 1000, system_device=name)

    def _read_network(self, points: Points) -> None:
        cards = psutil.net_io_counters(pernic=True, nowrap=True) or {}
        active = [name for name in sorted(cards) if cards[name].bytes_sent or cards[name].bytes_recv]
        for name in active[:DEVICES]:
            card = cards[name]
            for direction, size, packets, errors, dropped in (
                ("receive", card.bytes_recv, card.packets_recv, card.errin, card.dropin),
                ("transmit", card.bytes_sent, card.packets_sent, card.errout, card.dropout),
            ):
                where = {"network_interface_name": name, "network_io_direction": direction}
                points.counter("system.network.io", "By", size, **where)
                points.counter("system.network.packet.count", "{packet}", packets, **where)
                points.counter("system.network.errors", "{error}", errors, **where)
                points.counter("system.network.packet.dropped", "{packet}", dropped, **where)


def cpus() -> int:
    """CPUs this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
