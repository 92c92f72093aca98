"""Slack's incoming webhook, and what is compatible with it (Mattermost, Rocket.Chat, Discord's `/slack`)."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from triops.adapters.http_exchange import checked_url
from triops.adapters.notifiers.post import post_json
from triops.kernel.errors import Invalid
from triops.ports.notifiers import Notice

_HEADER = 150  # Slack's bounds, in characters
_SECTION = 3000
_MARK = {"critical": "🔴", "warning": "🟠", "info": "🔵"}


class Slack:
    """`spec`: `url`, or `url_env`, the name of the variable that holds it (such a URL is a secret)."""

    name = "slack"

    def __init__(self, getenv: Callable[[str], str | None], *, allow_private: bool) -> None:
        self._getenv = getenv
        self._allow_private = allow_private

    def check(self, spec: Mapping[str, Any]) -> None:
        variable = spec.get("url_env")
        if variable is None:
            checked_url(spec.get("url"), "url")
        elif not isinstance(variable, str):
            raise Invalid("not the name of a variable", field="url_env", got=variable)
        else:
            checked_url(self._getenv(variable), "url_env")

    async def send(self, spec: Mapping[str, Any], notice: Notice) -> str | None:
        try:
            self.check(spec)
            variable = spec.get("url_env")
            url = checked_url(self._getenv(variable) if variable else spec["url"], "url")
        except Invalid as error:
            return f"{error.details.get('field', 'spec')}: {error.message}"
        body = orjson.dumps(message(notice))
        return await post_json(url, body, {}, allow_private=self._allow_private, receiver="Slack")


def message(notice: Notice) -> dict[str, Any]:
    """What Slack shows: title, severity and status, the most probable cause, and a link; `text` says it all for
    clients that do not draw blocks."""
    incident = notice.incident
    severity = str(incident.get("severity", ""))
    headline = f"{_MARK.get(severity, '')} {notice.transition.capitalize()}: {incident.get('title', '')}".strip()
    cause = _cause(incident)
    link = notice.link if notice.link.startswith(("http://", "https://")) else ""
    facts = [f"*Severity*\n{_escaped(severity)}", f"*Status*\n{_escaped(str(incident.get('status', '')))}"]
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": _cut(headline, _HEADER), "emoji": True}},
        {"type": "section", "fields": [{"type": "mrkdwn", "text": fact} for fact in facts]},
        {"type": "section", "text": {"type": "mrkdwn", "text": _cut(f"*Cause*\n{_escaped(cause)}", _SECTION)}},
    ]
    lines = [_escaped(headline), f"Cause: {_escaped(cause)}"]
    if link:
        target = f"<{_escaped(link).replace('|', '%7C')}|Open the incident>"
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": target}})
        lines.append(target)
    return {"text": "\n".join(lines), "blocks": blocks}


def _cause(incident: Mapping[str, Any]) -> str:
    hypotheses = sorted(incident.get("hypotheses") or [], key=lambda h: h.get("rank", 0))
    if not hypotheses or not hypotheses[0].get("entity"):
        return "not known yet"
    first = hypotheses[0]
    return f"{first.get('title', '')} ({float(first.get('probability', 0)):.0%})"


def _escaped(text: str) -> str:
    """Slack's own three escapes; also keeps a title from mentioning a channel."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cut(text: str, characters: int) -> str:
    return text if len(text) <= characters else text[: characters - 1] + "…"
