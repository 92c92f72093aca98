"""The kind of document that says what is never stored."""

from triops.kernel.document import Document
from triops.lenses.llmops.guards.pii import TYPES
from triops.lenses.llmops.redaction.rule import KEEPS, rule_of
from triops.loop.documents import Kind


def redaction_kind() -> Kind:
    schema = {
        "type": "object",
        "description": "What is taken out of calls and spans before they are stored, in this project. "
        "Several hold together.",
        "additionalProperties": False,
        "minProperties": 1,
        "properties": {
            "pii": {
                "type": "array",
                "uniqueItems": True,
                "items": {"enum": list(TYPES)},
                "description": "Personal data in texts, by type in brackets in its place; empty: of all types.",
            },
            "secrets": {
                "type": "boolean",
                "description": "Keys, tokens and passwords in texts, by their type in brackets in its place.",
            },
            "attributes": {
                "type": "array",
                "uniqueItems": True,
                "maxItems": 100,
                "items": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": '^[^*"\\\\]+\\*?$'},
                "description": "Attributes that are dropped, by name; a `*` at the end stands for any rest.",
            },
            "keep": {
                "enum": list(KEEPS),
                "default": "all",
                "description": "Of what is said: all of it, messages alone (not what tools and retrievers were given "
                "and gave), or nothing.",
            },
        },
    }

    def check(document: Document) -> None:
        rule_of([document])

    return Kind("Redaction", schema, check, binds=True)  # what may be stored is not for editors to loosen
