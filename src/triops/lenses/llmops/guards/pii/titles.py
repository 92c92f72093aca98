"""Forms of address before a name."""

import re

from triops.lenses.llmops.guards.patterns import Pattern

_BEFORE_NAME = re.compile(
    r"(?<![\w.])(?:M(?:r|rs|s|x|me|lle)|Miss|Madam|Dr|Prof|Professor|Sir|Rev|Hon|Capt|Sgt|Lt)\b\.?(?= {1,2}[^\W\d_])"
)

_FORMS = ("Mr", "Ms", "Mx", "Mme", "Mlle", "Miss", "Madam", "Dr", "Prof", "Sir", "Rev", "Hon", "Capt", "Sgt", "Lt")

TITLES = (Pattern("TITLE", _BEFORE_NAME, needs=_FORMS),)
