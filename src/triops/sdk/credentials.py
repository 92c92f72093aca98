"""Who asks a tracking server: the variables that the `mlflow` client reads."""

import os
from base64 import b64encode


def mlflow_credentials(key: str = "") -> dict[str, str]:
    """Headers, none where nothing is set. `key`: a token for when the environment has none."""
    if user := os.environ.get("MLFLOW_TRACKING_USERNAME"):
        password = os.environ.get("MLFLOW_TRACKING_PASSWORD", "")
        return {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}
    token = os.environ.get("MLFLOW_TRACKING_TOKEN") or key
    return {"Authorization": f"Bearer {token}"} if token else {}
