"""Who may see and change which experiments and models, beyond what a key's role says."""

from triops.lenses.mlops.permissions.model import Level, access_kind
from triops.lenses.mlops.permissions.service import Names, Permissions

__all__ = ["Level", "Names", "Permissions", "access_kind"]
