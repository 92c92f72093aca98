"""Names of people, places and firms, addresses, trades, ages: a linear-chain model over a text's tokens.

Every number is a whole number, so a text's labels do not depend on how it was divided. A token that is surely nothing
(by more than any neighbours could make good) separates what is before it from what is after.
"""

from dataclasses import dataclass
from importlib.resources import files
from threading import Lock

import numpy as np
import numpy.typing as npt

from triops.lenses.llmops.guards.pii.features import EDGE, OFFSETS, REACH, together, word_features
from triops.lenses.llmops.guards.pii.gazetteer import Gazetteer
from triops.lenses.llmops.guards.pii.tokens import Tokens

NOTHING = 0  # the label of a token that is nothing
_WORDS = 20_000  # whose features are kept
Ints = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Tagged:
    """`labels`: one a token. `sure`: which tokens are nothing whatever their neighbours are."""

    labels: list[int]
    sure: list[bool]


class Tagger:
    """`weights`: int8, rows of hashed features by labels. `moves`: from label to label."""

    def __init__(
        self, labels: tuple[str, ...], weights: npt.NDArray[np.int8], moves: npt.NDArray[np.int32], gazetteer: Gazetteer
    ) -> None:
        self.labels = labels
        self._weights = weights
        self._gazetteer = gazetteer
        self._moves: list[list[int]] = moves.tolist()
        into = int(
            (moves - moves[:, :1]).max()
        )  # what a label can gain over nothing by the one before it, and after it
        self._swing = into + int((moves - moves[:1]).max())
        self._range = int(2 * (moves.max() - moves.min()))
        self._lock = Lock()  # what is remembered of words is shared by threads
        self._known: dict[str, int] = {}
        self._parts = np.zeros((256, len(OFFSETS), len(labels)), dtype=np.int32)
        self._hashes = np.zeros((3, 256), dtype=np.uint32)

    @classmethod
    def load(cls) -> "Tagger":
        """The one that is shipped."""
        with files(__package__).joinpath("weights.npz").open("rb") as file, np.load(file) as stored:
            gazetteer = Gazetteer(np.cumsum(stored["keys"], dtype=np.uint32).tolist(), stored["lists"].tolist())
            weights = np.zeros((int(stored["rows"]), len(stored["labels"])), dtype=np.int8)
            weights[np.unpackbits(stored["used"])[: len(weights)].astype(bool)] = stored["weights"]
            labels = tuple(str(label) for label in stored["labels"])
            return cls(labels, weights, stored["moves"].astype(np.int32), gazetteer)

    def tag(self, tokens: Tokens, before: tuple[str, ...] = ()) -> Tagged:
        """`before`: the words before the first token, at most REACH, where there are any; the last was nothing."""
        edge = [EDGE] * REACH
        words = [*([*edge, *before][-REACH:]), *tokens.words, *edge]
        with self._lock:
            scores = self._scores(self._ids(words))
        best = scores.max(axis=1)
        others = scores[:, 1:].max(axis=1)
        sure: list[bool] = (scores[:, NOTHING] - others > self._swing).tolist()
        if all(sure):
            return Tagged([NOTHING] * len(sure), sure)
        return Tagged(self._path(scores.tolist(), best.tolist(), sure), sure)

    def _scores(self, ids: npt.NDArray[np.intp]) -> Ints:
        """Of each token but the edges, by label."""
        parts, count = self._parts, len(ids) - 2 * REACH
        scores: Ints = parts[ids[REACH : REACH + count], 0]
        for column, offset in enumerate(OFFSETS[1:], 1):
            scores = scores + parts[ids[REACH + offset : REACH + offset + count], column]
        kinds, saids, shapes = self._hashes[:, ids]
        rows = np.stack(together(kinds, saids, shapes))
        return scores + self._weights[rows].sum(axis=0, dtype=np.int32)

    def _ids(self, words: list[str]) -> npt.NDArray[np.intp]:
        known = self._known
        if len(known) + len(words) > _WORDS:
            known.clear()
        ids = [known.get(word, -1) for word in words]
        for at, number in enumerate(ids):
            if number < 0:
                ids[at] = self._learned(words[at])
        return np.array(ids, dtype=np.intp)

    def _learned(self, word: str) -> int:
        if word in self._known:
            return self._known[word]
        number = len(self._known)
        if number >= len(self._parts):
            self._parts = np.concatenate([self._parts, np.zeros_like(self._parts)])
            self._hashes = np.concatenate([self._hashes, np.zeros_like(self._hashes)], axis=1)
        seen = word_features(word, self._gazetteer)
        for column, rows in enumerate(seen.rows):
            self._parts[number, column] = self._weights[list(rows)].sum(axis=0, dtype=np.int32)
        self._hashes[:, number] = (seen.kind, seen.said, seen.shape)
        self._known[word] = number
        return number

    def _path(self, scores: list[list[int]], best: list[int], sure: list[bool]) -> list[int]:
        """The best labels together (Viterbi), looking only at labels that can be on the best path."""
        moves, least = self._moves, self._range
        reached = {NOTHING: 0}
        back: list[dict[int, int]] = []
        for row, top, nothing in zip(scores, best, sure, strict=True):
            labels = (NOTHING,) if nothing else [y for y, score in enumerate(row) if score + least >= top]
            now: dict[int, int] = {}
            came: dict[int, int] = {}
            for label in labels:
                ways = [(score + moves[last][label], -last) for last, score in reached.items()]
                score, last = max(ways)
                now[label], came[label] = score + row[label], -last
            reached = now
            back.append(came)
        label = min(reached, key=lambda y: (-reached[y], y))
        path: list[int] = []
        for came in reversed(back):
            path.append(label)
            label = came[label]
        path.reverse()
        return path
