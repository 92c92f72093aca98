"""Names of people, places and firms, addresses, trades, ages: a linear-chain model over a text's tokens.

Every number is a whole number, so a text's labels do not depend on how it was divided. A token that is surely nothing
(by more than any neighbours could make good) separates what is before it from what is after.
"""

from dataclasses import dataclass
from importlib.resources import files
from itertools import accumulate
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from triops.lenses.llmops.guards.pii.features import EDGE, OFFSETS, together, word_features
from triops.lenses.llmops.guards.pii.gazetteer import Gazetteer
from triops.lenses.llmops.guards.pii.tokens import NOTHING, REACH, Tokens

# Taken from "nothing", because what is missed is worse than what is found in vain. A nat is some 90.
LEAN = 120
FAR = 450  # a label whose own score is so much below the best is not looked at: seldom right, and dear
_NEVER = -8000  # less than any sum
_WORDS = 20_000  # whose features are kept
Ints = npt.NDArray[np.int16]  # sums of some 60 numbers below 128


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
        self._weights = weights.astype(np.int16)
        self.gazetteer = gazetteer
        self._moves: list[list[int]] = moves.tolist()
        # what a label can gain over another, at most, by the labels before and after it
        before = (moves[:, :, None] - moves[:, None, :]).max(axis=0)
        after = (moves[:, None, :] - moves[None, :, :]).max(axis=2)
        self._gain = (before + after).astype(np.int16)
        self._gain_after = (moves - moves[:, :1]).astype(np.int16)  # [the one before, label]: over nothing
        self._gain_before = (moves - moves[:1]).T.astype(np.int16).copy()  # [the one after, label]
        self._lock = Lock()  # what is remembered of words is shared by threads
        self._known: dict[str, int] = {}
        self._parts = np.zeros((len(OFFSETS), 256, len(labels)), dtype=np.int16)
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
        best = scores.argmax(axis=1)
        possible = self._possible(scores, best)
        nothing: Any = (~possible[:, 1:].any(axis=1)).tolist()
        return Tagged(self._path(scores, possible), nothing)

    def _possible(self, scores: Ints, best: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
        """Which labels can be on the best path: first by what any neighbours could add, then by what the possible
        labels of the neighbours can."""
        gain = self._gain
        possible: npt.NDArray[np.bool_] = scores + gain[:, best].T >= scores[np.arange(len(best)), best][:, None]
        possible &= scores + gain[:, NOTHING] >= scores[:, :1]
        possible &= scores >= scores.max(axis=1, keepdims=True) - FAR
        rows = np.flatnonzero(possible.sum(axis=1) > 1)
        if len(rows):
            edged = np.ones((len(best) + 2, len(self.labels)), dtype=bool)
            edged[0, 1:] = False
            edged[1:-1] = possible
            ruled = np.where(edged, np.int16(0), np.int16(_NEVER))
            before = (self._gain_after + ruled[rows][:, :, None]).max(axis=1)
            after = (self._gain_before + ruled[rows + 2][:, :, None]).max(axis=1)
            possible[rows] &= scores[rows] + before + np.maximum(after, 0) >= scores[rows, :1]
        return possible

    def _scores(self, ids: npt.NDArray[np.intp]) -> Ints:
        """Of each token but the edges, by label."""
        parts, count = self._parts, len(ids) - 2 * REACH
        scores: Ints = parts[0].take(ids[REACH : REACH + count], axis=0)
        for column, offset in enumerate(OFFSETS[1:], 1):
            scores += parts[column].take(ids[REACH + offset : REACH + offset + count], axis=0)
        kinds, saids, shapes = self._hashes.take(ids, axis=1)
        scores[:, NOTHING] -= LEAN
        for rows in together(kinds, saids, shapes):
            scores += self._weights.take(rows, axis=0)
        return scores

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
        if number >= self._parts.shape[1]:
            self._parts = np.concatenate([self._parts, np.zeros_like(self._parts)], axis=1)
            self._hashes = np.concatenate([self._hashes, np.zeros_like(self._hashes)], axis=1)
        seen = word_features(word, self.gazetteer)
        taken = self._weights.take([row for rows in seen.rows for row in rows], axis=0)
        starts = [0, *accumulate(map(len, seen.rows[:-1]))]
        self._parts[:, number] = np.add.reduceat(taken, starts, axis=0)
        self._hashes[:, number] = (seen.kind, seen.said, seen.shape)
        self._known[word] = number
        return number

    def _path(self, scores: Ints, possible: npt.NDArray[np.bool_]) -> list[int]:
        """The best labels together (Viterbi). A token with one possible label parts those on its two sides."""
        path: list[int] = possible.argmax(axis=1).tolist()
        labels: dict[int, list[int]] = {}
        several = possible.sum(axis=1) > 1
        for at, label in np.argwhere(possible & several[:, None]).tolist():
            labels.setdefault(at, []).append(label)
        rows = scores[several].tolist()
        done = 0
        for at in labels:
            if at - 1 in labels:
                continue
            stop = at + 1
            while stop in labels:
                stop += 1
            after = path[stop] if stop < len(path) else None
            run = [labels[place] for place in range(at, stop)]
            path[at:stop] = self._run(rows[done : done + stop - at], run, path[at - 1] if at else NOTHING, after)
            done += stop - at
        return path

    def _run(self, rows: list[list[int]], labels: list[list[int]], before: int, after: int | None) -> list[int]:
        moves = self._moves
        reached = {before: 0}
        back: list[dict[int, int]] = []
        for row, possible in zip(rows, labels, strict=True):
            now: dict[int, int] = {}
            came: dict[int, int] = {}
            for label in possible:
                most, origin = -(1 << 60), NOTHING
                for last, score in reached.items():
                    way = score + moves[last][label]
                    if way > most:
                        most, origin = way, last
                now[label], came[label] = most + row[label], origin
            reached = now
            back.append(came)
        if after is not None:
            reached = {label: score + moves[label][after] for label, score in reached.items()}
        label = max(reached, key=reached.__getitem__)
        path: list[int] = []
        for came in reversed(back):
            path.append(label)
            label = came[label]
        path.reverse()
        return path
