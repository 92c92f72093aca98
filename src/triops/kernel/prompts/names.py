"""What a prompt's name in folders (`care/greeting`) cannot have: what comes after a name in the paths of the API."""

from typing import Final

AFTER_NAMES: Final = frozenset({"versions", "labels", "diff", "history", "comments", "render", "usage"})
