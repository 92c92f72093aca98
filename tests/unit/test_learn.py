"""What an outcome teaches."""

from dataclasses import replace

from triops.kernel.anomaly import Severity
from triops.kernel.ids import EntityId, IncidentId
from triops.kernel.incident import Incident, Status
from triops.loop.learn import cause_of, confirmed, similar


def incident(id: str, at: float, *entities: str) -> Incident:
    ids = tuple(EntityId(e) for e in entities)
    return Incident(IncidentId(id), id, Status.RESOLVED, Severity.WARNING, at, at, at, entities=ids)


def test_a_confirmed_cause_is_read_back() -> None:
    one = incident("a", 1, "service:x")
    assert cause_of(one) is None
    odd = EntityId("external:pay.example:443 is odd")
    labelled = replace(one, timeline=(confirmed(EntityId("service:y"), "x", 2), confirmed(odd, "rolled back", 3)))
    assert cause_of(labelled) == odd


def test_similar_are_earlier_and_share_entities() -> None:
    new = incident("new", 10, "service:a", "service:b")
    same, half = (
        incident("same", 1, "service:a", "service:b"),
        incident("half", 2, "service:a", "service:b", "service:c"),
    )
    other, later = incident("other", 3, "service:z"), incident("later", 11, "service:a", "service:b")
    known = replace(half, id=IncidentId("known"), timeline=(confirmed(EntityId("service:a"), "x", 3),))
    found = similar(new, [half, other, later, same, known, new])
    assert [(s.id, s.cause) for s in found] == [("same", ""), ("known", "service:a"), ("half", "")]
