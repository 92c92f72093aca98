"""Traces of applications that call models: kept by experiment, searched, judged, linked to runs and prompts.

`meaning` reads what a span says in the conventions of instrumentations, `law` is what names and values must be,
`service` what is done with traces.
"""

from triops.lenses.mlops.genai_traces.service import TraceService

__all__ = ["TraceService"]
