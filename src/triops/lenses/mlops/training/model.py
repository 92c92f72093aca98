"""What counts as unusual about training; one setting for every run."""

import re
from dataclasses import dataclass

_LOWER = re.compile(
    r"(loss|error|err|rmse|mse|mae|mape|rmsle|perplexity|ppl|logloss|brier|deviance|divergence|wer|cer|fpr|fnr)"
)
_HIGHER = re.compile(
    r"(acc|accuracy|precision|recall|f1|f_?beta|auc|auroc|roc|aucpr|r2|score|bleu|rouge|iou|dice|map|ndcg|mrr|reward|"
    r"correlation|kappa|mcc|explained_variance)"
)
_WORDS = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class TrainingProfile:
    """`points`: of a curve, before it is judged. `lost`: the share of its gain that a curve must have lost again,
    beyond its own noise, to count as diverging. `history`: ended runs of an experiment before its failures or results
    are judged. `score`: -log10 of the tail probability from which on a claim is made."""

    points: int = 12
    lost: float = 0.5
    noise: float = 8.0  # standard deviations of the curve's own steps
    stalled_s: float = 1800.0
    pace: float = 20.0  # times a run's own usual pause, if that is longer
    history: int = 8
    recent: int = 10
    score: float = 3.0
    runs: int = 2000  # that run at once in a project; the one that was quiet longest is forgotten
    keys: int = 100  # curves of a run
    experiments: int = 2000


def better(key: str) -> int:
    """+1 where more is better, -1 where less is, 0 where the metric's name does not tell (it is not judged then)."""
    words = _WORDS.split(key.lower())
    for word in reversed(words):  # `val_loss`, `loss_val`: the measure may stand at either end
        if _LOWER.fullmatch(word):
            return -1
        if _HIGHER.fullmatch(word):
            return 1
    joined = "_".join(words)
    if _LOWER.search(joined):
        return -1
    return 1 if _HIGHER.search(joined) else 0
