"""What arrived of an import, read back by MLflow's API as its clients will read it."""

from triops.sdk.importing.moving import Import, Progress
from triops.sdk.importing.receiver import Receiver
from triops.sdk.importing.rest import RestSource
from triops.sdk.importing.tally import Tally
from triops.sdk.importing.uploading import owners_of


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
    for id, place in (*owners_of(moved.runs), *owners_of(moved.logged)):
        for path, (size, digest) in receiver.digests(place).items():
            tally.artifact(id, path, size, digest)
            progress("artifacts", 1)
    return tally
