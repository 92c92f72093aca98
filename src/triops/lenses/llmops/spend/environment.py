"""Providers' keys that lie in the server's environment: only variables that look like keys, or that the settings name.

Who may apply a Provider could else send any variable of the server to an address of their choice.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from triops.kernel.document import Document

_ENDINGS = ("_KEY", "_TOKEN")
_OWN = "TRIOPS_"
_OTHERS = ("SECRET", "PRIVATE", "SIGNING", "ENCRYPTION", "GITHUB", "GITLAB", "SSH")  # keys, but to no model


@dataclass(frozen=True, slots=True)
class EnvironmentKeys:
    """`getenv` answers a variable, None for one that is not set. `named`: more that may be read."""

    getenv: Callable[[str], str | None]
    named: Collection[str] = ()

    def read(self, provider: Document) -> str:
        """The key that a Provider document's `api_key_env` names; "" for none, or one that may not be read."""
        name = str(provider.spec.get("api_key_env") or "")
        return (self.getenv(name) or "").strip() if name and self.allows(name) else ""

    def allows(self, name: str) -> bool:
        if name.startswith(_OWN):
            return False
        plain = name.endswith(_ENDINGS) and not any(other in name.upper() for other in _OTHERS)
        return plain or name in self.named

    def problems(self, documents: Sequence[Document]) -> list[str]:
        return [
            f"Provider {document.name}: {name} is not read: a variable's name must end in _KEY or _TOKEN and be of no "
            "other secret, or be listed in the setting gateway.env"
            for document in documents
            if document.kind == "Provider"
            and (name := str(document.spec.get("api_key_env") or ""))
            and not self.allows(name)
        ]
