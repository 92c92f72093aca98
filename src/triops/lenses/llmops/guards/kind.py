"""The kind of document that says what a route's guards look for, and what they do then."""

from typing import Any

from triops.kernel.document import Document
from triops.lenses.llmops.guards.guarding import Guarding
from triops.lenses.llmops.guards.pii import TYPES
from triops.lenses.llmops.guards.topics import LENGTH, PHRASES
from triops.loop.documents import Kind


def _action(*actions: str, default: str) -> dict[str, Any]:
    return {
        "enum": list(actions),
        "default": default,
        "description": "block refuses the call, redact puts the type in brackets in its place, flag only records it.",
    }


_EVERY = ("block", "redact", "flag")
SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "What is looked for in requests and answers of the routes that name this guard, streams included.",
    "additionalProperties": False,
    "anyOf": [{"required": [rule]} for rule in ("pii", "secrets", "size", "topics")],
    "properties": {
        "on": {
            "type": "array",
            "minItems": 1,
            "uniqueItems": True,
            "items": {"enum": ["input", "output"]},
            "default": ["input", "output"],
            "description": "Requests, answers, or both.",
        },
        "pii": {
            "type": "object",
            "description": "Personal data.",
            "additionalProperties": False,
            "properties": {
                "types": {
                    "type": "array",
                    "uniqueItems": True,
                    "items": {"enum": list(TYPES)},
                    "description": "Which; left out or empty: all.",
                },
                "action": _action(*_EVERY, default="redact"),
            },
        },
        "secrets": {
            "type": "object",
            "description": "Keys, tokens and passwords, by their makers' formats or by the name that they are given.",
            "additionalProperties": False,
            "properties": {"action": _action(*_EVERY, default="redact")},
        },
        "size": {
            "type": "object",
            "description": "All texts of one request, or of one answer.",
            "additionalProperties": False,
            "minProperties": 1,
            "anyOf": [{"required": ["max_chars"]}, {"required": ["max_tokens"]}],
            "properties": {
                "max_chars": {"type": "integer", "minimum": 1, "maximum": 1 << 30, "description": "Characters."},
                "max_tokens": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 1 << 28,
                    "description": "Tokens, taken as four characters each.",
                },
                "action": _action("block", "flag", default="block"),
            },
        },
        "topics": {
            "type": "object",
            "description": "Words and phrases.",
            "required": ["deny"],
            "additionalProperties": False,
            "properties": {
                "deny": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": PHRASES,
                    "items": {"type": "string", "minLength": 1, "maxLength": LENGTH},
                    "description": "Case does not count; `*` stands for any letters of a word. No regular expressions.",
                },
                "action": _action(*_EVERY, default="block"),
            },
        },
    },
}


def _check(document: Document) -> None:
    Guarding({document.name: document.spec})


def guard_kind() -> Kind:
    return Kind("Guard", SCHEMA, _check, binds=True)  # what may be said to a model is not for editors to loosen
