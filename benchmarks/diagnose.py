"""Claim: the true cause is ranked first in at least 85 % of faults in made-up systems, and probabilities are honest.

Beside us, on the same cases: the call-graph traversal that root-cause papers use as their baseline (the anomalous
service none of whose callees is anomalous; the highest score among several).    python -m benchmarks.diagnose [CASES]
"""

import sys
import time
from collections import Counter

from triops.kernel.ids import EntityId
from triops.loop.causes import diagnose
from triops.testing.faults import FAULTS, Case, incident_of, make


def traversal(case: Case) -> EntityId | None:
    symptoms = {a.entity: a.score for a in case.anomalies if a.symptom}
    deepest = [e for e in symptoms if not any(c in symptoms for c in case.topology.callees(e))]
    return max(deepest or symptoms, key=lambda e: symptoms[e], default=None)


def main(cases: int = 1200, first: int = 100_000) -> dict[str, float]:
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    three = changes = with_change = baseline = 0
    bins: list[list[float]] = [[] for _ in range(10)]
    hits: list[list[float]] = [[] for _ in range(10)]
    took = []
    for seed in range(first, first + cases):
        fault = FAULTS[seed % len(FAULTS)]
        case = make(seed, fault)
        began = time.perf_counter()
        found = diagnose(incident_of(case), case.anomalies, case.changes, case.topology, case.now)
        took.append(time.perf_counter() - began)
        named = [h for h in found if h.entity is not None]
        hit = bool(found) and found[0].entity == case.cause
        right[fault] += hit
        total[fault] += 1
        three += case.cause in [h.entity for h in named[:3]]
        baseline += traversal(case) == case.cause
        if case.change is not None:
            with_change += 1
            changes += hit and found[0].change == case.change
        if named:
            place = min(9, int(named[0].probability * 10))
            bins[place].append(named[0].probability)
            hits[place].append(float(named[0].entity == case.cause))
    for fault in FAULTS:
        print(f"  {fault:10s} top-1 {right[fault] / total[fault]:.3f} of {total[fault]}")
    print("  stated probability of the first named cause, and how often it was right:")
    error = 0.0
    for said, was in zip(bins, hits, strict=True):
        if said:
            mean, share = sum(said) / len(said), sum(was) / len(was)
            error += abs(mean - share) * len(said) / cases
            print(f"    said {mean:.2f}  was {share:.2f}  ({len(said)})")
    took.sort()
    result = {
        "top1": sum(right.values()) / cases,
        "top3": three / cases,
        "change": changes / max(1, with_change),
        "traversal_top1": baseline / cases,
        "calibration_error": error,
        "ms_p50": took[len(took) // 2] * 1e3,
        "ms_p99": took[int(len(took) * 0.99)] * 1e3,
    }
    print("diagnose: " + ", ".join(f"{name} {value:.3f}" for name, value in result.items()))
    return result


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1200)["top1"] < 0.85)
