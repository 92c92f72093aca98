"""Reading filters and orders: the steps that every grammar shares."""

import re
import shlex
from collections.abc import Iterable
from typing import Final

from triops.kernel.clause import Clause, Order
from triops.kernel.errors import Invalid
from triops.lenses.mlops.filters.grammar import Grammar
from triops.lenses.mlops.filters.grouping import grouped
from triops.lenses.mlops.filters.tokens import Token, tokens_of

MOST_CLAUSES: Final = 200
_MOST_ORDERS: Final = 32


def parse_filter(text: str | None, grammar: Grammar) -> tuple[Clause, ...]:
    """The clauses that must all hold. Raises: Invalid, in MLflow's words."""
    if not text:
        return ()
    tokens = grouped(text, tokens_of(text))
    _one_statement(text, tokens, grammar)
    tokens = _with_lists(text, tokens, grammar)
    loose = [token for token in tokens if not (token.kind == "comparison" or _is_keyword(token, "AND"))]
    if loose:
        raise grammar.loose(text, [token.text for token in loose])
    comparisons = [token for token in tokens if token.kind == "comparison"]
    if len(comparisons) > MOST_CLAUSES:
        raise Invalid(f"A filter has at most {MOST_CLAUSES} clauses, got {len(comparisons)}.", field="filter")
    read = [grammar.clause(token) for token in comparisons]
    return tuple(grammar.checked(clause) for clause in read)


def parse_order_by(items: Iterable[str], grammar: Grammar) -> tuple[Order, ...]:
    """Raises: Invalid, in MLflow's words; for a key that is named twice too, where that is no order."""
    items = list(items)
    if len(items) > _MOST_ORDERS:
        raise Invalid(f"`order_by` has at most {_MOST_ORDERS} items, got {len(items)}.", field="order_by")
    orders: list[Order] = []
    for item in items:
        key, ascending = _key_and_direction(item)
        order = grammar.order(key, ascending)
        if grammar.once and any((order.kind, order.key) == (other.kind, other.key) for other in orders):
            raise Invalid(f"`order_by` contains duplicate fields: {items}", field="order_by")
        orders.append(order)
    return tuple(orders)


def _one_statement(text: str, tokens: list[Token], grammar: Grammar) -> None:
    if not tokens:
        raise grammar.unreadable(text)
    open_ = 0
    for token in tokens[:-1]:
        if token.text == "(":
            open_ += 1
        elif token.text == ")":
            open_ -= 1
        elif token.text == ";" and open_ <= 0:
            raise grammar.several(text)


def _is_keyword(token: Token, word: str) -> bool:
    return token.kind == "keyword" and token.text.upper() == word


def _with_lists(text: str, tokens: list[Token], grammar: Grammar) -> list[Token]:
    """IN, NOT IN and IS, which the grouping leaves apart, joined to comparisons."""
    result: list[Token] = []
    at = 0
    while at < len(tokens):
        first, rest = tokens[at], tokens[at + 1 : at + 4]
        taken = 0
        if grammar.stamps and first.kind == "stamp" and _is_stamped(rest):
            comparator, value, taken = rest[0], rest[1], 3
        elif first.kind == "identifier" and len(rest) >= 2:
            kinds = [token.kind for token in rest]
            if _is_keyword(rest[0], "IN") and kinds[1] == "parenthesis":
                comparator, value, taken = rest[0], rest[1], 3
            elif _is_keyword(rest[0], "IS") and _is_keyword(rest[1], "NULL"):
                comparator, value, taken = _written(rest[0], "IS NULL"), rest[1], 3
            elif _is_keyword(rest[0], "IS") and rest[1].text.upper().split() == ["NOT", "NULL"]:
                comparator, value, taken = _written(rest[0], "IS NOT NULL"), rest[1], 3
            elif (
                len(rest) == 3
                and _is_keyword(rest[0], "NOT")
                and _is_keyword(rest[1], "IN")
                and kinds[2] == "parenthesis"
            ):
                comparator, value, taken = _written(rest[0], "NOT IN"), rest[2], 4
        if taken:
            last = tokens[at + taken - 1]
            joined = Token("comparison", text[first.start : last.end], first.start, last.end)
            joined.parts = (first, comparator, value)
            result.append(joined)
        else:
            result.append(first)
        at += taken or 1
    return result


def _is_stamped(rest: list[Token]) -> bool:
    return len(rest) >= 2 and rest[0].kind == "comparator" and rest[1].kind == "integer"


def _written(token: Token, text: str) -> Token:
    return Token("keyword", text, token.start, token.end)


_STAMP = re.compile(r"(timestamp)(?:\s*\s(asc|desc))?", re.IGNORECASE)


def _key_and_direction(item: str) -> tuple[str, bool]:
    unreadable = Invalid(f"Invalid order_by clause '{item[:1000]}'. Could not be parsed.", field="order_by")
    if stamp := _STAMP.fullmatch(item):
        return "timestamp", (stamp[2] or "asc").lower() == "asc"
    tokens = grouped(item, tokens_of(item))
    if len(tokens) != 1 or tokens[0].kind != "identifier" or tokens[0].text != item:
        raise unreadable
    try:
        words = shlex.split(item.replace("`", '"'))
    except ValueError:
        raise unreadable from None
    if len(words) > 2:
        raise unreadable
    if len(words) < 2:
        return item.strip(), True
    direction = words[1].lower()
    if direction not in ("asc", "desc"):
        raise Invalid(f"Invalid ordering key in order_by clause '{item[:1000]}'.", field="order_by")
    return words[0].strip(), direction == "asc"
