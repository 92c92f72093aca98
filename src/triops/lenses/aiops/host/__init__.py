"""The host: what the machine does (CPU, memory, disks, network, processes) and what its log files say.

Runs inside `triops up` as jobs, and elsewhere as `triops agent`, which sends the same batches over OTLP/HTTP.
"""
