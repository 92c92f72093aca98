"""Forms of address before a name."""

import re

from triops.lenses.llmops.guards.patterns import Pattern

_BEFORE_NAME = re.compile(
    r"(?<![\w.])(?:M(?:r|rs|s|x|me|lle)|Miss|Madam|Dr|Prof|Professor|Sir|Rev|Hon|Capt|Sgt|Lt)\b\.?(?= {1,2}[^\W\d_])"
)

TITLES = (Pattern("TITLE", _BEFORE_NAME),)
