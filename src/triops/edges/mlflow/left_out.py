"""What of MLflow's API Triops leaves out, and why: answered with 501, so that a caller learns it at once."""

from collections.abc import Sequence
from dataclasses import dataclass

from triops.edges.mlflow.router import Answer, Call, Endpoint
from triops.kernel.errors import NotOffered
from triops.kernel.tenant import Right

TEST = "tests/conformance/test_mlflow_left_out.py"
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
GRAPHQL = "/graphql"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """`paths` as endpoints have them; a path of another list that is the same is the one that answers."""

    what: str
    reason: str
    paths: tuple[str, ...]


LEFT_OUT = (
    LeftOut(
        "The gateway",
        "model providers, their keys, budgets and guardrails are not managed through MLflow's API",
        ("3.0/mlflow/gateway/{rest:path}",),
    ),
    LeftOut(
        "Prompt optimization",
        "the server runs no jobs that call model providers",
        ("3.0/mlflow/prompt-optimization/{rest:path}",),
    ),
    LeftOut(
        "Running a scorer or an evaluation on the server",
        "the server runs no code that a client wrote; mlflow.genai.evaluate runs where it is called",
        (
            "3.0/mlflow/scorer/invoke",
            "3.0/mlflow/genai/evaluate/invoke",
            "3.0/mlflow/scorers/online-config",
            "3.0/mlflow/scorers/online-configs",
            "3.0/mlflow/jobs/{rest:path}",
        ),
    ),
    LeftOut(
        "Keeping issues",
        "problems are found, correlated and followed as incidents",
        ("3.0/mlflow/issues", "3.0/mlflow/issues/{rest:path}"),
    ),
    LeftOut(
        "Review by label schemas and queues",
        "what people think of a trace is kept as its assessments",
        ("3.0/mlflow/label-schemas/{rest:path}", "3.0/mlflow/review-queues/{rest:path}"),
    ),
    LeftOut(
        "Managing workspaces",
        "a key belongs to one project, which is what a workspace would be",
        ("3.0/mlflow/workspaces", "3.0/mlflow/workspaces/{rest:path}"),
    ),
    LeftOut(
        "Managing users and permissions by MLflow's API",
        "people have keys of Triops, and documents of the kind Access say who may do what",
        (
            "2.0/mlflow/users/{rest:path}",
            "2.0/mlflow/experiments/permissions/{rest:path}",
            "2.0/mlflow/registered-models/permissions/{rest:path}",
            "3.0/mlflow/users/{rest:path}",
            "3.0/mlflow/scorers/permissions/{rest:path}",
        ),
    ),
    LeftOut(
        "The query of trace metrics",
        "spans are telemetry here too, so that rate, errors and durations are asked of the native API",
        ("3.0/mlflow/traces/metrics",),
    ),
    LeftOut(
        "Asking for traces in Databricks' own way",
        "only a client of Databricks asks for it",
        ("2.0/mlflow/unified-traces", "2.0/mlflow/get-online-trace-details"),
    ),
    LeftOut(
        "The prompt lab of MLflow's pages, and its way to model providers",
        "the server calls no model providers",
        ("2.0/mlflow/runs/create-promptlab-run", "2.0/mlflow/gateway-proxy"),
    ),
    LeftOut("The demo of MLflow's pages", "`triops demo` is this server's own", ("3.0/mlflow/demo/{rest:path}",)),
    LeftOut("GraphQL", "only MLflow's own pages ask by it", (GRAPHQL[1:],)),
)


def left_out_endpoints(offered: Sequence[Endpoint]) -> list[Endpoint]:
    """To stand behind `offered`, whose paths stay theirs."""
    taken = {(endpoint.method, endpoint.path) for endpoint in offered}
    return [
        _endpoint(method, path, one)
        for one in LEFT_OUT
        for path in one.paths
        for method in _METHODS
        if (method, path) not in taken
    ]


def _endpoint(method: str, path: str, left_out: LeftOut) -> Endpoint:
    async def refuse(call: Call) -> Answer:
        raise NotOffered(f"{left_out.what} is left out of Triops: {left_out.reason}.")

    return Endpoint(method, path, refuse, Right.READ, None, TEST)
