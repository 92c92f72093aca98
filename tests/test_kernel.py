import pytest
from hypothesis import given
from hypothesis import strategies as st

from triops.kernel.anomaly import Severity
from triops.kernel.clock import parse_time, rfc3339
from triops.kernel.errors import Invalid, StoreFull
from triops.kernel.ids import IncidentId, sortable_id
from triops.kernel.incident import TIMELINE, Incident, Status
from triops.kernel.selector import aliases, parse_selector


def test_ids_sort_by_time() -> None:
    ids = [sortable_id("inc", at) for at in (1.0, 2.0, 1_800_000_000.0, 1_800_000_000.5)]
    assert ids == sorted(ids)
    assert len(set(ids)) == 4


@given(st.floats(min_value=0, max_value=7e9))
def test_times_survive_a_round_trip(at: float) -> None:
    assert abs(parse_time(rfc3339(at)) - at) < 0.002


@given(st.text(max_size=60))
def test_any_text_is_a_selector_or_a_clear_error(text: str) -> None:
    try:
        parse_selector(text)
    except Invalid as error:
        assert error.details["field"] == "match"


def test_an_opentelemetry_metric_answers_to_its_prometheus_name() -> None:
    labels = {"http.route": "/pay", "service.name": "shop"}
    for text in (
        'http.server.duration_count{http_route="/pay"}',
        'http_server_duration_milliseconds_count{job="shop"}',
        '{"http.server.duration_count", "service.name"=~"sh.*"}',
        '{__name__=~"http_server.*", nothing=""}',
    ):
        assert parse_selector(text).matches("http.server.duration_count", "ms", "histogram", labels), text
    assert not parse_selector('http_server_duration_count{job!="shop"}').matches(
        "http.server.duration_count", "ms", "histogram", labels
    )
    assert "orders_total" in aliases("orders", "{order}", "counter")


def test_error_kinds_have_names_and_statuses() -> None:
    assert (StoreFull("x").kind, StoreFull.status, StoreFull.retryable) == ("store_full", 507, True)
    assert Invalid("bad", field="at", got=3).details == {"field": "at", "got": 3}


def test_a_timeline_is_bounded_and_says_so() -> None:
    incident = Incident(IncidentId("i"), "t", Status.OPEN, Severity.INFO, 0.0, 0.0, 0.0)
    for n in range(TIMELINE + 20):
        incident = incident.noted("comment", f"line {n}", float(n))
    texts = [entry.text for entry in incident.timeline]
    assert len(texts) <= TIMELINE
    assert (texts[0], texts[-1], incident.updated_at) == ("line 0", f"line {TIMELINE + 19}", TIMELINE + 19.0)
    assert any(text.endswith("lines left out") for text in texts)


@pytest.mark.parametrize(
    "pattern",
    ["((a+))+b", "(a|a)*b", "(a|aa)+b", "(a?){40}a{40}", "(?:(?:a*)x?)*b", "a*a*a*a*a*b", "(a*)\\\\1", "(?=a*)b",
     "((a+)(b))*c", "([a)]+)*b"],
)  # fmt: skip
def test_an_expression_that_could_take_very_long_is_refused(pattern: str) -> None:
    with pytest.raises(Invalid):
        parse_selector(f'{{x=~"{pattern}"}}')


@pytest.mark.parametrize(
    ("pattern", "value"),
    [("prod-.*", "prod-eu-1"), (".*(api|web).*", "my-api-2"), ("(?:GET|POST) /.*", "GET /x"), ("[0-9]{3}", "200"),
     (".*a.*|.*b.*|.*c.*", "xcx"), ("(?i)ERROR", "error"), ("(abc)+", "abcabc"), ("(a.*)?", "")],
)  # fmt: skip
def test_everyday_expressions_work(pattern: str, value: str) -> None:
    assert parse_selector(f'{{n="", x=~"{pattern}", y="1"}}').matchers[1](value)
