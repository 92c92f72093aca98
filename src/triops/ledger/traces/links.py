"""What traces are linked to: runs, and versions of prompts. A link may be made before its trace arrives."""

from collections.abc import Sequence

from sqlalchemy import Connection

from triops.kernel.ids import ProjectId
from triops.ledger.prepared import Rows
from triops.ledger.traces import tables
from triops.ledger.traces.reading import found
from triops.ports.records import Records

RUN, PROMPT = "run", "prompt"
_WRITE = Rows(tables.trace_links, ("project", "trace_id", "kind", "target"), lambda rows: rows.on_conflict_do_nothing())


class TraceLinks:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def to_run(self, project: ProjectId, traces: Sequence[str], run: str) -> None:
        rows = [(project, trace, RUN, run) for trace in dict.fromkeys(traces)]
        await self._records.write(lambda c: _WRITE.write(c, rows))

    async def to_prompts(self, project: ProjectId, trace: str, prompts: Sequence[str]) -> None:
        """`prompts`: `<name>/<version>`. Raises: NotFound."""

        def write(connection: Connection) -> None:
            found(connection, project, trace)
            _WRITE.write(connection, [(project, trace, PROMPT, prompt) for prompt in dict.fromkeys(prompts)])

        await self._records.write(write)
