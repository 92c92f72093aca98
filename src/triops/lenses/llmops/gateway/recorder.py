"""The journal as calls are written into it: what was meant before anyone was asked, what came of it before the caller
has the end of his answer."""

import contextlib
from collections.abc import Callable
from typing import Any

import orjson

from triops.kernel.call import Attempt, Outcome
from triops.kernel.completion import Embedded, Reply
from triops.kernel.errors import TriopsError
from triops.lenses.llmops.gateway.doing import Doing
from triops.lenses.llmops.gateway.estimate import Estimators
from triops.lenses.llmops.gateway.keeping import input_kept, intent_kept, message_kept, output_kept, settings_kept
from triops.lenses.llmops.gateway.said import (
    PLAIN,
    input_text,
    last_kept,
    plain_settings,
    plain_text,
    reply_text,
    settings_of,
)
from triops.lenses.llmops.guards.texts import in_turns
from triops.lenses.llmops.redaction.rule import Rule
from triops.ports.journal import MOST_BODY, Journal

_MESSAGE = 500
_ID = 200
# What is left out of a record that could not be written or read with it.
_ASKED: dict[str, Any] = {"input": "", "settings": {}, "tags": ()}
_ANSWERED: dict[str, Any] = {"output": "", "finish": (), "guards": (), "dropped": (), "model": "", "answer_id": ""}


class Recorder:
    """`most`: bytes that are kept of what was said, and of what was answered. `told`: of each entry's number."""

    def __init__(self, journal: Journal, estimators: Estimators, told: Callable[[int], None], most: int) -> None:
        self._journal = journal
        self._estimators = estimators
        self._told = told
        self.most = most

    def heard(self, call: Doing) -> None:
        """What the record will say that was asked. A request that only its provider can read is recorded without."""
        if call.record == "full":
            ask = call.ask
            if call.content is None and ask.dialect in PLAIN and "tools" not in ask.raw:
                text = plain_text(ask.raw, self.most)
                if text is not None:
                    call.input, call.settings = text, plain_settings(ask.raw)
                    return
            try:
                content = call.content if call.content is not None else call.taker.ending(last_kept(ask.raw, self.most))
            except TriopsError:
                return
            call.input = input_text(content, self.most)
            call.settings = settings_of(content)

    async def redact_heard(self, call: Doing, rule: Rule) -> None:
        """What `heard` noted, as it may be recorded; in turns. Cancelled meanwhile, nothing of it is."""
        text, settings = call.input, call.settings
        call.input, call.settings = "", {}
        call.settings = await in_turns(settings_kept(rule, settings))
        call.input = await in_turns(input_kept(rule, text, self.most))

    async def redact_answered(self, call: Doing, rule: Rule) -> None:
        """What was answered, as it may be recorded; in turns. Without it the outcome has none of it."""
        call.output = await in_turns(output_kept(rule, self._answered(call), self.most))

    def intend(self, call: Doing, provider: str, model: str, at_ns: int) -> None:
        """Raises: StoreFull, Unavailable: then nobody may be asked."""
        try:
            members = call.intent(provider, model, at_ns)
            if call.redaction is not None:
                members = intent_kept(call.redaction, members)
            self._told(self._journal.append("i", _written(members, _ASKED)))
        except TriopsError:
            call.intents -= 1
            raise

    def progress(self, call: Doing, at_ns: int) -> None:
        """How far a stream is. One that cannot be recorded goes on: its outcome is refused, if need be."""
        heard = call.heard
        if heard is None or not heard.characters:
            return
        record = {
            "call": call.id,
            "at_ns": at_ns,
            "attempt": call.intents - 1,
            "characters": heard.characters,
            "tokens": self._estimators.of(call.caller.project).heard_tokens(
                heard.kept, heard.characters, call.told.model
            ),
        }
        with contextlib.suppress(TriopsError):
            self._journal.append("p", orjson.dumps(record))

    def outcome(self, call: Doing, ended_ns: int, status: int, error: str, message: str) -> None:
        """Raises: StoreFull, Unavailable."""
        members = self.members(call, ended_ns, status, error, message)
        self._told(self._journal.append("o", _written(members, _ANSWERED)))

    def members(self, call: Doing, ended_ns: int, status: int, error: str, message: str) -> dict[str, Any]:
        """Of `kernel.call.Outcome`."""
        output, size, finish, model = self._output(call)
        answer_id = ""
        if call.cache != "hit":
            answered = call.heard if call.heard is not None else call.answer
            answer_id = "" if answered is None or isinstance(answered, Embedded) else answered.id
        attempts = [_members(attempt) for attempt in call.attempts]
        rule = call.redaction
        if rule is not None:
            message = message_kept(rule, message, _MESSAGE)
            for attempt in attempts:
                attempt["message"] = message_kept(rule, attempt["message"], _MESSAGE)
        return {
            "call": call.id,
            "ended_ns": ended_ns,
            "status": status,
            "error": error,
            "message": message[:_MESSAGE],
            "model": model,
            "answer_id": answer_id[:_ID],
            "attempts": attempts,
            "first_ns": call.first_ns,
            "cache": call.cache,
            "saved": call.saved,
            "finish": finish,
            "disconnected": call.disconnected,
            "output": output,
            "output_bytes": size,
            "guards": call.guards,
            "dropped": call.told.dropped,
        }

    def settled(self, outcome: Outcome) -> None:
        self._told(self._journal.append("o", orjson.dumps(outcome)))

    def _output(self, call: Doing) -> tuple[str, int, tuple[str, ...], str]:
        """Its text, how many characters it has in all, how each choice ended, and the model's own name."""
        heard, answer = call.heard, call.answer
        text = self._answered(call) if call.redaction is None else call.output
        if heard is not None:
            finish = tuple([heard.finishes[index] for index in sorted(heard.finishes)])
            return text, heard.characters, finish, heard.model
        if isinstance(answer, Reply):
            size = 0
            for choice in answer.choices:
                for part in choice.parts:
                    size += len(part.text)
            return text, size, tuple([choice.finish for choice in answer.choices]), answer.model
        return "", 0, (), answer.model if isinstance(answer, Embedded) else ""

    def _answered(self, call: Doing) -> str:
        """What the record will say that was answered."""
        if call.record != "full":
            return ""
        if call.heard is not None:
            return call.heard.text(self.most)
        answer = call.answer
        return reply_text(answer, self.most) if isinstance(answer, Reply) and answer.choices else ""


def _members(attempt: Attempt) -> dict[str, Any]:
    """Of `kernel.call.Attempt`: written five times as fast as the object itself."""
    usage = attempt.usage
    return {
        "provider": attempt.provider,
        "model": attempt.model,
        "started_ns": attempt.started_ns,
        "ended_ns": attempt.ended_ns,
        "status": attempt.status,
        "error": attempt.error,
        "message": attempt.message,
        "usage": {
            "input": usage.input,
            "output": usage.output,
            "cached_input": usage.cached_input,
            "cache_write": usage.cache_write,
            "reasoning": usage.reasoning,
        },
        "estimated": attempt.estimated,
        "cost": attempt.cost,
        "price": attempt.price,
    }


def _written(members: dict[str, Any], said: dict[str, Any]) -> bytes:
    """A call is recorded whatever was said in it."""
    try:
        body = orjson.dumps(members)
    except orjson.JSONEncodeError:  # nested too deep, or no Unicode
        body = b""
    return body if 0 < len(body) <= MOST_BODY else orjson.dumps({**members, **said})
