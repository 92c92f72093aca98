"""The kinds of documents that `triops apply` takes: each a JSON Schema and what a schema cannot say.

Slices register their kinds with the constructor. Storing documents is the ledger's.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import jsonschema
from jsonschema.exceptions import best_match

from triops.kernel.document import Document, Specs
from triops.kernel.errors import Invalid
from triops.kernel.ids import EntityId, ProjectId, entity_id
from triops.kernel.plain import check_plain
from triops.kernel.tenant import Principal

NAME = r"^[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9])?$(?!\n)"
_SPEC_BYTES = 64 << 10
_SPEC_DEPTH = 24  # the books hold 32 levels, and an action holds a spec some levels down


Loosened = Callable[[Specs, Specs], str]  # what would no longer hold, of these before and these after; "": nothing


@dataclass(frozen=True, slots=True)
class Kind:
    """`schema` describes `spec`, `names` what a name may be; `check` sees a document that fits them, and raises
    Invalid, or Forbidden. `binds`: it says what editors may not do, so it is not theirs to write. `loosened`: of a
    kind that is theirs to write, but not all of it."""

    name: str
    schema: Mapping[str, Any]
    check: Callable[[Document], None] | None = None
    binds: bool = False
    loosened: Loosened | None = None
    names: str = NAME


class Applier(Protocol):
    """What applying a kind's documents brings about beside their being stored."""

    async def ready(self, project: ProjectId, document: Document) -> None:
        """Whether it can be done; asked of every document before any is stored. Raises: Invalid, Conflict."""
        ...

    async def applied(self, who: Principal, document: Document, *, again: bool) -> None:
        """After it was stored. `again`: it was there already, just as it is."""
        ...


Subject = Callable[[Document], tuple[EntityId, str]]  # the entity that it is about, and the kind of its changes


# A whole number is written as one: 5.0 would be a float wherever it is used.
_Validator = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    ),
)


class Kinds:
    """Every kind of document, checked once, when it is registered. `subjects`: of kinds whose documents are about an
    entity of the graph; of the others a change is of the document itself."""

    def __init__(self, kinds: Sequence[Kind], subjects: Mapping[str, Subject] | None = None) -> None:
        self._subjects = dict(subjects or {})
        self._kinds = {kind.name: kind for kind in kinds}
        if len(self._kinds) != len(kinds):
            raise ValueError(f"a kind is registered twice: {[kind.name for kind in kinds]}")
        for kind in kinds:
            jsonschema.Draft202012Validator.check_schema(kind.schema)
        self.binding = frozenset(kind.name for kind in kinds if kind.binds)
        self.loosened = {kind.name: kind.loosened for kind in kinds if kind.loosened is not None}
        self._validators = {kind.name: _Validator(kind.schema) for kind in kinds}

    def validate(self, kind: str, name: str, spec: Mapping[str, Any]) -> Document:
        """The document, ready for the ledger. Raises: Invalid that names the path (`spec.when.entity_types[0]`)."""
        known = self._kinds.get(kind)
        if known is None:
            raise Invalid("no such kind of document", field="kind", got=kind, expected=", ".join(sorted(self._kinds)))
        for error in jsonschema.Draft202012Validator({"type": "string", "pattern": known.names}).iter_errors(name):
            raise Invalid("not a document's name", field="name", got=name, expected=known.names) from error
        check_plain(spec, "spec", _SPEC_DEPTH)
        if len(repr(spec)) > _SPEC_BYTES:
            raise Invalid("the spec is too large", field="spec", got=len(repr(spec)), expected=f"≤ {_SPEC_BYTES} bytes")
        fault = best_match(self._validators[kind].iter_errors(spec))
        if fault is not None:
            path = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in fault.absolute_path)
            expected = f"{fault.validator}: {fault.validator_value}"[:200]
            said = fault.schema.get("$comment") if fault.validator == "pattern" else None
            raise Invalid(
                f"not {said}" if said else fault.message[:300],
                field=f"spec{path}",
                got=fault.instance,
                expected=expected,
            )
        document = Document(kind, name, spec)
        if known.check is not None:
            known.check(document)
        return document

    def subject(self, document: Document) -> tuple[EntityId, str]:
        """Where a change of the document stands on the time line, and of what kind it is."""
        known = self._subjects.get(document.kind)
        return known(document) if known else (entity_id("document", f"{document.kind}/{document.name}"), "apply")

    def bundle(self) -> dict[str, Any]:
        """One JSON Schema for a document of any kind, as it is published."""
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "A document that `triops apply` takes",
            "oneOf": [
                {
                    "type": "object",
                    "title": kind.name,
                    "required": ["kind", "name", "spec"],
                    "additionalProperties": False,
                    "properties": {
                        "kind": {"const": kind.name},
                        "name": {"type": "string", "pattern": kind.names},
                        "spec": dict(kind.schema),
                    },
                }
                for kind in sorted(self._kinds.values(), key=lambda k: k.name)
            ],
        }
