"""The schema's history: one numbered module a step, never changed once released. `MIGRATIONS` is all of them."""

from triops.ledger.migrations import (
    m0001_books,
    m0002_runs,
    m0003_artifacts,
    m0004_versions,
    m0005_logged_models,
    m0006_evaluations,
    m0007_traces,
    m0008_run_search,
    m0009_imports,
    m0010_version_status,
    m0011_calls,
    m0012_prompts,
    m0013_scores,
)
from triops.ports.records import Migration

MIGRATIONS = (
    Migration(1, "books", m0001_books.apply),
    Migration(2, "runs", m0002_runs.apply),
    Migration(3, "artifacts", m0003_artifacts.apply),
    Migration(4, "versions", m0004_versions.apply),
    Migration(5, "logged_models", m0005_logged_models.apply),
    Migration(6, "evaluations", m0006_evaluations.apply),
    Migration(7, "traces", m0007_traces.apply),
    Migration(8, "run_search", m0008_run_search.apply),
    Migration(9, "imports", m0009_imports.apply),
    Migration(10, "version_status", m0010_version_status.apply),
    Migration(11, "calls", m0011_calls.apply),
    Migration(12, "prompts", m0012_prompts.apply),
    Migration(13, "scores", m0013_scores.apply),
)
