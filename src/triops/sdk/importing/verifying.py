"""What arrived of an import, read back by MLflow's API as its clients will read it."""

import hashlib
from collections.abc import Iterator

from triops.sdk.importing.moving import Import
from triops.sdk.importing.paths import proxied_path, scheme_of
from triops.sdk.importing.receiver import Receiver
from triops.sdk.importing.rest import RestSource
from triops.sdk.importing.sending import some
from triops.sdk.importing.source import Owner, Progress, SourceError
from triops.sdk.importing.tally import Tally

_READ = ("", "file")  # schemes of places in a folder of the server's, whose files are read again


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
                tally.run(run, experiment.name)
                for _ in tally.points(run.id, here.points(run)):
                    pass
                if scheme_of(moved.runs[run.id]) in _READ:
                    _read_files(here, run, tally, progress)
                progress("runs", 1)
        for model in here.logged_models(experiment):
            if model.id in moved.logged:
                tally.logged_model(model, experiment.name)
                if scheme_of(moved.logged[model.id]) in _READ:
                    _read_files(here, model, tally, progress)
        for trace in here.traces(experiment):
            if trace.id in moved.evaluations.traces:
                tally.trace(trace, experiment.name)
                progress("traces", 1)
        for scorer in here.scorers(experiment):
            if (experiment.id, scorer.name) in moved.evaluations.scorers:
                tally.scorer(scorer, experiment.name)
    _rest(moved, here, receiver, tally)
    for registered in here.models():
        if registered.name in moved.versions:
            tally.model(registered, moved.versions[registered.name])
    for id, path, size, digest in _files(moved, receiver):
        tally.artifact(id, path, size, digest)
        progress("artifacts", 1)
    return tally


def _rest(moved: Import, here: RestSource, receiver: Receiver, tally: Tally) -> None:
    names = {answer["to"]: answer["name"] for answer in moved.experiments.values()}
    for dataset in here.datasets():
        if dataset.id in moved.evaluations.datasets:
            tally.dataset(dataset, [names[id] for id in dataset.experiments if id in names])
            for example in here.examples(dataset):
                tally.example(dataset, example)
    for webhook in here.webhooks():
        if webhook.id in moved.evaluations.webhooks:
            tally.webhook(webhook)
    for few in some(moved.deleted_logged, 1000):
        for id in receiver.known(logged_models=few):
            tally.add("deleted logged models", id, "")


def _read_files(here: RestSource, owner: Owner, tally: Tally, progress: Progress) -> None:
    """Files that are not in the server's own store, which knows hashes: each is read. What the server does not read is
    not counted, which is a difference where it was sent."""
    try:
        for file in here.artifacts(owner) or ():
            hashed, size = hashlib.sha256(), 0
            for piece in here.open(owner, file):
                hashed.update(piece)
                size += len(piece)
            tally.artifact(owner.id, file.path, size, hashed.hexdigest())
            progress("artifacts", 1)
    except SourceError:
        return


def _files(moved: Import, receiver: Receiver) -> Iterator[tuple[str, str, int, str]]:
    """Owner, path, size and SHA-256 of what is stored: one list an experiment, since most owners have few files."""
    owners = {
        proxied_path(place): id
        for places in (moved.runs, moved.logged, moved.evaluations.traces)
        for id, place in places.items()
    }
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
