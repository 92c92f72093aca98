"""Every page, in both themes, on a desk and on a phone: it opens, fits, answers, and has no serious fault."""

from dataclasses import asdict
from typing import Any

import pytest
from language import Spoken
from seeding import Seeded

SIZES = {"desk": (1280, 800), "phone": (390, 844)}
LOOKED_OVER = {("desk", "light"), ("phone", "dark")}  # by axe: each size and each theme once
PAGES = {
    "overview": ("/ui", "Overview"),
    "incidents": ("/ui/incidents", "Incidents"),
    "incident": ("/ui/incidents/{incident}", ""),
    "topology": ("/ui/topology", "Topology"),
    "entity": ("/ui/entities/service:pricing", "pricing service"),
    "panel": ("/ui?panel=service:pricing", "Overview"),
    "metrics": ("/ui/metrics?q=queue.length", "Metrics"),
    "names": ("/ui/metrics", "Metrics"),
    "logs": ("/ui/logs", "Logs"),
    "patterns": ("/ui/logs?tab=patterns", "Logs"),
    "traces": ("/ui/traces", "Traces"),
    "trace": ("/ui/traces/{small_trace}", "front: GET /product/{id}"),
    "changes": ("/ui/changes?change={change}", "Changes"),
    "llm traces": ("/ui/llm", "LLM traces"),
    "users": ("/ui/llm?tab=users&user=customer-1", "LLM traces"),
    "conversation": ("/ui/llm/traces/{agent_trace}", "Where is order 4711?"),
    "llm spans": ("/ui/llm/traces/{agent_trace}?tab=waterfall", "Where is order 4711?"),
    "session": ("/ui/llm/sessions/{session}", ""),
    "cost": ("/ui/cost?by=model&application=help-desk", "Cost"),
    "start": ("/ui/start", "Start"),
    "keys": ("/ui/settings", "Settings"),
    "documents": ("/ui/settings?tab=documents", "Settings"),
    "server": ("/ui/settings?tab=server", "Settings"),
    "audit": ("/ui/settings?tab=audit", "Settings"),
    "notices": ("/ui/settings?tab=notices", "Settings"),
    "json": ("/ui?format=json", "Overview"),
    "login": ("/ui/login", ""),
    "missing": ("/ui/nowhere", "No such page"),
}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_every_page_opens_fits_and_has_no_serious_fault(
    visit: Any, seeded: Seeded, spoken: Spoken, size: str, theme: str
) -> None:
    width, height = SIZES[size]
    watched = visit(width=width, height=height, theme=theme)
    wrong = []
    for name, (path, title) in PAGES.items():
        for field, value in {**asdict(seeded), **asdict(spoken)}.items():
            path = path.replace(f"{{{field}}}", str(value))
        page = watched.open(path)
        if title:
            assert page.inner_text("h1") == title
        wrong += watched.sound(name, looked_over=(size, theme) in LOOKED_OVER)
    assert wrong == [], "\n".join(wrong)
