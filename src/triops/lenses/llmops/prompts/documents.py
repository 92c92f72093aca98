"""The kind of document `Prompt`: applying one makes a version where its content is another, and moves its labels.

A document that is unchanged moves nothing, so that a label which was moved since (a rollback) stays where it is.
"""

from collections.abc import Mapping
from typing import Any

from triops.kernel.document import Document
from triops.kernel.errors import Conflict, Invalid, NotFound
from triops.kernel.ids import ProjectId
from triops.kernel.prompts.names import AFTER_NAMES
from triops.kernel.prompts.sharing import share_of
from triops.kernel.prompts.spec import CHARACTERS, MESSAGES, ROLES, PromptSpec, spec_of
from triops.kernel.prompts.template import PromptTemplate
from triops.kernel.prompts.variables import MOST, TYPES
from triops.kernel.tenant import Principal
from triops.lenses.llmops.prompts.model import label_name
from triops.lenses.llmops.prompts.service import Prompts
from triops.lenses.llmops.prompts.tags import tags_of
from triops.loop.documents import Kind

_TEXT: dict[str, Any] = {"type": "string", "maxLength": CHARACTERS}
_NUMBER: dict[str, Any] = {"type": "integer", "minimum": 1, "maximum": (1 << 31) - 1}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "A prompt's newest version, and what its labels stand for.",
    "additionalProperties": False,
    "oneOf": [{"required": ["messages"]}, {"required": ["text"]}],
    "properties": {
        "messages": {
            "type": "array",
            "minItems": 1,
            "maxItems": MESSAGES,
            "description": "A chat prompt's messages.",
            "items": {
                "type": "object",
                "required": ["role", "content"],
                "additionalProperties": False,
                "properties": {
                    "role": {"enum": list(ROLES), "description": "`placeholder`: messages given when it is rendered."},
                    "content": {**_TEXT, "description": "A template; of a placeholder its variable, `{{history}}`."},
                },
            },
        },
        "text": {**_TEXT, "description": "A text prompt's template."},
        "engine": {
            "enum": ["mustache", "jinja2"],
            "default": "mustache",
            "description": "`{{name}}` alone, or Jinja2 in a sandbox.",
        },
        "variables": {
            "type": "object",
            "maxProperties": MOST,
            "description": "Types of variables; one that is not named here may be anything, and must be given.",
            "additionalProperties": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "type": {"enum": list(TYPES), "default": "string", "description": "What a value must be."},
                    "required": {"type": "boolean", "description": "Default: true where there is no default."},
                    "default": {"description": "The value where none is given."},
                    "description": {"type": "string", "maxLength": 1000, "description": "For people."},
                },
            },
        },
        "model": {"type": "string", "maxLength": 200, "description": "The route or model that it is for."},
        "settings": {
            "type": "object",
            "maxProperties": 100,
            "description": "Defaults of calls with it: temperature, max_tokens, top_p, stop, response_format, …",
        },
        "labels": {
            "type": "object",
            "maxProperties": 50,
            "description": "Which version each label stands for: a number, or percents by version that sum to 100.",
            "additionalProperties": {
                "anyOf": [_NUMBER, {"type": "object", "additionalProperties": {"type": "integer"}}],
            },
        },
        "note": {"type": "string", "maxLength": 2000, "description": "Why this version, for its history."},
    },
}


_PART = r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?"
NAMES = rf"^(?=.{{1,100}}$){_PART}(?:/(?!(?:{'|'.join(sorted(AFTER_NAMES))})(?:/|$)){_PART})*$(?!\n)"  # in folders


def prompt_kind() -> Kind:
    def check(document: Document) -> None:
        spec = _content(document.spec)
        tags_of(spec)
        PromptTemplate(spec)
        for label in document.spec.get("labels", {}):
            _share(document.spec, label)
            label_name(label, f"spec.labels.{label}"[:200])

    return Kind("Prompt", SCHEMA, check, names=NAMES)


class PromptDocuments:
    """What `triops apply` does with documents of this kind beside storing them."""

    def __init__(self, prompts: Prompts) -> None:
        self._prompts = prompts

    async def ready(self, project: ProjectId, document: Document) -> None:
        """Whether its labels name versions that there are, or will be. Raises: Invalid; Conflict for a model's name."""
        spec = document.spec
        known = await self._prompts.named(project, document.name)
        newest = known.newest if known is not None and known.newest is not None else 0
        for label in spec.get("labels", {}):
            for number in _share(spec, label):
                if number == newest + 1 and await self._is_new(project, document, newest):
                    continue
                try:
                    await self._prompts.version(project, document.name, number)
                except NotFound:
                    field = f"spec.labels.{label}"
                    raise Invalid(
                        f"{document.name} has no version {number}", field=field, got=number, expected=f"≤ {newest + 1}"
                    ) from None

    async def applied(self, who: Principal, document: Document, *, again: bool) -> None:
        """`again`: only what is missing is made good, where an earlier apply was cut short.

        Raises: Conflict where a gate holds a label; the version is there then."""
        spec = document.spec
        if again and await self._stands(who.project, document):
            return
        shares = {label: _share(spec, label) for label in spec.get("labels", {})}
        named = tuple(sorted({number for share in shares.values() for number in share}))
        await self._prompts.add(who, document.name, _content(spec), spec.get("note", ""), like=named)
        known = await self._prompts.get(who.project, document.name)
        for label, share in shares.items():
            if known.labels.get(label) == share:
                continue
            move = await self._prompts.label(who, document.name, label, share, spec.get("note", ""))
            if move.state != "moved":
                why = f"it waits for approval {move.approval}" if move.approval else "; ".join(move.reasons)
                raise Conflict(f"prompt {document.name}: {label} stays {move.before or 'unset'}: {why}")

    async def _stands(self, project: ProjectId, document: Document) -> bool:
        try:
            known = await self._prompts.get(project, document.name)
        except NotFound:
            return False
        return known.newest is not None and all(label in known.labels for label in document.spec.get("labels", {}))

    async def _is_new(self, project: ProjectId, document: Document, newest: int) -> bool:
        if not newest:
            return True
        known = await self._prompts.version(project, document.name, newest)
        return known.spec.content_json() != _content(document.spec).content_json()


def _content(spec: Mapping[str, Any]) -> PromptSpec:
    return spec_of({key: value for key, value in spec.items() if key not in ("labels", "note")})


def _share(spec: Mapping[str, Any], label: str) -> dict[int, int]:
    return share_of(spec["labels"][label], f"spec.labels.{label}")
