"""Which version a label stands for."""

from triops.kernel.errors import NotFound
from triops.kernel.prompts.sharing import main_version, picked
from triops.ledger.prompts.reading import Kept
from triops.lenses.llmops.prompts.model import is_latest


def numbered(kept: Kept, label: str, pick: float | None) -> int:
    """Of a share the one for `pick`, else the one with the most traffic. Raises: NotFound that lists the labels."""
    share = kept.labels.get(label)
    if share is None and is_latest(label) and kept.newest is not None:
        return kept.newest
    if not share:
        known = ", ".join(sorted(kept.labels)) or "none"
        raise NotFound(f"the prompt {kept.model.name} has no label {label[:200]}; labels: {known}")
    return main_version(share) if pick is None else picked(share, pick)
