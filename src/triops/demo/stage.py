"""The stage: the server and the shop as processes, opened together."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from triops.demo.faults import documents
from triops.demo.serving import Server, open_server
from triops.demo.shop.shop import Shop, open_shop

REQUESTS_PER_S = 16.0


@dataclass(frozen=True, slots=True)
class Stage(Server):
    shop: Shop


@contextmanager
def open_stage(port: int | None, data: Path | None) -> Iterator[Stage]:
    """The server with the shop beside it, and the documents applied. Raises: StoryError."""
    with open_server(port, data) as server:
        shop_folder = server.folder / "shop"
        shop_folder.mkdir(exist_ok=True)
        shop = open_shop(server.children, shop_folder, server.url, REQUESTS_PER_S)
        server.client.apply(documents(shop.deployer))
        yield Stage(server.url, server.client, server.children, server.folder, shop)
