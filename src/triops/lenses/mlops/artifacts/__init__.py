"""Artifacts: files of runs and models, in the server's own store or under a folder that its administrator set."""

from triops.lenses.mlops.artifacts.locations import (
    check_location,
    check_scheme,
    checked_root,
    folder_path,
    proxied_path,
)
from triops.lenses.mlops.artifacts.owners import Owners
from triops.lenses.mlops.artifacts.paths import joined, safe_path
from triops.lenses.mlops.artifacts.places import Place, Places
from triops.lenses.mlops.artifacts.store import Artifacts
from triops.lenses.mlops.artifacts.uploads import Uploads

__all__ = [
    "Artifacts",
    "Owners",
    "Place",
    "Places",
    "Uploads",
    "check_location",
    "check_scheme",
    "checked_root",
    "folder_path",
    "joined",
    "proxied_path",
    "safe_path",
]
