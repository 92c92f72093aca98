"""What a filter may say about one kind of thing, and how MLflow words what it may not.

The flow is one for all kinds: an identifier gives kind and key, the kind says what values fit, and then what
comparators. The differences are this class's fields; where one kind goes its own way, it is a subclass.
"""

import ast
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from triops.kernel.clause import Clause, Order, Value
from triops.kernel.errors import Invalid
from triops.lenses.mlops.filters.tokens import Token

EQUALITY: Final = ("=", "!=")
LIKENESS: Final = ("=", "!=", "LIKE", "ILIKE")
LISTING: Final = (*LIKENESS, "IN", "NOT IN")
NULLNESS: Final = ("IS NULL", "IS NOT NULL")
NUMERIC: Final = ("=", "!=", "<", "<=", ">", ">=")

MOST_LISTED: Final = 10_000


@dataclass(frozen=True)
class Grammar:
    prefixes: Mapping[str, str]  # as written in front of the period, to the kind
    prefixes_shown: str  # as errors list them
    keys: Collection[str]  # the attributes that a filter may name
    order_keys: Collection[str]
    numeric: Collection[str] = ()  # of the attributes
    listed: Collection[str] | None = ()  # attributes that IN takes; None: every one
    comparators: Mapping[str, Sequence[str]] = field(default_factory=dict)  # by kind; numeric attributes as "numeric"
    synonyms: Mapping[str, str] = field(default_factory=dict)  # of attributes
    datasets: Collection[str] = ()  # keys of the kind dataset
    null_kinds: Collection[str] = ()  # that IS NULL asks about
    folds: bool = True  # comparators may be in lower case
    quotes: bool = True  # loose words are shown in quotes
    once: bool = True  # an order names a key but once
    stamps: bool = False  # the bare word timestamp, a keyword of SQL, is a key

    # Errors about the text as a whole.

    def unreadable(self, text: str) -> Invalid:
        return invalid(f"Invalid filter '{shown(text)}'. Could not be parsed.")

    def several(self, text: str) -> Invalid:
        return invalid(f"Search filter contained multiple expression {shown(text)!r}. Provide AND-ed expression list.")

    def loose(self, text: str, words: Sequence[str]) -> Invalid:
        listed = ", ".join(f"'{word}'" if self.quotes else word for word in words)
        return invalid(f"Invalid clause(s) in filter string: {shown(listed)}")

    # One comparison.

    def clause(self, comparison: Token) -> Clause:
        """What was written, before `checked`."""
        assert comparison.parts is not None
        left, comparator, right = comparison.parts
        if left.kind != "identifier" and not (self.stamps and left.kind == "stamp"):
            raise invalid(f"Invalid comparison clause. Expected 'Identifier' found '{shown(left.text)}'")
        kind, key = self.identified(left.text, self.keys)
        if comparator.text in NULLNESS:
            if kind not in self.null_kinds:
                raise self.not_nullable(kind, key)
            return Clause(kind, key, comparator.text, None)
        compared = " ".join(comparator.text.split())
        compared = compared.upper() if self.folds else compared
        return Clause(kind, key, compared, self.value(kind, key, compared, right))

    def identified(self, text: str, keys: Collection[str]) -> tuple[str, str]:
        """Kind and key. Raises: Invalid."""
        prefix, period, key = text.partition(".")
        if not period:
            prefix, key = "attribute", text
        prefix = trimmed(prefix, "`")
        kind = self.prefixes.get(prefix)
        if kind is None:
            raise self.unknown_prefix(prefix)
        key = bare(key)
        if kind == "attribute" and key not in keys:
            raise self.unknown_key(key, keys)
        if kind == "dataset" and key not in self.datasets:
            raise invalid(f"Invalid dataset key '{shown(key)}' specified. Valid keys are '{named(self.datasets)}'")
        return kind, key

    def unknown_prefix(self, prefix: str) -> Invalid:
        return invalid(f"Invalid entity type '{shown(prefix)}'. Valid values are {self.prefixes_shown}")

    def unknown_key(self, key: str, keys: Collection[str]) -> Invalid:
        return invalid(f"Invalid attribute key '{shown(key)}' specified. Valid keys are '{named(keys)}'")

    def not_nullable(self, kind: str, key: str) -> Invalid:
        return invalid(f"IS NULL / IS NOT NULL is only supported for tags and params, not for '{kind}' '{shown(key)}'")

    def value(self, kind: str, key: str, comparator: str, token: Token) -> Value:
        if kind == "metric":
            if token.kind not in ("integer", "float"):
                raise invalid(f"Expected numeric value type for metric. Found {shown(token.text)}")
            return float(token.text)
        if kind in ("parameter", "tag"):
            if token.kind in ("string", "identifier"):
                return unquoted(token.text)
            raise invalid(f"Expected a quoted string value for {kind} (e.g. 'my-value'). Got value {shown(token.text)}")
        if kind == "dataset":
            if token.kind in ("string", "identifier"):
                return unquoted(token.text)
            if token.kind == "parenthesis":
                return listed(token.text)
            raise invalid(f"Expected a quoted string value for dataset attributes. Got value {shown(token.text)}")
        if key in self.numeric:
            if token.kind not in ("integer", "float"):
                raise invalid(f"Expected numeric value type for numeric attribute: {key}. Found {shown(token.text)}")
            return number(token)
        if token.kind in ("string", "identifier"):
            return unquoted(token.text)
        if token.kind == "parenthesis":
            return self.list_of(key, token)
        raise self.unfit(token)

    def list_of(self, key: str, token: Token) -> Value:
        if self.listed is not None and key not in self.listed:
            raise invalid(
                f"Only {sorted(self.listed)} attributes support comparison with a list of quoted string values."
            )
        return listed(token.text)

    def unfit(self, token: Token) -> Invalid:
        return invalid(f"Expected a quoted string value for attributes. Got value {shown(token.text)}")

    def checked(self, clause: Clause) -> Clause:
        """The clause as searches use it: its comparator one of those, its key by its one name. Raises: Invalid."""
        numeric = clause.kind == "attribute" and clause.key in self.numeric
        allowed = self.comparators["numeric" if numeric else clause.kind]
        if clause.comparator not in allowed:
            raise self.unfit_comparator(clause, allowed)
        require_list(clause)
        if clause.kind == "attribute" and clause.key in self.synonyms:
            return Clause("attribute", self.synonyms[clause.key], clause.comparator, clause.value)
        return clause

    def unfit_comparator(self, clause: Clause, allowed: Collection[str]) -> Invalid:
        return invalid(f"Invalid comparator '{clause.comparator}' not one of '{named(allowed)}'")

    # One item of an order.

    def order(self, text: str, ascending: bool) -> Order:
        kind, key = self.identified(text, self.order_keys)
        if kind == "dataset":
            raise invalid(f"Invalid identifier type '{kind}'", "order_by")
        return Order(kind, self.synonyms.get(key, key) if kind == "attribute" else key, ascending)


def invalid(message: str, field: str = "filter") -> Invalid:
    return Invalid(message, field=field)


def shown(text: str) -> str:
    """Cut to what an error may repeat."""
    return text if len(text) <= 1000 else text[:1000] + "..."


def named(words: Collection[str]) -> str:
    """A set as MLflow's errors have it."""
    return "{" + ", ".join(repr(word) for word in sorted(words)) + "}"


def trimmed(text: str, quote: str) -> str:
    return text[1:-1] if len(text) >= 2 and text[0] == text[-1] == quote else text


def bare(key: str) -> str:
    """A key without its quotes."""
    for quote in ("'", '"'):
        if (inner := trimmed(key, quote)) != key:
            return trimmed(inner, "`")
    return trimmed(key, "`")


def unquoted(text: str) -> str:
    """A string's value: what stands between its quotes, as it is. Raises: Invalid without quotes."""
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    raise invalid(
        "Parameter value is either not quoted or unidentified quote types used for string value "
        f"{shown(text)}. Use either single or double quotes."
    )


def number(token: Token) -> int | float:
    if token.kind == "integer" and len(token.text) > 19:
        return float(token.text)  # beyond every store's integers
    return int(token.text) if token.kind == "integer" else float(token.text)


def require_list(clause: Clause) -> None:
    """A list goes with IN and NOT IN, and they with it."""
    if isinstance(clause.value, tuple) != (clause.comparator in ("IN", "NOT IN")):
        got = f"({', '.join(map(repr, clause.value))})" if isinstance(clause.value, tuple) else repr(clause.value)
        raise invalid(f"Invalid comparator '{clause.comparator}' for the value {shown(got)}")


_LITERAL = r"""(?:'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|-?\d+(?:\.\d+)?)"""
_LIST = re.compile(rf"\(\s*(?:{_LITERAL}\s*(?:,\s*{_LITERAL}\s*)*,?\s*)?\)")


def listed(text: str) -> tuple[str, ...]:
    """The strings of a list in parentheses. Raises: Invalid."""
    try:
        read = ast.literal_eval(text) if _LIST.fullmatch(text) else None
    except (ValueError, SyntaxError):
        read = None
    if read is None:
        raise invalid(
            "While parsing a list in the query, expected a non-empty list of string values, but got ill-formed list."
        )
    values = read if isinstance(read, tuple) else (read,)
    if not values:
        raise invalid(
            "While parsing a list in the query, expected a non-empty list of string values, but got empty list"
        )
    if not all(isinstance(value, str) for value in values):
        raise invalid(
            "While parsing a list in the query, expected string value, punctuation, or whitespace, but got different "
            f"type in list: {shown(str(values))}"
        )
    if len(values) > MOST_LISTED:
        raise invalid(f"A list in a filter has at most {MOST_LISTED} values, got {len(values)}.")
    return values
