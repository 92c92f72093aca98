"""From a location and a path to the files that this server reads and writes there."""

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass

from triops.kernel.errors import Invalid
from triops.kernel.ids import ProjectId
from triops.lenses.mlops.artifacts.locations import checked_root, folder_path, proxied_path
from triops.lenses.mlops.artifacts.paths import joined, safe_path
from triops.ports.files import Files


@dataclass(frozen=True, slots=True)
class Place:
    """A path of `files`; `path` "" is their root."""

    files: Files
    path: str


class Places:
    """`store`: the server's own. `root`: the administrator's setting. `folder`: the files under it, where it is a
    folder; of these only locations below the root are reached, and clients do not name those of runs and models."""

    def __init__(self, store: Files, root: str, folder: Files | None = None) -> None:
        self.store = store
        self.root = checked_root(root)
        self._folder = folder
        self._top = folder_path(self.root)

    def stored(self, path: str) -> Place:
        """A path in the server's own store, as a client sent it. Raises: Invalid."""
        return Place(self.store, safe_path(path))

    def at(self, location: str, path: str = "") -> Place:
        """`path` as a client sent it. Raises: Invalid for a path that is not safe, and for a location that is not ours
        to read."""
        below = safe_path(path, root=True)
        inside = proxied_path(location)
        if inside is not None:
            return Place(self.store, joined(inside, below))
        named = folder_path(location)
        if self._folder is not None and self._top is not None and named is not None and _plain(named):
            top, path = posixpath.normpath(self._top), posixpath.normpath(named)
            if path == top or path.startswith(top.rstrip("/") + "/"):
                return Place(self._folder, joined(path[len(top) :].strip("/"), below))
        raise Invalid(
            f"The tracking server does not read or write artifact location '{location[:200]}': it is neither in its "
            "own store (mlflow-artifacts:/) nor under the artifact root that its administrator set. Clients reach it "
            "themselves."
        )

    async def freed(self, project: ProjectId, locations: Iterable[str]) -> None:
        """Delete all under these locations of things that are gone for good. What is not ours stays, and so does a
        root as a whole. Idempotent."""
        for location in locations:
            try:
                place = self.at(location)
            except Invalid:
                continue
            if place.path:
                await place.files.delete(project, place.path)


def _plain(path: str) -> bool:
    """Whether it says where it leads: nothing climbs back."""
    return path.isprintable() and ".." not in path.split("/")
