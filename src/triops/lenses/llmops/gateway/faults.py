"""What a provider's fault is for the caller of the gateway."""

from triops.kernel.errors import ProviderFailed
from triops.lenses.llmops.gateway.specs import ProviderSpec
from triops.ports.providers import Fault

_STATUS = {
    "connect": 502,
    "timeout": 504,
    "rate_limited": 429,
    "overloaded": 503,
    "server": 502,
    "auth": 502,
    "not_found": 404,
    "invalid": 400,
    "content_filter": 400,
    "garbage": 502,
    "cut": 502,
}
_PASSED = frozenset({"rate_limited", "overloaded", "server", "not_found", "invalid", "content_filter"})
_MASK = "***"
_SHORTEST = 8  # characters of a header's value that may be a secret, and of the beginning of one


def masked(text: str, provider: ProviderSpec) -> str:
    """Without the provider's secrets, also where the end of the text cuts one off."""
    for secret in _secrets(provider):
        text = text.replace(secret, _MASK)
        for size in range(min(len(secret) - 1, len(text)), _SHORTEST - 1, -1):
            if text.endswith(secret[:size]):
                text = text[:-size] + _MASK
                break
    return text


def _secrets(provider: ProviderSpec) -> list[str]:
    held = [value for _, value in provider.headers if len(value) >= _SHORTEST]
    bearers = [value[7:] for value in held if value.lower().startswith("bearer ")]
    return [secret for secret in (provider.credential, *bearers, *held) if secret]


def failed(fault: Fault, provider: ProviderSpec, native: frozenset[str]) -> ProviderFailed:
    """The provider's own words go to a caller of its dialect, unless they are about our credential. A caller who
    brought his own is told of that too."""
    own = provider.source == "caller"
    status = _STATUS[fault.kind]
    if fault.kind == "auth" and own:
        status = fault.status or 401
    elif fault.kind == "invalid" and 400 <= fault.status < 500:
        status = fault.status
    shown = fault.kind in _PASSED or own
    message = masked(fault.message, provider)
    body = fault.body if shown else b""
    for secret in _secrets(provider):
        body = body.replace(secret.encode(), _MASK.encode())
    if fault.kind == "auth" and not own:
        message = f"refused our credential (status {fault.status}); {_mended(provider)}"
    return ProviderFailed(
        f"{provider.name}: {message}",
        fault=fault.kind,
        status=status,
        body=body,
        native=native,
        retry_after_s=fault.retry_after_s,
        provider=provider.name,
    )


def _mended(provider: ProviderSpec) -> str:
    """What an admin does about a refused credential."""
    if provider.variable:
        held = "has no" if provider.source == "missing" else "holds it in"
        return f"the server's environment {held} {provider.variable}"
    if provider.source == "none":
        return "its Provider names none: api_key_env, or credential: true"
    return f"set it anew: triops provider key {provider.name}"
