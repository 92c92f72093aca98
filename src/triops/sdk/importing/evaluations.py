"""The part of an import that applications of language models left: traces, evaluation data sets, scorers, webhooks."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

from triops.kernel.transfer import MovedDataset, MovedExperiment, MovedTrace
from triops.sdk.importing.receiver import Receiver
from triops.sdk.importing.sending import JSON, each, some, within
from triops.sdk.importing.source import Problems, Progress, Source
from triops.sdk.importing.tally import Tally
from triops.sdk.importing.uploading import Uploads

_AT_ONCE = 50
_EXAMPLES = 200


class EvaluationsMove:
    """What is here of it: `traces` and where their artifacts lie, ids of `datasets` and `webhooks`, and `scorers` by
    their experiment (of here) and name."""

    def __init__(
        self,
        source: Source,
        receiver: Receiver,
        problems: Problems,
        tally: Tally,
        uploads: Uploads,
        progress: Progress,
    ) -> None:
        self._source = source
        self._receiver = receiver
        self._problems = problems
        self._tally = tally
        self._uploads = uploads
        self._progress = progress
        self.traces: dict[str, str] = {}
        self.datasets: set[str] = set()
        self.scorers: set[tuple[str, str]] = set()
        self.webhooks: set[str] = set()

    def of_experiment(self, experiment: MovedExperiment, to: str) -> None:
        for traces in some(self._source.traces(experiment), _AT_ONCE):
            self._move_traces(experiment, to, traces)
        for scorer in self._source.scorers(experiment):
            self._tally.scorer(scorer, experiment.name)
            item = {"scorer": asdict(scorer), "to": to}
            if each(self._problems, self._receiver.scorers, [item], lambda one: f"scorer {one['scorer']['name']}"):
                self.scorers.add((to, scorer.name))
            self._progress("scorers", 1)

    def rest(self, experiments: Mapping[str, JSON]) -> None:
        """What belongs to no experiment or to several. `experiments`: where those of the source are."""
        for dataset in self._source.datasets():
            self._move_dataset(dataset, experiments)
        for webhook in self._source.webhooks():
            self._tally.webhook(webhook)
            item = {"webhook": asdict(webhook)}
            if each(self._problems, self._receiver.webhooks, [item], lambda one: f"webhook {one['webhook']['name']}"):
                self.webhooks.add(webhook.id)
            self._progress("webhooks", 1)

    def _move_traces(self, experiment: MovedExperiment, to: str, traces: Sequence[MovedTrace]) -> None:
        for trace in traces:
            self._tally.trace(trace, experiment.name)
        known = self._receiver.known(traces=[trace.id for trace in traces])
        # one that is here answers where, and needs no spans for that
        items = [{"trace": asdict(replace(t, spans=()) if t.id in known else t), "to": to} for t in traces]
        for batch in within(items):
            sent = each(self._problems, self._receiver.traces, batch, lambda item: f"trace {item['trace']['id']}")
            for _, answer in sent:
                self.traces[answer["id"]] = answer["artifact_uri"]
        self._progress("traces", len(traces))
        self._uploads.add([(trace, self.traces[trace.id]) for trace in traces if trace.id in self.traces])

    def _move_dataset(self, dataset: MovedDataset, experiments: Mapping[str, JSON]) -> None:
        names = [experiments[id]["name"] for id in dataset.experiments if id in experiments]
        self._tally.dataset(dataset, names)
        here = tuple(experiments[id]["to"] for id in dataset.experiments if id in experiments)
        moved = asdict(replace(dataset, experiments=here))
        self._send_examples(dataset, moved, [])
        for batch in some(self._source.examples(dataset), _EXAMPLES):
            for one in batch:
                self._tally.example(dataset, one)
            for few in within(map(asdict, batch)):
                self._send_examples(dataset, moved, few)
            self._progress("examples", len(batch))
        self._progress("evaluation data sets", 1)

    def _send_examples(self, dataset: MovedDataset, moved: JSON, few: Sequence[JSON]) -> None:
        item = {"dataset": moved, "examples": list(few)}
        if each(self._problems, self._receiver.datasets, [item], lambda _: f"evaluation data set {dataset.name}"):
            self.datasets.add(dataset.id)
