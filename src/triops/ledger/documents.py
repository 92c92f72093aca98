"""The book of documents: configuration as code, as `triops apply` gave it."""

from collections.abc import Sequence

from triops.kernel.document import Document
from triops.kernel.ids import ProjectId
from triops.ports.records import Records


class Documents:
    def __init__(self, records: Records) -> None:
        self._records = records

    async def put(self, project: ProjectId, documents: Sequence[Document]) -> Sequence[tuple[Document, str]]:
        """All or none, in one transaction. Answers each as stored with `created`, `changed` or `unchanged`; a change
        raises its revision by one and keeps the earlier revisions."""
        raise NotImplementedError

    async def list(self, project: ProjectId, kind: str = "") -> Sequence[Document]:
        """By kind, then name; at most 10,000."""
        raise NotImplementedError

    async def get(self, project: ProjectId, kind: str, name: str) -> Document:
        """Raises: NotFound."""
        raise NotImplementedError

    async def delete(self, project: ProjectId, kind: str, name: str) -> Document:
        """Raises: NotFound."""
        raise NotImplementedError
