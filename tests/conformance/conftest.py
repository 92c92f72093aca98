import asyncio
import os
import sys
from collections.abc import Callable, Iterator, Mapping

import pytest
import uvloop


@pytest.fixture(scope="module", autouse=True)
def mlflow_as_it_was() -> Iterator[None]:
    """Its client keeps an experiment and addresses for the whole process, and writes them into the environment, where
    other modules' child processes would find them."""
    before = {name: value for name, value in os.environ.items() if name.startswith("MLFLOW_")}
    yield
    if mlflow := sys.modules.get("mlflow"):
        while mlflow.active_run():
            mlflow.end_run()
        mlflow.set_tracking_uri(None)
        mlflow.set_registry_uri(None)
        mlflow.tracking.fluent._active_experiment_id = None
    for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
        del os.environ[name]
    os.environ.update(before)


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Connections are handed on below HTTP, so the two loops that serve them are both tested."""
    loops = {"uvloop": uvloop.new_event_loop}
    return {**loops, "asyncio": asyncio.new_event_loop} if "grpc" in item.nodeid else loops
