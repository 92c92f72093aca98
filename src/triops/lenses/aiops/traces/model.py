"""Constants and values of the RED detector."""

from dataclasses import dataclass

from triops.loop.series.model import Profile

LATENCY, ERRORS, RATE, MISSING = range(4)
MEASURES = ("latency", "errors", "rate", "missing")
NONE, NORMAL = -1, 0  # verdicts on one step; an abnormal one is its weight towards `RedProfile.hold`
SLIGHT, TAIL, CLEAR, GRAVE = 2, 3, 4, 6


@dataclass(frozen=True, slots=True)
class RedProfile:
    """One setting for every service and edge; times in seconds, ages from a step's start.

    judge_age_s: when a step is first judged (exporters send every 5 s), on what has arrived.
    final_age_s: when a step is judged for the last time, then learned.
    """

    step_s: int = 5
    judge_age_s: float = 8.0
    final_age_s: float = 20.0
    replay_s: float = 600.0  # learned from the store, without claims, after a start
    ring: int = 16  # steps of verdicts kept
    score: float = 4.0  # to begin
    score_on: float = 2.5  # to go on
    hold: int = 12  # to begin: 2 grave steps, 3 clear, 4 where only a tail is slow (pauses do that), 6 slight ones
    quiet: int = 4  # normal steps to end, or
    recent: int = 5  # so many with at most one tail among them, the last two normal
    pool: int = 6  # steps of errors judged together to begin, so that a low share is seen too
    pool_on: int = 2  # and to go on
    ratio: float = 1.5  # least latency over its baseline; more while few steps were learned
    ratio_on: float = 1.3
    service_ms: float = 15.0  # least rise of a service's latency, and of an edge's
    edge_ms: float = 5.0
    error_share: float = 0.02  # least rise of the error share
    errors: float = 3.0  # least errors in a step
    drop: float = 0.4  # a rate below this share of its baseline has dropped
    drop_learn: int = 24
    relearn_s: float = 3600.0  # errors that last longer become the norm (as `series.Profile.relearn_s`)
    forget_s: float = 900.0  # without any request a service or edge is forgotten
    keys: int = 20_000  # services and edges of a project; more are not watched, and counted


LATENCY_PROFILE = Profile(learn=5, alpha=0.02, floor=0.05, floor_ratio=0.0, prior_weight=6.0, drifts=False)
RATE_PROFILE = Profile(learn=5, alpha=0.02, floor=1.0, floor_ratio=0.02, prior_weight=6.0, drifts=False)
