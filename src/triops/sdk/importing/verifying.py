"""What arrived of an import, read back by MLflow's API as its clients will read it."""

from collections.abc import Iterator

from triops.sdk.importing.moving import Import, Progress
from triops.sdk.importing.paths import proxied_path
from triops.sdk.importing.receiver import Receiver
from triops.sdk.importing.rest import RestSource
from triops.sdk.importing.tally import Tally


def arrived(moved: Import, receiver: Receiver, progress: Progress) -> Tally:
    """Only of what the source has: there may be more here. Raises: SourceError, ApiError, Unreachable."""
    tally = Tally()
    here = RestSource(receiver.http)
    states = {answer["to"]: answer["state"] for answer in moved.experiments.values()}
    for experiment in here.experiments():
        if experiment.id not in states:
            continue
        tally.experiment(experiment, merged=states[experiment.id] != "created")
        for run in here.runs(experiment):
            if run.id in moved.runs:
                tally.run(run, experiment.name, here.points(run))
                progress("runs", 1)
        for model in here.logged_models(experiment):
            if model.id in moved.logged:
                tally.logged_model(model, experiment.name)
    for registered in here.models():
        if registered.name in moved.versions:
            tally.model(registered, moved.versions[registered.name])
    for id, path, size, digest in _files(moved, receiver):
        tally.artifact(id, path, size, digest)
        progress("artifacts", 1)
    return tally


def _files(moved: Import, receiver: Receiver) -> Iterator[tuple[str, str, int, str]]:
    """Owner, path, size and SHA-256 of what is stored: one list an experiment, since most owners have few files."""
    owners = {proxied_path(place): id for places in (moved.runs, moved.logged) for id, place in places.items()}
    owners.pop("", None)
    listed: set[str] = set()
    for home in {answer["location"] for answer in moved.experiments.values()}:
        root = proxied_path(home)
        if not root:
            continue
        for path, (size, digest) in receiver.digests(home):
            folder, _, rest = f"{root}/{path}".partition("/artifacts/")
            if (owner := owners.get(f"{folder}/artifacts")) is not None:
                yield owner, rest, size, digest
        listed |= {place for place in owners if place.startswith(f"{root}/")}
    for place, owner in owners.items():
        if place not in listed:
            for path, (size, digest) in receiver.digests(f"mlflow-artifacts:/{place}"):
                yield owner, path, size, digest
