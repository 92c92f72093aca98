"""Who may see and change which experiments and models."""

from collections.abc import AsyncIterator, Collection, Mapping
from pathlib import Path

import pytest

from triops.kernel.document import Document
from triops.kernel.errors import Forbidden
from triops.kernel.ids import ProjectId
from triops.kernel.tenant import Principal, Role
from triops.ledger.documents import Documents
from triops.lenses.mlops.permissions import Level, Names, Permissions
from triops.lenses.mlops.permissions.model import refusal, rules_of
from triops.testing.books import open_records

ONE = ProjectId("one")
ANN, BOB, CI = (Principal(ONE, Role.EDITOR, name) for name in ("ann", "bob", "ci-7"))
EVE, ROOT = Principal(ONE, Role.VIEWER, "eve"), Principal(ONE, Role.ADMIN, "root")


def access(name: str, **spec: list[str]) -> Document:
    return Document("Access", name, spec)


TEAM = access("churn", experiments=["churn-*"], models=["churn"], read=["role:viewer"], edit=["ci-*"], manage=["ann"])


@pytest.mark.parametrize(
    ("who", "name", "level", "may"),
    [
        (ANN, "churn-1", Level.MANAGE, True),
        (CI, "churn-1", Level.EDIT, True),
        (CI, "churn-1", Level.READ, True),
        (CI, "churn-1", Level.MANAGE, False),
        (EVE, "churn-1", Level.READ, True),
        (EVE, "churn-1", Level.EDIT, False),
        (BOB, "churn-1", Level.READ, False),
        (BOB, "fraud", Level.MANAGE, True),
        (ROOT, "churn-1", Level.MANAGE, True),
    ],
)
def test_the_law(who: Principal, name: str, level: Level, may: bool) -> None:
    assert (refusal(rules_of([TEAM]), who, "experiment", name, level) is None) is may


def test_models_and_experiments_are_named_apart_and_any_document_may_let_in() -> None:
    rules = rules_of([TEAM, access("guests", models=["churn"], read=["bob"])])
    assert refusal(rules, BOB, "model", "churn", Level.READ) is None
    assert refusal(rules, BOB, "model", "churn", Level.EDIT) is not None
    assert refusal(rules, BOB, "model", "churn-2", Level.EDIT) is None
    assert refusal(rules, BOB, "experiment", "churn", Level.EDIT) is None


@pytest.fixture
async def permissions(tmp_path: Path) -> AsyncIterator[Permissions]:
    async def names(project: ProjectId, ids: Collection[str]) -> Mapping[str, str]:
        return {id: {"1": "churn-1", "2": "fraud"}[id] for id in ids if id in ("1", "2")}

    async def of(project: ProjectId, ids: Collection[str]) -> Mapping[str, str]:
        return {id: id[-1] for id in ids}

    async def none(project: ProjectId, ids: Collection[str]) -> Mapping[str, Collection[str]]:
        return {}

    async with open_records(tmp_path) as records:
        yield Permissions(Documents(records), Names(names, of, of, of, none))


async def test_a_document_binds_at_once_and_no_longer_than_it_is_there(permissions: Permissions) -> None:
    await permissions.check(BOB, "experiment", ["churn-1"], Level.MANAGE)
    await permissions.documents.put(ONE, [TEAM])
    with pytest.raises(Forbidden, match=r"'bob' may not read experiment 'churn-1'.*Access churn"):
        await permissions.check(BOB, "experiment", ["fraud", "churn-1"], Level.READ)
    assert await permissions.readable(BOB, "experiment", ["fraud", "churn-1"]) == {"fraud"}
    await permissions.documents.delete(ONE, "Access", "churn")
    await permissions.check(BOB, "experiment", ["churn-1"], Level.MANAGE)


async def test_what_belongs_to_an_experiment_is_as_open_as_it(permissions: Permissions) -> None:
    await permissions.documents.put(ONE, [TEAM])
    await permissions.check_ids(BOB, Level.EDIT, runs=["run-2"], models=["m-2"], traces=["tr-2"], experiments=["9"])
    for ids in ({"runs": ["run-2", "run-1"]}, {"models": ["m-1"]}, {"traces": ["tr-1"]}, {"experiments": ["1"]}):
        with pytest.raises(Forbidden):
            await permissions.check_ids(BOB, Level.READ, **ids)
    await permissions.check_ids(Principal(ProjectId("two"), Role.EDITOR, "bob"), Level.READ, experiments=["1"])
