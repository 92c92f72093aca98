"""What a team would keep in its repository: providers, a route with a way out, prices, budgets, the prompt, and how far
Triops may go by itself."""

from typing import Any

PROMPT = "support"
GOOD = "You help customers of {{shop}}, a shop for lamps. Answer in one short sentence."
BAD = (
    "You help customers of {{shop}}, a shop for lamps. Explain everything in great detail, step by step, "
    "with examples, background and a long list of related tips, at least ten paragraphs."
)
BUDGET_USD = "0.01"
_MOST = 120  # tokens of an answer


def documents(provider_port: int) -> list[dict[str, Any]]:
    """All but the prompt, which gets its versions one by one."""
    priced = {"model": "smollm2", "input_per_million_usd": "2.00", "output_per_million_usd": "20.00"}
    label: dict[str, Any] = {
        "actuator": "prompt",
        "spec": {"prompt": "{{entity.name}}", "label": "{{change.details.label}}"},
    }
    return [
        {
            "kind": "Provider",
            "name": "upstream",
            "spec": {
                "dialect": "openai",
                "base_url": f"http://127.0.0.1:{provider_port}/v1",
                "allow_private": True,
                "breaker": {"failures": 3, "window_s": 30, "open_s": 10},
            },
        },
        {"kind": "Provider", "name": "local", "spec": {"dialect": "local"}},
        {"kind": "Price", "name": "upstream-smollm2", "spec": {"provider": "upstream", **priced}},
        {"kind": "Price", "name": "local-smollm2", "spec": {"provider": "local", **priced}},
        {
            "kind": "Route",
            "name": "assistant",
            "spec": {
                "targets": [{"provider": "upstream", "model": "smollm2", "weight": 1}],
                "fallbacks": [{"provider": "local", "model": "smollm2"}],
                "timeout_s": 60,
                "retries": 1,
            },
        },
        {"kind": "Key", "name": "support", "spec": {"application": "support-assistant", "team": "care"}},
        {
            "kind": "Key",
            "name": "experiment",
            "spec": {
                "application": "experiment",
                "team": "research",
                "budget_usd": {"amount": BUDGET_USD, "per": "day", "hard": True},
            },
        },
        {
            "kind": "Runbook",
            "name": "prompt-back",
            "spec": {
                "title": "Move {{entity.name}}@{{change.details.label}} back to version {{change.details.from}}",
                "when": {"change_kinds": ["prompt_label"], "entity_types": ["prompt"]},
                "effect": {**label, "spec": {**label["spec"], "version": "{{change.details.from}}"}},
                "undo": {**label, "spec": {**label["spec"], "version": "{{change.details.to}}"}},
                "reach": "one prompt",
                "entities": 1,
                "verify_s": 180,
            },
        },
        {
            "kind": "Policy",
            "name": "prompts-by-itself",
            "spec": {
                "runbook": "prompt-back",
                "entity": "*",
                "level": "act",
                "max_entities": 1,
                "min_probability": 0.3,  # with an undo: on a slow machine symptoms come late, which weakens suspicion
            },
        },
    ]


def prompt(words: str, note: str) -> dict[str, Any]:
    """The content of a version."""
    return {
        "messages": [{"role": "system", "content": words}],
        "variables": {"shop": {"type": "string", "required": True}},
        "settings": {"temperature": 0.3, "max_tokens": _MOST},
        "note": note,
    }
