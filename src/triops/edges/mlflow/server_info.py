"""What this server tells of itself: which of the protocol's options it has."""

from collections.abc import Sequence

from starlette.responses import PlainTextResponse

from triops.edges.mlflow.router import Answer, Call, Endpoint
from triops.kernel.tenant import Right

_TEST = "tests/conformance/test_mlflow_evaluation.py"


def server_info_endpoints() -> Sequence[Endpoint]:
    async def info(call: Call) -> Answer:
        return {
            "store_type": "SqlStore",
            "workspaces_enabled": False,
            "trace_archival_enabled": False,
            "multipart_uploads_enabled": True,
            "multipart_downloads_enabled": False,
            "presigned_upload_run_id_supported": False,
            "presigned_upload_model_id_supported": False,
            "features_enabled": {"gateway": False},
        }

    async def workspaces(call: Call) -> Answer:
        """As of a server that was started without them."""
        return PlainTextResponse(
            "Endpoint: /api/3.0/mlflow/workspaces disabled because the server is running without workspaces support."
            " To enable workspace, run `mlflow server` with `--enable-workspaces`",
            503,
        )

    return [
        Endpoint("GET", "3.0/mlflow/server-info", info, Right.READ, {}, _TEST),
        Endpoint("GET", "3.0/mlflow/workspaces", workspaces, Right.READ, {}, _TEST),
    ]
