"""What the registry does otherwise for prompts: registered models whose versions are texts in reserved tags."""

from triops.kernel.errors import AlreadyExists, Invalid
from triops.kernel.tenant import Principal
from triops.kernel.version import PROMPT_CONTENT_TAGS, PROMPT_MODEL_TAG, ModelVersion, is_prompt
from triops.ledger.versions import models
from triops.lenses.mlops.registry.telling import Telling


def of_prompt(telling: Telling, version: ModelVersion) -> bool:
    return is_prompt(models.model_tags(telling.connection, telling.project, version.name))


def keep_content(telling: Telling, who: Principal, known: ModelVersion, key: str, value: str) -> None:
    """What a prompt's version says never changes; the model settings beside it may, and that is a Change, since who
    reads the version by a label gets other answers from then on. Raises: Invalid."""
    if key not in (*PROMPT_CONTENT_TAGS, PROMPT_MODEL_TAG) or not of_prompt(telling, known):
        return
    if key in PROMPT_CONTENT_TAGS and known.tags.get(key) != value:
        message = "The content of a prompt's version never changes: register another version."
        raise Invalid(message, field="key", got=key)
    if key == PROMPT_MODEL_TAG and known.tags.get(key, "") != value:
        title = f"{known.name}: model settings of version {known.version} changed"
        telling.step(known.name, "config", title, prompt=True, who=who.name, version=known.version)


def taken(name: str, known_prompt: bool, new_prompt: bool) -> AlreadyExists:
    known, new = ("Prompt" if prompt else "Registered Model" for prompt in (known_prompt, new_prompt))
    if known != new:
        return AlreadyExists(
            f"Tried to create a {new.lower()} with name {name!r}, but the name is already taken by a {known.lower()}. "
            "MLflow does not allow creating a model and a prompt with the same name."
        )
    return AlreadyExists(f"{new} (name={name}) already exists.")
