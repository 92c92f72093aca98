"""Whose a caller's own provider key is, where no Provider document says: by the key's shape (a key is shown to nobody
but its maker), then by the model's name, then by the dialect that is spoken."""

from collections.abc import Mapping
from typing import Final

from triops.lenses.llmops.gateway.addresses import DEFAULT_URLS, address_of
from triops.lenses.llmops.gateway.specs import ProviderSpec

_KEYS: Final = (
    ("sk-ant-", "anthropic"),
    ("sk-proj-", "openai"),
    ("sk-svcacct-", "openai"),
    ("sk-admin-", "openai"),
    ("sk-or-", "openrouter"),
    ("AIza", "gemini"),
    ("xai-", "xai"),
    ("gsk_", "groq"),
)
_MODELS: Final = (
    (("claude",), "anthropic"),
    (("gemini", "gemma"), "gemini"),
    (("gpt-", "chatgpt", "o1", "o3", "o4", "codex", "text-embedding", "ft:gpt"), "openai"),
    (("mistral", "ministral", "magistral", "codestral", "devstral", "pixtral", "open-mi"), "mistral"),
    (("deepseek",), "deepseek"),
    (("grok",), "xai"),
)
_OF_DIALECT: Final = {"anthropic": "anthropic", "ollama": "ollama"}
_PLACES: Final = {
    "anthropic": ("anthropic", DEFAULT_URLS["anthropic"]),
    "gemini": ("gemini", DEFAULT_URLS["gemini"]),
    "openai": ("openai", DEFAULT_URLS["openai"]),
    "ollama": ("ollama", "https://ollama.com"),
    "mistral": ("openai", "https://api.mistral.ai/v1"),
    "deepseek": ("openai", "https://api.deepseek.com/v1"),
    "xai": ("openai", "https://api.x.ai/v1"),
    "groq": ("openai", "https://api.groq.com/openai/v1"),
    "openrouter": ("openai", "https://openrouter.ai/api/v1"),
}
_STOPGAPS: Final = frozenset(
    {"none", "null", "empty", "dummy", "test", "local", "ollama", "lm-studio", "no-key", "not-needed", "unused"}
    | {"sk-no-key-required", "sk-none", "sk-dummy", "sk-test", "placeholder", "your-api-key", "api-key", "anything"}
)
_SHORTEST: Final = 8
_ACCOUNT: Final = ("openai-organization", "openai-project")


def stopgap(credential: str) -> bool:
    """Whether it is what people write where a client insists on a key and there is none."""
    return len(credential) < _SHORTEST or credential.lower() in _STOPGAPS


def owner_of(credential: str, model: str, dialect: str) -> ProviderSpec:
    """`dialect`: as in `Ask.dialect`, "" for unknown."""
    name = _by(_KEYS, credential) or _by_model(model.lower()) or _OF_DIALECT.get(dialect.partition(".")[0], "openai")
    speaks, url = _PLACES[name]
    host, path = address_of(url)
    return ProviderSpec(name, speaks, host, path, url, credential, "caller")


def account_of(owner: ProviderSpec, headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Headers that say which of the caller's own accounts is meant, as he would have sent them to the owner."""
    if owner.name != "openai":
        return ()
    return tuple((name, headers[name]) for name in _ACCOUNT if headers.get(name))


def _by(known: tuple[tuple[str, str], ...], text: str) -> str:
    return next((name for start, name in known if text.startswith(start)), "")


def _by_model(model: str) -> str:
    return next((name for starts, name in _MODELS if model.startswith(starts)), "")
