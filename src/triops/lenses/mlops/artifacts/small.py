"""A small file of a location, whole in memory: what the server reads for itself."""

from triops.kernel.errors import Invalid
from triops.kernel.ids import ProjectId
from triops.lenses.mlops.artifacts.places import Places


async def small_file(places: Places, project: ProjectId, location: str, path: str, most: int) -> bytes:
    """Raises: NotFound; Invalid for a location that is not ours to read, and for a file over `most` bytes."""
    place = places.at(location, path)
    found = await place.files.find(project, place.path)
    if found.size > most:
        raise Invalid(f"'{path}' has {found.size} bytes; at most {most} are read", field="path")
    reading = await place.files.read(project, found)
    try:
        pieces = [piece async for piece in reading]
    finally:
        await reading.aclose()
    return b"".join(pieces)
