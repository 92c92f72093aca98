"""The envelope that OpenAI's requests share, made of what each of them has read."""

from collections.abc import Mapping
from typing import Any

from triops.kernel.completion import Ask, Operation, PromptRef
from triops.web.envelope import MOST_WHO, model_of, prompt_of, session_of, texts_of
from triops.web.members import flag, text

MOST_CHOICES = 128
_FORWARDED = ("openai-beta", "openai-organization", "openai-project")


def prompt_in(raw: dict[str, Any]) -> PromptRef | None:
    """Takes `prompt`, which is Triops' own, out of the request."""
    return prompt_of(raw.pop("prompt")) if "prompt" in raw else None


def asked(
    dialect: str,
    raw: dict[str, Any],
    size: int,
    headers: Mapping[str, str],
    prompt: PromptRef | None = None,
    max_tokens: int | None = None,
    n: int = 1,
    operation: Operation = "chat",
) -> Ask:
    """Only a chat is streamed. Raises: Invalid that names the field."""
    metadata = texts_of(raw["metadata"]) if "metadata" in raw else {}
    return Ask(
        dialect=dialect,
        operation=operation,
        model=model_of(raw, prompt),
        raw=raw,
        size=size,
        stream=operation == "chat" and flag(raw, "stream") is True,
        max_tokens=max_tokens,
        n=n,
        user=user_of(raw, metadata),
        session=session_of(metadata) if metadata else "",
        metadata=metadata,
        prompt=prompt,
        headers=forwarded(headers),
    )


def user_of(raw: Mapping[str, Any], metadata: Mapping[str, str]) -> str:
    user = text(raw, "safety_identifier") or text(raw, "user") or metadata.get("user_id", "")
    return user[:MOST_WHO]


def forwarded(headers: Mapping[str, str]) -> Mapping[str, str]:
    """What a provider that speaks OpenAI may have to see; who pays (organization, project) goes on only with the
    caller's own key."""
    return {name: headers[name] for name in _FORWARDED if name in headers}
