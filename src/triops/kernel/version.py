"""An immutable named revision with lineage and aliases: a model's version, a prompt's version.

Names are kept per project. Versions count from 1 and a number is never given twice, not even after its version was
deleted. An alias is a movable name for one version; who moved it, when and why is history.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

PROMPT_TAG = "mlflow.prompt.is_prompt"
PROMPT_TEXT_TAG = "mlflow.prompt.text"
PROMPT_TYPE_TAG = "_mlflow_prompt_type"
PROMPT_FORMAT_TAG = "_mlflow_prompt_response_format"
PROMPT_MODEL_TAG = "_mlflow_prompt_model_config"
PROMPT_ENGINE_TAG = "triops.prompt.engine"
PROMPT_VARIABLES_TAG = "triops.prompt.variables"
PROMPT_CONTENT_TAGS = (
    PROMPT_TAG,
    PROMPT_TEXT_TAG,
    PROMPT_TYPE_TAG,
    PROMPT_FORMAT_TAG,
    PROMPT_ENGINE_TAG,
    PROMPT_VARIABLES_TAG,
)  # of a prompt's version: they never change
STAGES = ("None", "Staging", "Production", "Archived")
STATUSES = ("READY", "PENDING_REGISTRATION", "FAILED_REGISTRATION")
ACTIVE_STAGES = ("Staging", "Production")


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """Times are unix milliseconds, as every client of registries has them.

    `source` is the location as it was given, `storage` where its files really are (never another version's URI).
    `run` and `model_id` say what made it; "" where nobody said. A version that is made here is `READY`; others are
    what they were where they came from (`STATUSES`).
    """

    name: str
    version: int
    created_ms: int
    updated_ms: int
    source: str
    storage: str
    description: str | None = None
    user: str = ""
    stage: str = "None"
    run: str = ""
    run_link: str = ""
    model_id: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: Sequence[str] = ()
    status: str = "READY"
    status_message: str = ""

    @property
    def is_prompt(self) -> bool:
        return is_prompt(self.tags)


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """`latest` is the highest version of each stage."""

    name: str
    created_ms: int
    updated_ms: int
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, int] = field(default_factory=dict)
    latest: Sequence[ModelVersion] = ()

    @property
    def is_prompt(self) -> bool:
        return is_prompt(self.tags)


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a model's history. `kind`: registration, promotion (an alias moved), stage, rename, deletion.

    `before` and `after`: the versions or stages that an alias or version had and has ("" for none). `change` is the
    Change on the time line that tells of it.
    """

    at: float  # unix seconds
    who: str
    why: str
    kind: str
    alias: str
    before: str
    after: str
    version: int | None
    change: str


@dataclass(frozen=True, slots=True)
class Check:
    """What a gate found; `text` says in words what was wanted and what there was."""

    name: str
    passed: bool
    text: str


@dataclass(frozen=True, slots=True)
class Approval:
    """Someone asked to move an alias that is behind a gate. `state`: waiting, approved, rejected, expired, obsolete.

    `before` and `after` are versions; None is "no version": the alias is new, or is to be removed. `role` is what
    whoever decides must be; `not_self`: and not who asked. `prompt`: `model` is a prompt's name, `alias` a label of it.
    """

    id: str
    model: str
    alias: str
    before: int | None
    after: int | None
    asked_by: str
    asked_at: float
    why: str
    role: str
    not_self: bool
    expires_at: float
    state: str = "waiting"
    checks: Sequence[Check] = ()
    decided_by: str = ""
    decided_at: float | None = None
    decision: str = ""
    prompt: bool = False


def is_prompt(tags: Mapping[str, str]) -> bool:
    return tags.get(PROMPT_TAG, "false").lower() == "true"
