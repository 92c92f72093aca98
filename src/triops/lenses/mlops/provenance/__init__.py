"""Where a run came from: its code, its packages, its machine, its data; and what is different between runs."""

from triops.lenses.mlops.provenance.model import Provenance
from triops.lenses.mlops.provenance.service import Provenances

__all__ = ["Provenance", "Provenances"]
