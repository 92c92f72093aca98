"""What spans of applications that call models say, whichever convention their instrumentation speaks.

`conventions` holds the names, `meaning` reads one span by them. Pure; both the experiments' traces (MLOps) and the
traces of live applications (LLMOps) read spans through it.
"""
