"""Constants of the log detector."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LogProfile:
    """One setting for every service; times in seconds.

    A step is counted when it is `settle_s` past its end. A surge needs `score`, `least` lines and `ratio` times the
    usual; it begins after `hold` such steps and ends after `quiet` others. Above `symptom_*` it is a symptom.
    """

    step_s: int = 10
    settle_s: float = 4.0
    replay_s: float = 900.0
    learn: int = 6
    score: float = 5.0
    score_on: float = 2.5
    least: float = 10.0
    ratio: float = 4.0
    hold: int = 2
    quiet: int = 3
    symptom_score: float = 8.0
    symptom_ratio: float = 10.0
    symptom_least: float = 20.0
    new_score: float = 3.0  # of a template that was never seen
    new_after_s: float = 120.0  # what comes in the first minutes is not new
    new_end_s: float = 120.0  # a new template is no news any more
    new_open: int = 20  # open at once in a project; more are counted
    templates: int = 50_000  # known in a project; at the bound the one seen longest ago is forgotten
    services: int = 5_000  # of a project; more are not watched
