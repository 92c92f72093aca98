"""What stands between a request and its provider: a prompt filled in, guards, the cache."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from triops.kernel.completion import Ask, Chat, Embedded, PromptRef, Reply
from triops.kernel.errors import Invalid
from triops.kernel.prompts.sharing import pick_of
from triops.lenses.llmops.gateway.cache import Cache, Entry
from triops.lenses.llmops.gateway.config import Config, ProjectConfig
from triops.lenses.llmops.gateway.doing import Doing
from triops.lenses.llmops.gateway.specs import RouteSpec
from triops.lenses.llmops.guards import Guarding, Verdict
from triops.lenses.llmops.guards.passage import blocked
from triops.lenses.llmops.prompts.filling import chosen, fill

_AT_ONCE = 8 << 10  # bytes of a request that are judged without letting others run
_BY_PROMPT = "prompt:"  # a model's name that says: the one that the prompt's version names


class Checking:
    """Of one configuration: prompts and guards are read once for each."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._guards: dict[tuple[str, tuple[str, ...]], Guarding] = {}

    def filled(self, call: Doing, project: ProjectConfig, ref: PromptRef) -> Ask:
        """The request with its prompt put before what the caller says, and the model that is asked for.
        Raises: NotFound, Invalid."""
        ask, prompts = call.ask, project.prompts
        content = call.taker.content()
        if not isinstance(content, Chat):
            raise Invalid("only a chat is begun by a prompt", field="prompt")
        pick = pick_of(ref.name, call.session or call.user or call.id)
        _, _, model = chosen(prompts, ref, pick)
        call.content, call.prompt_version, call.prompt_label = fill(prompts, ref, content, pick)
        call.prompt = ref.name
        wanted = model if not ask.model or ask.model.startswith(_BY_PROMPT) else ask.model
        if not wanted:
            raise Invalid("the prompt names no model, so the call must", field="model", got=ask.model)
        return replace(ask, model=wanted, max_tokens=ask.max_tokens or call.content.max_tokens)

    async def guarded(self, call: Doing, project: ProjectConfig, route: RouteSpec) -> None:
        """Raises: GuardBlocked; Invalid for a guard that cannot be read."""
        guarding = self._guarding(project, route)
        call.guarding = guarding
        if not guarding.inward:
            return
        content = call.content if call.content is not None else call.taker.content()
        small = call.ask.size <= _AT_ONCE
        verdict: Verdict[Any] = guarding.input(content) if small else await guarding.input_in_turns(content)
        self._judged(call, verdict)
        if verdict.content is not content:
            call.content = verdict.content

    def answered(self, call: Doing) -> None:
        """A whole answer is judged. Raises: GuardBlocked."""
        if call.guarding is None or call.answer is None or not call.guarding.outward:
            return
        verdict = call.guarding.output(call.answer)
        if verdict.blocked is not None:
            call.answer, call.raw = None, None
        self._judged(call, verdict)
        if verdict.content is not call.answer:
            call.answer, call.raw = verdict.content, None

    def _judged(self, call: Doing, verdict: Verdict[Any]) -> None:
        call.guards.extend([finding.as_json() for finding in verdict.findings])
        if verdict.blocked is not None:
            raise blocked(verdict.blocked, verdict.findings)

    def _guarding(self, project: ProjectConfig, route: RouteSpec) -> Guarding:
        at = (project.project, route.guards)
        guarding = self._guards.get(at)
        if guarding is None:
            missing = [name for name in route.guards if name not in project.guards]
            if missing:  # a route without its guard would let pass what must not
                raise Invalid(f"the route {route.name} needs the Guard {missing[0]}; apply its document", field="model")
            guarding = Guarding({name: project.guards[name] for name in route.guards})
            self._guards[at] = guarding
        return guarding


def looked_up(cache: Cache, call: Doing, route: RouteSpec, headers: Mapping[str, str], now: float) -> Entry | None:
    """What the cache has for the call; notes where its answer is to be kept."""
    if route.cache is None:
        return None
    skip = headers.get("x-triops-no-cache") == "1"
    call.key = cache.key(call.caller.project, route, call.ask, call.content, skip=skip)
    if call.key is None:
        return None
    entry = cache.get(call.key, now)
    call.cache = call.told.cache = "hit" if entry is not None else "miss"
    return entry


def _size(answer: Reply | Embedded) -> int:
    """Characters that it holds, about."""
    if isinstance(answer, Embedded):
        return 8 * sum(map(len, answer.vectors))
    parts = [part for choice in answer.choices for part in choice.parts]
    cited = [citation for part in parts for citation in part.citations]
    return sum([len(part.text) + len(part.data) for part in parts]) + 1024 * len(cited)


def kept(cache: Cache, call: Doing, route: RouteSpec, now: float) -> None:
    """Remember a complete answer."""
    if call.key is None or route.cache is None or not call.attempts or call.disconnected:
        return
    answer, body = call.answer, call.raw or b""
    if call.heard is not None:
        if not call.heard.whole:
            return
        answer = call.heard.reply()
    if answer is None:
        return
    finishes = [choice.finish for choice in answer.choices] if isinstance(answer, Reply) else []
    if "error" in finishes:
        return
    last = call.attempts[-1]
    size = _size(answer)
    entry = Entry(answer, last.provider, last.model, last.cost or 0, size, body, call.ask.dialect if body else "")
    cache.put(call.key, entry, route.cache.ttl_s, now)
