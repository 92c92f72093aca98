"""A source counted, nothing sent: what an import would move."""

from triops.sdk.importing.source import Owner, Progress, Source
from triops.sdk.importing.tally import Tally


def counted(source: Source, progress: Progress) -> Tally:
    """Artifacts by name and size; their bytes are not read. Raises: SourceError."""
    tally = Tally()
    names: dict[str, str] = {}
    for experiment in source.experiments():
        names[experiment.id] = experiment.name
        tally.experiment(experiment, merged=False)
        progress("experiments", 1)
        for run in source.runs(experiment):
            tally.run(run, experiment.name)
            for _ in tally.points(run.id, source.points(run)):
                pass
            _files(source, run, tally)
            progress("runs", 1)
        for model in source.logged_models(experiment):
            tally.logged_model(model, experiment.name)
            _files(source, model, tally)
        for trace in source.traces(experiment):
            tally.trace(trace, experiment.name)
            _files(source, trace, tally)
            progress("traces", 1)
        for scorer in source.scorers(experiment):
            tally.scorer(scorer, experiment.name)
    for dataset in source.datasets():
        tally.dataset(dataset, [names[id] for id in dataset.experiments if id in names])
        for example in source.examples(dataset):
            tally.example(dataset, example)
    for webhook in source.webhooks():
        tally.webhook(webhook)
    for registered in source.models():
        tally.model(registered)
    return tally


def _files(source: Source, owner: Owner, tally: Tally) -> None:
    for file in source.artifacts(owner) or ():
        tally.artifact(owner.id, file.path, max(file.size, 0), "")
