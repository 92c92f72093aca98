"""The hand that moves a prompt's label, so that a rollback is an action: proposed, judged, run, verified and undone."""

from collections.abc import Mapping
from typing import Any

from triops.kernel.errors import Invalid, TriopsError
from triops.kernel.ids import ProjectId
from triops.kernel.prompts.sharing import Share, share_from, share_of, share_text
from triops.kernel.tenant import Principal, Role
from triops.lenses.llmops.prompts.model import LabelMove
from triops.lenses.llmops.prompts.service import Prompts
from triops.ports.actuators import Outcome

SELF = "triops"


class PromptActuator:
    """`spec`: `prompt`, `label`, and `version`: a number, or a share of traffic as Changes have it (`1:90,2:10`).

    Going back to what the label stood for before its last move asks no gate again: that has been live. Any other move
    is one that a gate may hold; then the action has failed, and says that it waits for approval. Being there already
    is success: an effect that is asked twice is done once.
    """

    name = "prompt"

    def __init__(self, prompts: Prompts) -> None:
        self._prompts = prompts

    def check(self, spec: Mapping[str, Any]) -> None:
        _read(spec)

    def plan(self, spec: Mapping[str, Any]) -> str:
        prompt, label, share = _read(spec)
        return f"prompt {prompt}: label {label} → {_said(share)}"

    async def run(self, project: ProjectId, spec: Mapping[str, Any]) -> Outcome:
        try:
            prompt, label, share = _read(spec)
            move = await self._move(project, prompt, label, share)
        except TriopsError as error:
            return Outcome(False, error.message[:4000])
        if move is None:
            return Outcome(True, f"prompt {prompt}: {label} is on {_said(share)} already")
        if move.state == "moved":
            return Outcome(True, f"prompt {prompt}: {move.text}")
        if move.state == "waiting":
            return Outcome(False, f"prompt {prompt}: {move.text} waits for approval {move.approval}")
        return Outcome(False, f"prompt {prompt}: a gate refuses {move.text}: {'; '.join(move.reasons)}"[:4000])

    async def _move(self, project: ProjectId, prompt: str, label: str, share: Share) -> LabelMove | None:
        who = Principal(project, Role.ADMIN, SELF)
        known = await self._prompts.get(project, prompt)
        if known.labels.get(label) == share:
            return None
        if share == await self._before(project, prompt, label):
            return await self._prompts.undo(who, prompt, label, "rolled back by an action", remedy=True)
        return await self._prompts.label(who, prompt, label, share, "moved by an action", remedy=True)

    async def _before(self, project: ProjectId, prompt: str, label: str) -> Share | None:
        """What the label stood for before its last move, where that is recent history."""
        page = await self._prompts.history(project, prompt, 100, None)
        for step in page.items:
            if step.alias == label and step.kind == "promotion":
                return share_from(step.before, "version") if step.before else None
        return None


def _read(spec: Mapping[str, Any]) -> tuple[str, str, Share]:
    """Raises: Invalid that names the field."""
    for key in spec:
        if key not in ("prompt", "label", "version"):
            raise Invalid("unknown field", field=key, expected="prompt, label, version")
    for key in ("prompt", "label"):
        value = spec.get(key)
        if not isinstance(value, str) or not 0 < len(value) <= 255:
            raise Invalid("missing, or no name", field=key, got=value, expected=f"the {key}'s name")
    version = spec.get("version")
    if isinstance(version, str) and not version:
        raise Invalid("the label was on no version before", field="version", expected="a version's number")
    share = share_from(version, "version") if isinstance(version, str) else share_of(version, "version")
    return spec["prompt"], spec["label"], share


def _said(share: Share) -> str:
    return f"version {share_text(share)}" if len(share) == 1 else f"versions {share_text(share)}"
