"""MLflow's REST API, 2.0 and 3.0, as its unmodified 3.17 client speaks it.

`router` carries every request: who asks, what came (`fields`), the handler, the answer or the error (`problems`). Each
other module owns the endpoints of one noun and answers a list of `Endpoint`; `offered` is all of them, and what is not
offered, with the reason.
"""

from triops.edges.mlflow.router import Endpoint, MlflowApi

__all__ = ["Endpoint", "MlflowApi"]
