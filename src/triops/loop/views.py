"""Named views: how people like to see a page, kept for all of a project. A view decides nothing; pages offer it."""

from typing import Any

from triops.loop.documents import Kind

SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "A page as someone wants to find it again: its filter, order, grouping and columns.",
    "required": ["title", "page", "query"],
    "additionalProperties": False,
    "properties": {
        "title": {"type": "string", "minLength": 1, "maxLength": 80, "description": "What people read in the list."},
        "page": {
            "type": "string",
            "minLength": 1,
            "maxLength": 200,
            "description": "Which page it belongs to: runs-12 is the table of runs of experiment 12.",
        },
        "query": {"type": "string", "maxLength": 8000, "description": "The query of the page's address."},
    },
}


def view_kind() -> Kind:
    return Kind("View", SCHEMA)
