"""`python -m benchmarks [NAME ...]`: every benchmark, or those named, each in a process of its own."""

import subprocess
import sys
from pathlib import Path

NAMES = [
    p.stem
    for p in sorted(Path(__file__).parent.glob("*.py"))
    if not p.stem.startswith("_") and p.stem not in ("peers", "screenshots")
]


def main(names: list[str]) -> int:
    unknown = set(names) - set(NAMES)
    if unknown:
        print(f"no benchmark is called {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    failed = []
    for name in names or NAMES:
        print(f"== {name}", flush=True)
        if subprocess.call([sys.executable, "-m", f"benchmarks.{name}"]) != 0:
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
