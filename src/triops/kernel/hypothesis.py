"""A ranked cause with its evidence. The probabilities of one incident's hypotheses and "unknown" sum to one."""

from dataclasses import dataclass

from triops.kernel.ids import ChangeId, EntityId


@dataclass(frozen=True, slots=True)
class Evidence:
    """One claim that speaks for (or against) a hypothesis. `kind`: change, onset, topology, anomaly, log, trace,
    past."""

    kind: str
    text: str
    weight: float = 0.0  # log-odds it added; negative speaks against
    ref: str = ""  # an anomaly's, change's or trace's id


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """`entity` None is "unknown": the evidence does not tell. Rank 1 is the most probable."""

    rank: int
    entity: EntityId | None
    change: ChangeId | None
    probability: float
    title: str
    evidence: tuple[Evidence, ...] = ()
