"""A prompt asked for by name, put before what the caller says: what the gateway does with the snapshot's prompts.

The prompt's messages come first, then the caller's. A text prompt is the system message, or, where the caller says
nothing himself, the user's. Settings of the version are defaults for what the caller did not set; those without a field
in `Chat` are for other readers and stay here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from triops.kernel.completion import Chat, Format, Message, PromptRef
from triops.kernel.errors import Invalid, NotFound
from triops.kernel.prompts.sharing import picked
from triops.kernel.prompts.spec import Line, PromptSpec
from triops.kernel.prompts.template import PromptTemplate, Rendered
from triops.kernel.prompts.variables import Variable
from triops.lenses.llmops.prompts.messages import message_of
from triops.lenses.llmops.prompts.model import LATEST, is_latest

_NUMBERS = ("temperature", "top_p", "presence_penalty", "frequency_penalty")
_WHOLE = ("max_tokens", "top_k", "seed")


@dataclass(slots=True)
class Held:
    """One prompt of a project as the snapshot has it; templates are compiled when they are first asked for."""

    labels: Mapping[str, int]
    shares: Mapping[str, Mapping[int, int]]
    versions: Mapping[int, Mapping[str, Any]]
    templates: dict[int, PromptTemplate] = field(default_factory=dict)


Holding = Mapping[str, Held]


def held(told: Mapping[str, Any]) -> dict[str, Held]:
    """A project's `prompts` of the snapshot."""
    return {
        name: Held(
            dict(prompt["labels"]),
            {label: {int(v): percent for v, percent in share.items()} for label, share in prompt["shares"].items()},
            {int(version): spec for version, spec in prompt["versions"].items()},
        )
        for name, prompt in told.items()
    }


def chosen(prompts: Holding, ref: PromptRef, pick: float) -> tuple[int, str, str]:
    """The version, the label that it was reached by ("" for a number), and the version's own model ("" for none).

    `pick`: `sharing.pick_of(name, session or user or call)`. Raises: NotFound, Invalid."""
    prompt = prompts.get(ref.name)
    if prompt is None:
        known = ", ".join(sorted(prompts)[:20]) or "none"
        raise NotFound(f"no prompt is named {ref.name[:200]}; prompts: {known}")
    if ref.version is not None and ref.label is not None:
        raise Invalid("a version or a label, not both", field="prompt.label", got=ref.label)
    if ref.version is not None:
        version, label = ref.version, ""
    else:
        label = ref.label or "production"
        share = prompt.shares.get(label)
        known_version = picked(share, pick) if share else prompt.labels.get(LATEST if is_latest(label) else label)
        if known_version is None:
            known = ", ".join(sorted(prompt.labels)) or "none"
            raise NotFound(f"the prompt {ref.name} has no label {label[:200]}; labels: {known}")
        version = known_version
    spec = prompt.versions.get(version)
    if spec is None:
        raise NotFound(f"the prompt {ref.name} has no version {version} among its newest and labelled ones")
    return version, label, str(spec.get("model") or "")


def fill(prompts: Holding, ref: PromptRef, content: Chat, pick: float) -> tuple[Chat, int, str]:
    """The whole request, the version, and the label that it was reached by. Raises: NotFound; Invalid that names the
    variables."""
    version, label, _ = chosen(prompts, ref, pick)
    prompt = prompts[ref.name]
    template = prompt.templates.get(version)
    if template is None:
        if fault := prompt.versions[version].get("fault"):
            raise Invalid(fault, field="prompt", got=ref.name)
        template = prompt.templates[version] = PromptTemplate(_told(prompt.versions[version]), f"prompt {ref.name}")
    try:
        rendered = template.render(ref.variables)
    except Invalid as error:
        details = error.details
        field_ = f"prompt.{details.get('field', 'variables')}"
        expected = details.get("expected")
        raise Invalid(f"{ref.name}: {error.message}", field=field_, got=details.get("got"), expected=expected) from None
    messages = (*_messages(rendered, bool(content.messages)), *content.messages)
    return replace(content, messages=messages, **_defaults(template.spec.settings, content)), version, label


def _told(spec: Mapping[str, Any]) -> PromptSpec:
    """As the server told it: checked there when it was made."""
    return PromptSpec(
        tuple(Line(line["role"], line["content"]) for line in spec.get("messages", ())),
        spec.get("text"),
        spec["engine"],
        {
            name: Variable(raw["type"], raw["required"], raw.get("default"), "default" in raw)
            for name, raw in spec["variables"].items()
        },
        spec["model"],
        spec["settings"],
    )


def _messages(rendered: Rendered, said: bool) -> tuple[Message, ...]:
    if rendered.text is not None:
        return (message_of({"role": "system" if said else "user", "content": rendered.text}, "prompt"),)
    return tuple(message_of(message, f"prompt.messages[{at}]") for at, message in enumerate(rendered.messages))


def _defaults(settings: Mapping[str, Any], content: Chat) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for names, kinds in ((_NUMBERS, (int, float)), (_WHOLE, (int,))):
        for name in names:
            value = settings.get(name)
            if getattr(content, name) is None and isinstance(value, kinds) and not isinstance(value, bool):
                made[name] = value
    stop = settings.get("stop")
    if not content.stop and isinstance(stop, str | list):
        made["stop"] = (stop,) if isinstance(stop, str) else tuple(text for text in stop if isinstance(text, str))
    effort = settings.get("reasoning_effort")
    if not content.reasoning_effort and isinstance(effort, str):
        made["reasoning_effort"] = effort
    shape = settings.get("response_format")
    if content.format is None and isinstance(shape, Mapping) and shape:
        made["format"] = _format(shape)
    return made


def _format(shape: Mapping[str, Any]) -> Format | None:
    """OpenAI's `response_format`, or a JSON Schema alone, as MLflow keeps it."""
    if shape.get("type") == "text":
        return None
    if shape.get("type") == "json_object" and "properties" not in shape:
        return Format()
    inner = shape.get("json_schema")
    if isinstance(inner, Mapping):
        schema = inner.get("schema")
        return Format(
            schema if isinstance(schema, Mapping) else None, str(inner.get("name") or ""), inner.get("strict")
        )
    return Format(shape, str(shape.get("title") or "answer"))
