"""Who calls: by a gateway key, by an API key of Triops, or as nobody where the gateway is open."""

from hashlib import sha256

from triops.kernel.errors import Forbidden, Unauthenticated
from triops.kernel.tenant import DEFAULT_PROJECT
from triops.lenses.llmops.gateway.config import Config, ProjectConfig
from triops.lenses.llmops.gateway.specs import Caller, Record

_OURS = ("trg_", "tri_")
_SECRET_BYTES = 4096
_STRICTNESS = {"full": 0, "metadata": 1, "none": 2}
_ANYONE = Caller(DEFAULT_PROJECT)


def find(config: Config, authorization: str, x_api_key: str, now: float) -> Caller:
    """`authorization` and `x_api_key`: the headers as they came, "" for none; a key of ours counts in either.

    In an open gateway whose default project has no Provider document either, a key that is not ours is taken for the
    caller's own at a provider. Raises: Unauthenticated, Forbidden. No error repeats the secret.
    """
    scheme, _, bearer = authorization.partition(" ")
    bearer = bearer.strip() if scheme.lower() == "bearer" else ""
    for secret in (bearer, x_api_key):
        if secret and len(secret) <= _SECRET_BYTES:
            caller = config.callers.get(sha256(secret.encode("utf-8", "surrogateescape")).hexdigest())
            if caller is not None:
                return admitted(caller, now)
    if bearer.startswith(_OURS) or x_api_key.startswith(_OURS):
        raise Unauthenticated("no such key, or it was revoked")
    project = config.projects[DEFAULT_PROJECT]
    if not anonymous(config, project):
        if bearer or x_api_key:
            raise Unauthenticated("not a key of this gateway: ask for one made by `triops key create --gateway NAME`")
        raise Unauthenticated("a key is needed: Authorization: Bearer trg_...")
    own = bearer or x_api_key
    if own and "Provider" not in project.kinds and len(own) <= _SECRET_BYTES:
        return Caller(DEFAULT_PROJECT, passthrough_credential=own)
    return _ANYONE


def anonymous(config: Config, project: ProjectConfig) -> bool:
    """Whether callers without a key are taken."""
    return config.open and "Key" not in project.kinds


def recorded(*asked: Record, default: Record = "full") -> Record:
    """The strictest of what the route, the key and the settings say; "" says nothing."""
    strictest: Record = ""
    for one in asked:
        if one and (not strictest or _STRICTNESS[one] > _STRICTNESS[strictest]):
            strictest = one
    return strictest or default


def admitted(caller: Caller, now: float) -> Caller:
    """Raises: Unauthenticated (expired), Forbidden."""
    if caller.expires is not None and now >= caller.expires:
        raise Unauthenticated("the key has expired")
    if caller.problem:
        raise Forbidden(caller.problem)
    return caller
