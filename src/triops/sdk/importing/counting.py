"""A source counted, nothing sent: what an import would move."""

from collections.abc import Callable

from triops.sdk.importing.source import Source
from triops.sdk.importing.tally import Tally


def counted(source: Source, progress: Callable[[str, int], None]) -> Tally:
    """Artifacts by name and size; their bytes are not read. Raises: SourceError."""
    tally = Tally()
    for experiment in source.experiments():
        tally.experiment(experiment, merged=False)
        progress("experiments", 1)
        for run in source.runs(experiment):
            tally.run(run, experiment.name, source.points(run))
            for file in source.artifacts(run) or ():
                tally.artifact(run.id, file.path, max(file.size, 0), "")
            progress("runs", 1)
        for model in source.logged_models(experiment):
            tally.logged_model(model, experiment.name)
            for file in source.artifacts(model) or ():
                tally.artifact(model.id, file.path, max(file.size, 0), "")
    for registered in source.models():
        tally.model(registered)
    return tally
