"""Anomaly detection on the Numenta Anomaly Benchmark: the standard profile over the files that are there.

    python -m benchmarks.nab FOLDER        (or TRIOPS_DATA, which holds the folder `nab`)

One setting for every series. As in NAB, one threshold serves all files; the figure is printed for Triops' own
threshold and for the best one, beside a rolling z-score in the same run. Without data: one line that says so.
"""

import csv
import gzip
import io
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from triops.loop.series import Profile, Seasons, SeriesModel

PROFILE = Profile(learn=20, jumps=True)
THRESHOLD = 5.0
REFRACTORY = 100  # points after a detection in which it is not said again
FALSE_POSITIVE = 0.11


@dataclass(frozen=True)
class File:
    name: str
    times: np.ndarray
    values: np.ndarray
    windows: Sequence[tuple[int, int]]  # first and last row
    probation: int


def load(folder: Path) -> list[File]:
    labels = json.loads((folder / "labels" / "combined_windows.json").read_text())
    files = []
    for path in sorted((folder / "data").rglob("*.csv*")):
        name = path.relative_to(folder / "data").as_posix().removesuffix(".gz")
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()
        rows = list(csv.DictReader(io.StringIO(text)))
        stamps = [datetime.fromisoformat(row["timestamp"]).replace(tzinfo=UTC).timestamp() for row in rows]
        times = np.array(stamps)
        windows = []
        for start, end in labels.get(name, []):
            low, high = (datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() for text in (start, end))
            windows.append((int(np.searchsorted(times, low)), int(np.searchsorted(times, high, "right")) - 1))
        values = np.array([float(row["value"]) for row in rows])
        files.append(File(name, times, values, windows, int(0.15 * min(len(times), 5000))))
    return files


def ours(files: Sequence[File]) -> list[np.ndarray]:
    """All files at once, a point of each a step: scores as they would have been given online."""
    model, seasons = SeriesModel(PROFILE), Seasons()
    model.ensure(len(files))
    seasons.ensure(len(files))
    scores = [np.zeros(len(file.values)) for file in files]
    for at in range(max(len(file.values) for file in files)):
        slots = np.array([n for n, file in enumerate(files) if at < len(file.values)])
        values = np.array([files[n].values[at] for n in slots])
        times = np.array([files[n].times[at] for n in slots])
        season = seasons.offset(slots, times)
        score = model.judge(slots, values - season).score
        odd = score >= THRESHOLD
        model.learn(slots, times, values - season, doubtful=odd)
        turned, level = seasons.learn(slots[~odd], times[~odd], values[~odd])
        model.rebase(slots[~odd][turned], level[turned])
        for n, one in zip(slots.tolist(), score.tolist(), strict=True):
            scores[n][at] = one
    return scores


def rolling_z(files: Sequence[File], width: int = 200) -> list[np.ndarray]:
    out = []
    for file in files:
        sums = np.cumsum(np.r_[0.0, file.values])
        squares = np.cumsum(np.r_[0.0, file.values**2])
        at = np.arange(len(file.values))
        low = np.maximum(at - width, 0)
        n = np.maximum(at - low, 1)
        mean = (sums[at] - sums[low]) / n
        spread = np.sqrt(np.maximum((squares[at] - squares[low]) / n - mean**2, 1e-12))
        out.append(np.where(at < 20, 0.0, np.abs(file.values - mean) / spread))
    return out


def sigmoid(position: float) -> float:
    return -1.0 if position > 3 else 2.0 / (1.0 + float(np.exp(5 * position))) - 1.0


def standard(files: Sequence[File], scores: Sequence[np.ndarray], threshold: float) -> float:
    """NAB's score: 100 is every window at its first point without a false alarm, 0 is saying nothing."""
    total, windows = 0.0, 0
    for file, score in zip(files, scores, strict=True):
        inside = np.full(len(score), -1)
        for n, (first, last) in enumerate(file.windows):
            inside[first : last + 1] = n
        windows += len(file.windows)
        hit: set[int] = set()
        quiet_until = file.probation
        for at in np.flatnonzero(score >= threshold).tolist():
            if at < quiet_until:
                continue
            quiet_until = at + REFRACTORY
            window = int(inside[at])
            if window >= 0:
                if window not in hit:
                    first, last = file.windows[window]
                    total += sigmoid(-(last - at + 1) / (last - first + 1)) / sigmoid(-1.0)
                    hit.add(window)
                continue
            before = [(first, last) for first, last in file.windows if last < at]
            past = (at - before[-1][1]) / max(before[-1][1] - before[-1][0], 1) if before else 9.0
            total += FALSE_POSITIVE * sigmoid(past)
        total -= len(file.windows) - len(hit)
    return 100.0 * (total + windows) / (2.0 * windows)


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(os.environ.get("TRIOPS_DATA", ".")) / "nab"
    if not (folder / "labels" / "combined_windows.json").is_file():
        print("NAB: skipped, no data (give the folder, or TRIOPS_DATA)")
        return
    files = load(folder)
    points, windows = sum(len(f.values) for f in files), sum(len(f.windows) for f in files)
    began = time.process_time()
    mine = ours(files)
    took = time.process_time() - began
    best = max((standard(files, mine, t), t) for t in np.arange(1.5, 20.0, 0.5))
    peer = rolling_z(files)
    other = max((standard(files, peer, t), t) for t in np.arange(1.5, 20.0, 0.5))
    print(f"NAB, {len(files)} files, {points:,} points, {windows} windows, standard profile, one setting:")
    print(f"  triops {standard(files, mine, THRESHOLD):.1f} at its own threshold of {THRESHOLD:g}; ", end="")
    print(f"best {best[0]:.1f} at {best[1]:g}; {took:.0f} s CPU")
    print(f"  rolling z-score: best {other[0]:.1f} at {other[1]:g}")


if __name__ == "__main__":
    main()
