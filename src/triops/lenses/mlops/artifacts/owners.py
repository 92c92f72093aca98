"""Whose artifacts they are: how a run's, a logged model's or a model version's location is found."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from triops.kernel.ids import ProjectId

LocationOf = Callable[[ProjectId, str], Awaitable[str]]
VersionLocationOf = Callable[[ProjectId, str, str], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Owners:
    """Each answers a location, or raises NotFound in its own words."""

    run: LocationOf  # by id
    logged_model: LocationOf  # by id
    model_version: VersionLocationOf  # by name and version
