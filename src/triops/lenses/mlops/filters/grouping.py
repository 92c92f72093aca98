"""From words to what they make together: identifiers (`params.lr`), lists in parentheses, comparisons.

A parser of SQL also sees functions, arithmetic and aliases; none is allowed in a filter, but an error must say what
was there.
"""

from collections.abc import Callable

from triops.lenses.mlops.filters.tokens import Token

_NUMBERS = ("integer", "float")
_OPERANDS = frozenset((*_NUMBERS, "string", "symbol", "name", "identifier", "parenthesis", "function", "operation"))
_ALIASED = frozenset((*_NUMBERS, "parenthesis", "function", "identifier", "operation", "comparison"))
_LISTED = frozenset((*_OPERANDS, "comparison", "list", "keyword")) - {"parenthesis"}


def grouped(text: str, tokens: list[Token]) -> list[Token]:
    tokens = _parentheses(text, tokens)
    tokens = _functions(text, tokens)
    tokens = _identifiers(text, tokens)
    tokens = _directed(text, tokens)
    tokens = _joined(text, tokens, "operation", lambda token: token.kind == "operator", _is_operand)
    tokens = _joined(text, tokens, "comparison", lambda token: token.kind == "comparator", _is_compared)
    tokens = _aliased(text, tokens)
    return _joined(text, tokens, "list", lambda token: token.text == ",", lambda token: token.kind in _LISTED)


def _merged(text: str, kind: str, first: Token, last: Token) -> Token:
    return Token(kind, text[first.start : last.end], first.start, last.end)


def _parentheses(text: str, tokens: list[Token]) -> list[Token]:
    result: list[Token] = []
    opened: list[int] = []
    for token in tokens:
        if token.kind == "mark" and token.text == ")" and opened:
            at = opened.pop()
            token = _merged(text, "parenthesis", result[at], token)
            del result[at:]
        elif token.kind == "mark" and token.text == "(":
            opened.append(len(result))
        result.append(token)
    return result


def _functions(text: str, tokens: list[Token]) -> list[Token]:
    result: list[Token] = []
    for token in tokens:
        if token.kind == "parenthesis" and result and result[-1].kind == "name":
            token = _merged(text, "function", result.pop(), token)
        result.append(token)
    return result


def _identifiers(text: str, tokens: list[Token]) -> list[Token]:
    result: list[Token] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        at += 1
        if token.kind == "mark" and token.text == "." and result and result[-1].kind in ("identifier", "symbol"):
            behind = tokens[at] if at < len(tokens) else None
            if behind and (behind.kind in ("name", "symbol", "string", "function") or behind.text == "*"):
                token = behind
                at += 1
            token = _merged(text, "identifier", result.pop(), token)
        elif token.kind in ("name", "symbol"):
            token = Token("identifier", token.text, token.start, token.end)
        result.append(token)
    return result


def _directed(text: str, tokens: list[Token]) -> list[Token]:
    result: list[Token] = []
    for token in tokens:
        if token.kind == "direction" and result and result[-1].kind in ("identifier", *_NUMBERS):
            token = _merged(text, "identifier", result.pop(), token)
        result.append(token)
    return result


def _is_operand(token: Token) -> bool:
    return token.kind in _OPERANDS


def _is_compared(token: Token) -> bool:
    return token.kind in _OPERANDS or (token.kind == "keyword" and token.text.upper() == "NULL")


def _joined(
    text: str, tokens: list[Token], kind: str, joins: Callable[[Token], bool], valid: Callable[[Token], bool]
) -> list[Token]:
    """A token that `joins`, between two `valid` ones, becomes one of `kind` with them."""
    result: list[Token] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        at += 1
        if joins(token) and result and valid(result[-1]) and at < len(tokens) and valid(tokens[at]):
            left, right = result.pop(), tokens[at]
            at += 1
            parts = (left, token, right)
            token = _merged(text, kind, left, right)
            token.parts = parts
        result.append(token)
    return result


def _aliased(text: str, tokens: list[Token]) -> list[Token]:
    result: list[Token] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        at += 1
        if token.kind in _ALIASED and at < len(tokens) and tokens[at].kind == "identifier":
            token = _merged(text, "identifier", token, tokens[at])
            at += 1
        result.append(token)
    return result
