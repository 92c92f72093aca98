"""From a filter's text to its words: names, numbers, strings, comparators, keywords, punctuation.

MLflow reads filters with a parser of SQL, whose habits its users meet: `'it''s'`, names in backticks or double quotes,
`params.end` but not bare `end`. What a word is follows those habits.
"""

import re
from dataclasses import dataclass
from typing import Final

from triops.kernel.errors import Invalid

MOST_CHARACTERS: Final = 1 << 18
_MOST_TOKENS: Final = 20_000


@dataclass(slots=True)
class Token:
    """`kind`: name, symbol ("..."), string ('...'), integer, float, number (no plain one), comparator, operator,
    keyword, direction (asc, desc), stamp (the bare word timestamp), mark (punctuation), other; and, once grouped:
    identifier, list, parenthesis, function, operation, comparison (its `parts`: left, comparator, right).
    `text` is as it was written."""

    kind: str
    text: str
    start: int
    end: int
    parts: "tuple[Token, Token, Token] | None" = None


# A letter that begins a name in SQL; digits and the underscore do not.
_LETTER = "A-Za-zÀ-Üà-ü"

_LEXER = re.compile(
    rf"""
    (?P<space>\s+)
  | (?P<other>--[^\r\n]*|\#[ ][^\r\n]*|:=|::)
  | (?P<name>`(?:``|[^`])*`|(?<![\w\])])\[[^\]\[]+\])
  | (?P<number>-?0[xX][\dA-Fa-f]+)
  | (?P<float>-?\d+(?:\.\d+)?[eE]-?\d+|(?![_{_LETTER}])-?(?:\d+\.\d*|\.\d+)(?![_{_LETTER}]))
  | (?P<integer>-?\d+(?![_{_LETTER}]))
  | (?P<string>'(?:''|\\'|[^'])*')
  | (?P<symbol>"(?:""|\\"|[^"])*")
  | (?P<like>(?<!\.)(?:NOT\s+)?(?:LIKE|ILIKE|RLIKE)\b(?!\s*\.(?!\d)|\())
  | (?P<keyword>(?<!\.)NOT\s+NULL\b)
  | (?P<direction>(?<!\.)(?:ASC|DESC)(?:\s+NULLS\s+(?:FIRST|LAST))?\b(?!\s*\.(?!\d)|\())
  | (?P<word>\w[$\#\w]*)
  | (?P<comparator>[<>=~!]+)
  | (?P<operator>[+/@\#%^&|*-]+)
  | (?P<mark>[;:()\[\],.])
    """,
    re.VERBOSE | re.IGNORECASE,
)

# Keywords even behind a period, or in front of a parenthesis.
_ALWAYS: Final = frozenset(("CASE", "IN", "VALUES", "USING", "FROM", "AS"))

# Of SQL's hundreds, those that anyone might write in a filter: alone, they are no names.
_KEYWORDS: Final = frozenset(
    word
    for line in (
        "ABORT ADD ALL ALTER AND ANY ARRAY ASSERTION BEGIN BETWEEN BOOLEAN BY CHECK CLASS COLUMN COMMENT COMMIT COUNT",
        "CREATE DATA DATABASE DATE DEFAULT DELETE DISTINCT DROP ELSE END EXCEPT EXISTS FALSE FILE FLOAT FOR FORMAT",
        "FULL GO GROUP HAVING IF INDEX INSERT INT INTEGER INTERSECT INTO IS JOIN KEY LANGUAGE LEFT LEVEL LIMIT",
        "LOCATION MAX MIN MODE MODIFY NOT NULL NUMBER OFFSET ON OR ORDER OWNER PARAMETERS PATH PROFILE REGEXP RIGHT",
        "ROLE SCHEMA SELECT SESSION SET SIZE SOURCE SUM TABLE TEXT THEN TIME TO TRUE TYPE UNION UNIQUE UPDATE USER",
        "VERSION VIEW WHEN WHERE WITH",
    )
    for word in line.split()
)


def tokens_of(text: str) -> list[Token]:
    """Raises: Invalid for a text over the bounds."""
    if len(text) > MOST_CHARACTERS:
        raise Invalid(f"A filter or order_by is at most {MOST_CHARACTERS} characters, got {len(text)}.")
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        match = _LEXER.match(text, at)
        if match is None:
            tokens.append(Token("other", text[at], at, at + 1))
            at += 1
            continue
        kind = match.lastgroup or "other"
        if kind == "word":
            kind = _kind_of_word(match.group(), text, at, match.end())
        elif kind == "like":
            kind = "comparator"
        if kind != "space":
            tokens.append(Token(kind, match.group(), at, match.end()))
        at = match.end()
        if len(tokens) > _MOST_TOKENS:
            raise Invalid(f"A filter or order_by is at most {_MOST_TOKENS} words.")
    return tokens


_BEFORE_PERIOD = re.compile(r"\s*\.(?!\d)")


def _kind_of_word(word: str, text: str, start: int, end: int) -> str:
    unified = word.upper()
    if unified in _ALWAYS:
        return "keyword"
    if word[0].isalpha() and (
        (start and text[start - 1] == ".") or text.startswith("(", end) or _BEFORE_PERIOD.match(text, end)
    ):
        return "name"
    if unified == "TIMESTAMP":
        return "stamp"
    return "keyword" if unified in _KEYWORDS else "name"
