"""JSON Schemas of the gateway's kinds. What they cannot say is in `reading.py`."""

from typing import Any, Final

from triops.loop.documents import NAME

_NAME: dict[str, Any] = {
    "type": "string",
    "minLength": 1,
    "maxLength": 200,
    "pattern": r"^(?!\s)[^\x00-\x1f\x7f-\x9f\u2028-\u202e]+(?<!\s)$(?!\n)",
    "$comment": "a name: one line, without spaces around it",
}
_DOCUMENT: dict[str, Any] = {  # another document's name
    "type": "string",
    "minLength": 1,
    "maxLength": 100,
    "pattern": NAME,
    "$comment": "a document's name: a-z, 0-9 and ._- between them",
}
_COUNT: dict[str, Any] = {"type": "integer", "minimum": 1, "maximum": 10**12}
_SHARE: dict[str, Any] = {"type": "number", "minimum": 0, "maximum": 1}
_SECONDS: dict[str, Any] = {"type": "number", "minimum": 0.001, "maximum": 86400}
_USD: dict[str, Any] = {"type": ["string", "number"]}
_DATE: dict[str, Any] = {"type": "string", "minLength": 10, "maxLength": 40}
_RECORD: dict[str, Any] = {
    "enum": ["full", "metadata", "none"],
    "description": "What is kept of a call: all, all but what was said, or its cost alone. The strictest counts.",
}


def _object(properties: dict[str, Any], required: list[str], description: str) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "required": required,
        "additionalProperties": False,
        "properties": properties,
    }


def _names(most: int, description: str, name: dict[str, Any] = _NAME) -> dict[str, Any]:
    return {"type": "array", "maxItems": most, "items": name, "description": description}


_TIMEOUTS: dict[str, Any] = _object(
    {
        "connect_s": {**_SECONDS, "default": 5, "description": "Until there is a connection."},
        "first_token_s": {**_SECONDS, "default": 60, "description": "Until a streamed answer begins."},
        "between_tokens_s": {**_SECONDS, "default": 60, "description": "Between two parts of an answer."},
        "total_s": {**_SECONDS, "default": 600, "description": "For one attempt."},
    },
    [],
    "How long to wait.",
)
PROVIDER: Final[dict[str, Any]] = _object(
    {
        "dialect": {
            "enum": ["openai", "anthropic", "gemini", "ollama", "local"],
            "description": "What it speaks: openai is also vLLM, Mistral and others; local runs a model here.",
        },
        "base_url": {
            "type": "string",
            "minLength": 1,
            "maxLength": 2000,
            "description": "http:// or https://, with the path that its calls begin with; absent: the dialect's own.",
        },
        "api_key_env": {
            "type": "string",
            "pattern": r"^[A-Za-z_][A-Za-z0-9_]{0,127}$(?!\n)",
            "$comment": "the name of a variable: letters, digits and _",
            "description": "The variable of the server's environment that holds the key.",
        },
        "credential": {
            "type": "boolean",
            "default": False,
            "description": "The key is stored, encrypted: `triops provider key NAME`.",
        },
        "allow_private": {
            "type": "boolean",
            "default": False,
            "description": "Its address may be a private one: of this machine or of the network inside.",
        },
        "ca": {
            "type": "string",
            "minLength": 1,
            "maxLength": 1000,
            "description": "A file of certificates to trust beside the system's.",
        },
        "headers": {
            "type": "object",
            "maxProperties": 32,
            "additionalProperties": {"type": "string", "maxLength": 4096},
            "description": "Sent with each call.",
        },
        "models": _names(1000, "What it has, for lists of models; empty: what it lists itself."),
        "connections": {
            "type": "integer",
            "minimum": 1,
            "maximum": 20000,
            "default": 1000,
            "description": "The most calls to it at once.",
        },
        "timeouts": _TIMEOUTS,
        "breaker": _object(
            {
                "failures": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 10000,
                    "default": 5,
                    "description": "How many failures open it, when they are at least half of the calls.",
                },
                "window_s": {**_SECONDS, "default": 30, "description": "Within how long."},
                "open_s": {
                    **_SECONDS,
                    "default": 15,
                    "description": "How long it is left alone, until one call tries.",
                },
            },
            [],
            "When a model of this provider is left alone for a while.",
        ),
        "gguf": {
            "type": "string",
            "minLength": 1,
            "maxLength": 2000,
            "description": "local: a file of weights for chat.",
        },
        "onnx": {
            "type": "string",
            "minLength": 1,
            "maxLength": 2000,
            "description": "local: a file of weights for embeddings.",
        },
        "responses": {
            "enum": ["native", "chat"],
            "description": "openai: it speaks /responses, or only chat completions. Absent: native at api.openai.com.",
        },
        "stream_usage": {
            "type": "boolean",
            "default": True,
            "description": "openai: it takes stream_options; else tokens of streams are counted here, as estimates.",
        },
    },
    ["dialect"],
    "Who runs models: an address, a dialect, and where its key is.",
)
_TARGET: dict[str, Any] = {
    "provider": {**_DOCUMENT, "description": "A Provider's name, or local."},
    "model": {**_NAME, "description": "The model's name there."},
}
_BUDGET_MEMBERS: dict[str, Any] = {
    "amount": {**_USD, "description": 'US dollars, such as "5.00"; in quotes where it has more than six decimals.'},
    "per": {"enum": ["day", "month", "total"], "default": "month", "description": "UTC days and months."},
    "hard": {
        "type": "boolean",
        "default": True,
        "description": "Refuses what it cannot pay (429 budget_exceeded); else it only warns.",
    },
}
_BUDGET_USD = _object(_BUDGET_MEMBERS, ["amount"], "The most that may be spent.")
ROUTE: Final[dict[str, Any]] = _object(
    {
        "targets": {
            "type": "array",
            "minItems": 1,
            "maxItems": 50,
            "items": _object(
                {
                    **_TARGET,
                    "weight": {"type": "integer", "minimum": 0, "maximum": 10000, "default": 1},
                },
                ["provider", "model"],
                "Whom to ask.",
            ),
            "description": "Who answers: `provider`, `model` and `weight` (1).",
        },
        "aliases": _names(100, "Other names that callers may send."),
        "fallbacks": {
            "type": "array",
            "maxItems": 20,
            "items": _object(_TARGET, ["provider", "model"], "Whom to ask then."),
            "description": "Who answers when no target did, in order: `provider` and `model`.",
        },
        "timeout_s": {
            **_SECONDS,
            "default": 600,
            "description": "For the targets together; each fallback has as much.",
        },
        "timeouts": {**_TIMEOUTS, "description": "In the place of the providers' own."},
        "retries": {
            "type": "integer",
            "minimum": 0,
            "maximum": 10,
            "default": 1,
            "description": "How many more targets are asked after a failure, or how often the only one.",
        },
        "retry_budget": {
            **_SHARE,
            "default": 0.2,
            "description": "The most retries of a target that just failed, as a share of calls.",
        },
        "choose": {
            "enum": ["weight", "latency", "cost", "least_busy"],
            "default": "weight",
            "description": "Which target is asked first.",
        },
        "canary": _object(
            {**_TARGET, "share": {**_SHARE, "description": "Of the calls."}},
            ["provider", "model", "share"],
            "A model that gets a share of the calls first; the targets answer when it fails.",
        ),
        "cache": _object(
            {
                "ttl_s": {**_SECONDS, "maximum": 604800, "default": 300, "description": "How long an answer is good."},
                "max_mb": {"type": "number", "minimum": 0.01, "maximum": 4096, "default": 64},
            },
            [],
            "Equal calls get an equal answer, for nothing.",
        ),
        "on_disconnect": {
            "enum": ["drain", "cancel"],
            "default": "drain",
            "description": "When the caller goes away: read on, so that the cost is exact, or stop.",
        },
        "drain_s": {**_SECONDS, "default": 30, "description": "How long to read on."},
        "unsupported": {
            "enum": ["drop", "refuse"],
            "default": "drop",
            "description": "What happens with hints (seed, penalties, …) that a provider has no word for.",
        },
        "guards": _names(20, "Guards, in order.", _DOCUMENT),
        "budget_usd": _BUDGET_USD,
        "budgets": {"type": "array", "maxItems": 10, "items": _BUDGET_USD, "description": "More such, as budget_usd."},
        "record": _RECORD,
        "queue": _object(
            {
                "calls": {"type": "integer", "minimum": 1, "maximum": 100000, "default": 1000},
                "wait_s": {"type": "number", "minimum": 0, "maximum": 600, "default": 0},
            },
            [],
            "The most calls at once, and how long one more may wait; then 429.",
        ),
    },
    ["targets"],
    "A model as callers ask for it: the document's name is the model's name that they send.",
)
PRICE: Final[dict[str, Any]] = _object(
    {
        "provider": {**_DOCUMENT, "description": "Absent: of the model wherever it runs."},
        "model": {**_NAME, "description": "Absent: the document's name. gpt-4o*: any that begins so."},
        "input_per_million_usd": {**_USD, "description": 'US dollars a million tokens, such as "0.15".'},
        "output_per_million_usd": {**_USD, "description": "Absent: 0, as of embeddings."},
        "cached_input_per_million_usd": {**_USD, "description": "Absent: as the input."},
        "cache_write_per_million_usd": {**_USD, "description": "Absent: as the input."},
        "per_call_usd": {**_USD, "description": "Besides, for each call that was answered."},
        "from": {**_DATE, "description": "The first day (UTC), or RFC 3339; absent: always."},
        "to": {**_DATE, "description": "The last day. Where several prices hold, the one that began last counts."},
        "max_output_tokens": {**_COUNT, "maximum": 10**9, "description": "The most that the model answers."},
    },
    ["input_per_million_usd"],
    "What a model costs from a day on. Amounts are exact: text in quotes, or a number of at most six decimals.",
)
KEY: Final[dict[str, Any]] = _object(
    {
        "application": {**_NAME, "description": "Who it is, in pages and traces."},
        "team": {**_NAME, "description": "Whose it is; budgets may be a team's."},
        "user": {**_NAME, "description": "Who calls; absent: whom the call names."},
        "routes": _names(1000, "Routes that it may ask for; empty: any."),
        "models": _names(1000, "Models that may answer it, or globs: gpt-4o*, upstream/*; empty: any."),
        "expires": {**_DATE, "description": "The last day (UTC), or RFC 3339."},
        "budget_usd": _BUDGET_USD,
        "budgets": {"type": "array", "maxItems": 10, "items": _BUDGET_USD, "description": "More such, as budget_usd."},
        "requests_per_minute": {**_COUNT, "description": "In any 60 seconds."},
        "tokens_per_minute": {**_COUNT, "description": "Input and output, in any 60 seconds."},
        "requests_per_day": {**_COUNT, "description": "In a UTC day."},
        "tokens_per_day": {**_COUNT, "description": "In a UTC day."},
        "record": _RECORD,
        "allow_passthrough": {
            "type": "boolean",
            "default": False,
            "description": "With `routes`: models that no route has may be asked for, too, by their providers' names.",
        },
    },
    [],
    "What the holders of a gateway key may do. Its secrets are made by `triops key create --gateway NAME`.",
)
BUDGET: Final[dict[str, Any]] = _object(
    {
        "team": {**_NAME, "description": "For a team."},
        "user": {**_NAME, "description": 'For a user; "*": the same for each user.'},
        "application": {**_NAME, "description": "For an application."},
        "route": {**_DOCUMENT, "description": "For a route."},
        "project": {"type": "boolean", "const": True, "description": "For the whole project."},
        **_BUDGET_MEMBERS,
    },
    ["amount"],
    "The most that one team, user, application or route, or the project, may spend.",
)
