"""What is known of single askers and answers over minutes: questions that come again, and the usual languages."""

from collections.abc import Sequence

import numpy as np

from triops.kernel.signal import F64, I64, U64
from triops.loop.series.model import Slots1

_AGAIN_S = 600.0
_QUESTIONS = 50_000
_LANGUAGES = 20  # of one series
_ENOUGH = 60.0  # answers before a language can be unusual
_REMEMBERED_S = 36 * 3600.0  # half a day more than from one night to the next
_USUAL, _MOSTLY = 0.05, 0.8  # of a language, and of those together that are usual


class Asked:
    """Questions of one project by fingerprint; of the 50,000 to 100,000 asked last it is known when they were."""

    def __init__(self) -> None:
        self._recent: dict[int, tuple[float, int]] = {}  # when it ended, and in which trace
        self._older: dict[int, tuple[float, int]] = {}

    def again(self, questions: I64, traces: U64, ended_s: F64) -> F64:
        """1 for a question that was asked within ten minutes before, 0 for another, NaN where it is not known, and for
        what an application passes on more than once in one trace (to an agent's next step, through a framework)."""
        recent, older, answer = self._recent, self._older, []
        for question, trace, at in zip(questions.tolist(), traces.tolist(), ended_s.tolist(), strict=True):
            if not question:
                answer.append(np.nan)
                continue
            before = recent.get(question) or older.get(question)
            recent[question] = (at, trace)
            if before is None:
                answer.append(0.0)
            elif trace and trace == before[1]:
                answer.append(np.nan)
            else:
                answer.append(float(at - before[0] <= _AGAIN_S))
        if len(recent) >= _QUESTIONS:
            self._recent, self._older = {}, recent
        return np.array(answer, np.float64)


class Languages:
    """How often each series answers in which of the languages that `words` tells apart. One that was usual within
    `_REMEMBERED_S` still is: who writes by night may write in another language than who writes by day."""

    def __init__(self) -> None:
        self._of: dict[int, dict[str, float]] = {}
        self._usual: dict[int, dict[str, float]] = {}  # slot → language → when it was last

    def unusual(self, slots: Slots1, languages: Sequence[str], told_s: F64) -> F64:
        """1 for an answer in a language that its series hardly speaks, 0 for another (and of a series that speaks so
        many that none is unusual), NaN where it cannot be told. `told_s`: when each was told of.
        What is unusual is taken in slowly, so that it stays unusual for a while."""
        answer = np.full(len(slots), np.nan)
        for row, slot in enumerate(slots.tolist()):
            language, now = languages[row], told_s[row]
            if not language or slot < 0:
                continue
            known = self._of.setdefault(slot, {})
            usual = self._usual.setdefault(slot, {})
            total = sum(known.values())
            common = known.get(language, 0.0) >= _USUAL * total
            odd = total >= _ENOUGH and not common and now - usual.get(language, -np.inf) > _REMEMBERED_S
            if odd:
                odd = sum(times for times in known.values() if times >= _USUAL * total) >= _MOSTLY * total
            elif common and total >= _ENOUGH:
                usual[language] = now
            answer[row] = odd
            if language in known or len(known) < _LANGUAGES:
                known[language] = known.get(language, 0.0) + (0.02 if odd else 1.0)
            if total > 1000:
                for name in known:
                    known[name] /= 2
        return answer

    def relearn(self, slot: int) -> None:
        """What it speaks now is usual, and what was usual before stays so for its time."""
        self._of.pop(slot, None)

    def forget(self, slot: int) -> None:
        self._of.pop(slot, None)
        self._usual.pop(slot, None)
