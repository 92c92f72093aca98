"""MLflow's language of filters and orders, for everything that it searches."""

from triops.kernel.clause import Clause, Order
from triops.lenses.mlops.filters.grammar import Grammar
from triops.lenses.mlops.filters.grammars import EVALUATION_DATASETS, EXPERIMENTS, MODELS, RUNS, VERSIONS
from triops.lenses.mlops.filters.logged_models import LOGGED_MODELS
from triops.lenses.mlops.filters.pages import offset_of, page_token
from triops.lenses.mlops.filters.reading import parse_filter, parse_order_by
from triops.lenses.mlops.filters.traces import TRACES

__all__ = [
    "EVALUATION_DATASETS",
    "EXPERIMENTS",
    "LOGGED_MODELS",
    "MODELS",
    "RUNS",
    "TRACES",
    "VERSIONS",
    "Clause",
    "Grammar",
    "Order",
    "offset_of",
    "page_token",
    "parse_filter",
    "parse_order_by",
]
