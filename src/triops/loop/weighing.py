"""What speaks for and against one suspect, in log-odds and in words.

The weights are set by hand from how faults spread, and held to account by `benchmarks/diagnose.py` (accuracy, and
whether the probabilities are honest) on topologies made by a seed, not by fitting to any data set.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from triops.kernel.anomaly import Anomaly
from triops.kernel.change import Change
from triops.kernel.hypothesis import Evidence
from triops.kernel.ids import EntityId
from triops.loop.scene import DRIVEN, PASSIVE, Scene, rise
from triops.loop.wording import listed, name_of, phrase, span

ONSET_SOFT_S = 10.0  # onsets are known to a step or two, so that closer ones are ties
_FITS = 0.4  # a change with less is mentioned, not blamed
BEFORE_S = 1800.0  # changes older than this are no suspects
_DOCUMENT = "document:"  # an edit of a document of ours that is about nothing else
_LIKELY = frozenset({
    "config", "deploy", "deployment", "release", "rollout", "rollback", "upgrade", "restart", "scale", "job", "flag",
    "feature_flag", "migration", "schema", "promotion", "prompt_label", "index_rebuild",
})  # fmt: skip
_IDLE = frozenset({"registration"})  # of a version that nobody uses until an alias or label names it
_INERT = frozenset({"prompt", "route", "key", "guard"})  # what they do changes only when they are changed
_INERT_BLAME = 1.5  # how well a change must fit, that it alone speaks for them
_SERVING = frozenset({"provider", "llm"})  # answer models' calls
_ASKED = frozenset({"output_length", "output_tokens", "input_tokens"})  # how much is asked of them


@dataclass(frozen=True, slots=True)
class Weighed:
    """A suspect: an entity, and the change on it that is blamed, if any."""

    entity: EntityId
    change: Change | None
    evidence: tuple[Evidence, ...]

    @property
    def score(self) -> float:
        return sum(e.weight for e in self.evidence)


def weigh(entity: EntityId, changes: Sequence[Change], scene: Scene) -> list[Weighed]:
    """The suspect with each change that fits by time and kind, or without one when none does."""
    base = [*_own(entity, scene), *_order(entity, scene), *_driver(entity, scene)]
    timed = [(change, blame) for change in changes if (blame := _timing(entity, change, scene)) is not None]
    fitting = [(change, blame) for change, blame in timed if blame.weight >= _FITS]
    if fitting:
        return [
            Weighed(
                entity,
                change,
                (
                    blame,
                    *base,
                    *_self_time(entity, scene, change),
                    *_spread(entity, scene, change),
                    *_excuse(entity, scene, change),
                    *_answering(entity, scene, blame.weight),
                ),
            )
            for change, blame in fitting
        ]
    aside = [replace(blame, weight=0.0) for _, blame in timed[:1]]
    facts = (
        *base,
        *_self_time(entity, scene, None),
        *_spread(entity, scene, None),
        *_excuse(entity, scene, None),
        *_answering(entity, scene, 0.0),
    )
    return [Weighed(entity, None, (*facts, *aside))]


def _own(entity: EntityId, scene: Scene) -> list[Evidence]:
    claims = sorted(scene.of.get(entity, ()), key=lambda a: (not a.symptom, -a.score))
    serious = scene.serious(entity)
    if not claims:
        apps = [g for g in sorted(scene.guests.get(entity, ())) if g.startswith("application:") and scene.serious(g)]
        if apps:
            claim = scene.serious(apps[0])[0]
            return [Evidence("anomaly", f"its calls of models are unusual: {phrase(claim)}", 0.8, claim.id)]
        if entity.startswith("host:"):
            return [Evidence("anomaly", f"{name_of(entity)} itself shows nothing unusual", -3.5)]
        unseen = entity.partition(":")[0] in PASSIVE
        waiting = [c for c in scene.callers.get(entity, ()) if scene.waits(c)] if unseen else []
        if waiting:
            text = f"{listed([name_of(c) for c in sorted(waiting)])} waits, but for nothing that is measured"
            return [Evidence("trace", text, -0.5)]
        text = "is not measured itself" if unseen else "itself shows nothing unusual"
        return [Evidence("anomaly", f"{name_of(entity)} {text}", -1.5 if unseen else -3.0)]
    found = []
    worst = next((a for a in claims if a.symptom and a in serious), None)
    if worst is not None:
        found.append(Evidence("anomaly", phrase(worst), 1.2 + min(1.3, worst.score / 10), worst.id))
    elif serious:
        found.append(Evidence("anomaly", phrase(serious[0]), 0.4 + min(0.8, serious[0].score / 15), serious[0].id))
    else:
        found.append(Evidence("anomaly", f"only its traffic changed: {phrase(claims[0])}", -1.0, claims[0].id))
    shown = {found[0].ref}
    logs = next((a for a in serious if a.id not in shown and _is_log(a)), None)
    if logs is not None:
        found.append(Evidence("log", phrase(logs), 0.6, logs.id))
        shown.add(logs.id)
    more = [a for a in serious if a.id not in shown and not a.evidence.get("source")]
    if more and worst is not None:
        text = listed([phrase(a) for a in more], 2)
        found.append(Evidence("anomaly", text, min(0.6, 0.3 * len(more)), more[0].id))
    return found


def _driver(entity: EntityId, scene: Scene) -> list[Evidence]:
    """A database that is slow right after one of its callers was changed: the caller's work may have changed."""
    if entity.partition(":")[0] not in DRIVEN or entity in scene.changed or not scene.serious(entity):
        return []
    callers = scene.callers.get(entity, set())
    changed = sorted(c for c in callers if c in scene.changed and c in scene.symptoms)
    if not changed:
        return []
    text = (
        f"{listed([name_of(c) for c in changed])}, which {'alone ' if len(callers) == 1 else ''}uses it, just changed"
    )
    return [Evidence("change", text, -1.5 if len(callers) == 1 else -0.7)]


def _answering(entity: EntityId, scene: Scene, blame: float) -> list[Evidence]:
    """A call's prompt, model and provider show the same trouble, since it is the same calls: which of them it is.
    `blame`: how well a change of it fits."""
    type_ = entity.partition(":")[0]
    if type_ in _INERT:
        against = -3.0 * max(0.0, 1.0 - blame / _INERT_BLAME)
        text = (
            f"a {type_} does nothing by itself, and {'was not changed' if blame <= 0 else 'its change was long before'}"
        )
        return [Evidence("change", text, against)] if against else []
    if type_ not in _SERVING or not scene.serious(entity):
        return []
    users = {e for e in (*scene.explained(entity), *scene.used_by(entity)) if e != entity}
    if any(a.kind in _ASKED for e in users for a in scene.of.get(e, ())):
        found = [Evidence("anomaly", "what is asked of it changed too", -1.5)]
    elif users.isdisjoint(scene.changed):
        found = [Evidence("anomaly", "what is asked of it is as before", 1.0)]
    else:
        found = []
    kin = sorted(scene.guests.get(entity, ()))
    if len(kin) > 1 and len(ill := [model for model in kin if scene.serious(model)]) == 1:
        found.append(Evidence("topology", f"of its {len(kin)} models only {name_of(ill[0])} is unusual", -2.0))
    for host in sorted(scene.hosts.get(entity, ())):
        kin = sorted(scene.guests.get(host, ()))
        if scene.serious(host) and all(scene.serious(model) for model in kin):
            weight = -2.0 if len(kin) > 1 else -0.7
            found.append(Evidence("topology", f"all that {name_of(host)} answers is unusual", weight))
    return found


def _self_time(entity: EntityId, scene: Scene, change: Change | None) -> list[Evidence]:
    """A service's own share of the rise of its latency, where traces tell."""
    told = scene.own_share(entity)
    if told is None:
        return []
    share, before, now, ref = told
    if share > 0.5:
        return [Evidence("trace", f"its own time rose from {before:.0f} to {now:.0f} ms", 1.6, ref)]
    if share < 0.2:
        driven = change is not None and any(
            c.partition(":")[0] in DRIVEN and scene.serious(c) for c in scene.callees.get(entity, ())
        )
        text = f"its own time hardly rose ({before:.0f} → {now:.0f} ms)"
        return [Evidence("trace", text, -0.3 if driven else -1.2, ref)]
    return []


def _order(entity: EntityId, scene: Scene) -> list[Evidence]:
    started = scene.started(entity)
    if started is None or not scene.serious(entity):
        return []
    late = started - scene.onset
    ref = next((a.id for a in scene.of[entity] if a.started_at == started), "")
    if late <= ONSET_SOFT_S:
        first = "the first to show it" if late <= 0 else f"among the first to show it ({span(late)} after)"
        return [Evidence("onset", first, 0.8 if late <= 0 else 0.6, ref)]
    weight = max(-2.0, 0.6 - (late - ONSET_SOFT_S) / 20.0)
    return [Evidence("onset", f"began {span(late)} after the first symptom", weight, ref)]


def _spread(entity: EntityId, scene: Scene, change: Change | None) -> list[Evidence]:
    """How much of the trouble follows if this is the cause."""
    explained = scene.explained(entity)
    if change is not None:  # a new version may overload what it calls, and so whoever else calls that
        for callee in sorted(scene.callees.get(entity, ())):
            if callee.partition(":")[0] in DRIVEN and scene.serious(callee):
                alone = scene.callers.get(callee, set()) <= {entity}
                for other, sure in scene.explained(callee).items():
                    explained[other] = max(explained.get(other, 0.0), sure * (1.0 if alone else 0.7))
    total = sum(scene.mass.values())
    if not total:
        return []
    covered = sum(scene.mass.get(e, 0.0) * sure for e, sure in explained.items())
    share = covered / total
    names = [name_of(e) for e in sorted(explained, key=lambda e: (-explained[e], e)) if e != entity]
    of = "all" if len(explained) == len(scene.symptoms) else f"{len(explained)} of the"
    text = f"explains {of} {len(scene.symptoms)} that have symptoms"
    if names:
        text += f": {listed(names)} would follow from it"
    facts = [Evidence("topology", text, 3.0 * share - 1.5 * (1 - share))]
    if entity.startswith("host:") and scene.serious(entity):
        apart = scene.sick_by_themselves(entity)
        if len(apart) > 1:
            text = f"{listed([name_of(g) for g in apart])} run on it, and each is slow by itself"
            facts.append(Evidence("topology", text, min(3.0, 1.5 * (len(apart) - 1))))
    elif len(scene.symptoms) > 1 and share > 0.6 and len(explained) > 1:
        facts.append(
            Evidence("topology", f"{len(explained)} symptoms point the same way", min(1.2, 0.4 * (len(explained) - 1)))
        )
    if not scene.of.get(entity) and share > 0.8 and len(apart := scene.in_common(entity)) > 1:
        text = f"it is what {listed([name_of(c) for c in apart])} have in common"
        facts.append(Evidence("topology", text, min(3.0, 1.0 * (len(apart) - 1))))
    return facts


def _excuse(entity: EntityId, scene: Scene, change: Change | None) -> list[Evidence]:
    """A sick callee excuses its caller, as far as its rise is large enough to be the reason."""
    below = scene.sick_below(entity)
    started = scene.started(entity)
    worst, excuse = None, 0.0
    for callee, sure in sorted(below.items()):
        if callee in scene.guests.get(entity, ()):  # a part of it
            continue
        begun = scene.started(callee)
        if started is not None and begun is not None and begun > started + 2 * ONSET_SOFT_S:
            continue
        weight = sure * _plausible(scene.serious(entity), scene.serious(callee))
        if change is not None and callee in scene.callees.get(entity, ()) and callee.partition(":")[0] in DRIVEN:
            weight *= 0.3  # its own change may be what ails the callee
        if weight > excuse:
            worst, excuse = callee, weight
    if hosted := _host_excuse(entity, scene, change):
        return hosted
    if worst is None:
        if scene.serious(entity) and not entity.startswith("host:") and not scene.waits(entity):
            if entity.partition(":")[0] in PASSIVE:
                return [Evidence("topology", "it is where the calls end", 0.9)]
            return [Evidence("topology", "nothing that it calls is unusual", 1.0)]
        return []
    claim = scene.serious(worst)[0]
    told = scene.own_share(entity)
    if told is not None and told[0] > 0.5:
        excuse *= max(0.1, 1.0 - told[0])
    text = f"{name_of(worst)}, which it calls, is unusual too: {phrase(claim)}"
    return [Evidence("topology", text, -3.5 * excuse, claim.id)]


def _host_excuse(entity: EntityId, scene: Scene, change: Change | None) -> list[Evidence]:
    """A sick host that was just changed, or that slows others as well, excuses what runs on it."""
    for host in sorted(scene.hosts.get(entity, ())):
        if claims := scene.serious(host):
            others = [g for g in scene.sick_by_themselves(host) if g != entity]
            if others:
                text = f"its host is unusual, and {listed([name_of(g) for g in others])} there too: {phrase(claims[0])}"
                return [Evidence("topology", text, -1.5, claims[0].id)]
            if change is None and host in scene.changed:
                text = f"its host is unusual and was changed just before: {phrase(claims[0])}"
                return [Evidence("topology", text, -1.0, claims[0].id)]
    return []


def _plausible(caller: Sequence[Anomaly], callee: Sequence[Anomaly]) -> float:
    """0 to 1: whether what the callee shows can be why the caller shows what it does."""
    best = 0.0
    for mine in (a for a in caller if a.symptom) if any(a.symptom for a in caller) else caller:
        for theirs in callee:
            if _is_log(theirs):
                best = max(best, 0.3)
            elif mine.kind == theirs.kind and mine.unit == theirs.unit and (up := rise(mine)) and up > 0:
                by = rise(theirs)
                best = max(best, 0.8 if by is None else min(1.0, 0.2 + by / up))
            elif theirs.symptom or mine.kind == theirs.kind:
                best = max(best, 0.8)
            else:
                best = max(best, 0.4)
    return best


def _timing(entity: EntityId, change: Change, scene: Scene) -> Evidence | None:
    """How well a change fits by time and kind; None when it came after and so is no cause."""
    started = scene.started(entity)
    if started is None or not scene.serious(entity):
        starts = [s for e in scene.explained(entity) if (s := scene.started(e)) is not None]
        started = min(starts, default=scene.onset)
    before = started - change.at
    if before < -ONSET_SOFT_S or before > BEFORE_S:
        return None
    kind = change.kind.lower()
    near = 0.7 * math.exp(-max(before, 0.0) / 60.0) + 0.3 * math.exp(-max(before, 0.0) / 600.0)
    near *= math.exp(min(before, 0.0) / ONSET_SOFT_S)  # the onset may be off by as much, but a cause comes first
    when = f"{span(before)} before" if before > 0 else "just as"
    text = f"{change.kind.replace('_', ' ')} “{change.title}” {when} it began"
    if change.remedy or change.entity.startswith(_DOCUMENT):
        return Evidence("change", text, -2.0 + near, change.id)
    strength = 4.3 if kind in _LIKELY else 1.3 if kind in _IDLE else 3.3
    return Evidence("change", text, strength * near - 0.3, change.id)


def _is_log(anomaly: Anomaly) -> bool:
    return anomaly.kind in ("surge", "new_template") or anomaly.detector.startswith("log")
