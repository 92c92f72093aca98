"""Traces of applications that call models: kept by experiment, searched, judged, linked to runs and prompts.

What a span says is read by `kernel.genai`; `law` is what names and values must be,
`service` what is done with traces.
"""

from triops.lenses.mlops.genai_traces.service import TraceService

__all__ = ["TraceService"]
