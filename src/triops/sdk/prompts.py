"""`triops.prompt("support")`: a prompt of the registry, quick to ask for and there when the server is not.

A version is kept in memory for `ttl_s` and in a file across restarts. When the server cannot be asked, the last good
version is served, from memory or the file; for the next seconds it is not asked again, so that callers do not wait.
Safe to use from several threads; `aprompt` is the same for asyncio.
"""

import asyncio
import json
import logging
import math
import os
import random
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

from triops.kernel.errors import TriopsError
from triops.kernel.prompts.sharing import pick_of, picked
from triops.kernel.prompts.spec import PromptSpec, spec_of
from triops.kernel.prompts.template import PromptTemplate
from triops.sdk.client import DEFAULT_URL, ApiError, Client, Unreachable

log = logging.getLogger(__name__)

TTL_S = 60.0
TIMEOUT_S = 3.0
_AGAIN_S = 5.0  # after a failure the server is left alone for so long
_KEPT = 1_000  # prompts in memory; the ones asked for longest ago go
_ASCII = "/!$&'()*+,;=[]~"  # of a name, beside letters and digits, what a header may hold as it is
_SPEC = ("messages", "text", "engine", "variables", "model", "settings")


@dataclass(frozen=True)
class Prompt:
    """One version. `label`: by which it was asked for, "" for a number. `stale`: the server could not be asked."""

    name: str
    version: int
    label: str
    spec: PromptSpec
    note: str
    stale: bool
    template: PromptTemplate = field(repr=False, compare=False)

    @property
    def model(self) -> str:
        return self.spec.model

    @property
    def settings(self) -> Mapping[str, Any]:
        """Of the model, to go into the call: `client.chat.completions.create(..., **prompt.settings)`."""
        return self.spec.settings

    @property
    def variables(self) -> Sequence[str]:
        return self.template.names

    @property
    def headers(self) -> Mapping[str, str]:
        """For a call through the gateway, so that it is counted as this version's. Clients send ASCII alone in headers:
        what is none of a name is percent-encoded, which the gateway reads back."""
        return {"x-triops-prompt": f"{quote(self.name, safe=_ASCII)}@{self.version}"}

    def render(self, **variables: Any) -> str | list[dict[str, Any]]:
        """A text, or messages for a chat prompt. Raises: triops.kernel.errors.Invalid that names the variables that are
        missing, unknown, or of another type."""
        made = self.template.render(variables)
        return made.text if made.text is not None else [dict(message) for message in made.messages]


@dataclass(frozen=True, slots=True)
class _Served:
    """What a label stands for: percents by version, and the versions."""

    share: Mapping[int, int]
    prompts: Mapping[int, Prompt]


@dataclass
class _Entry:
    """What is known of one (name, label or version); `served` None: nothing yet, and `failed` why."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    served: _Served | None = None
    failed: Unreachable | TriopsError | None = None
    good_at: float = -math.inf  # monotonic: when the server answered last
    alone_until: float = 0.0  # monotonic: after a failure it is not asked again before

    def fresh(self, ttl_s: float) -> bool:
        now = time.monotonic()
        return self.served is not None and (now < self.alone_until or now - self.good_at < ttl_s)


class PromptCache:
    """`url` and `key` as for `Client`. `folder`: where versions are kept across restarts; without it
    `TRIOPS_PROMPT_CACHE`, else a folder of the user's cache; "" keeps none."""

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        folder: str | os.PathLike[str] | None = None,
        client: Client | None = None,
    ) -> None:
        self._client = client or Client(url, key, timeout_s=TIMEOUT_S)
        caller = f"{self._client.url}\0{self._client.headers.get('Authorization', '')}"
        chosen = os.environ.get("TRIOPS_PROMPT_CACHE") if folder is None else os.fspath(folder)
        root = _default_folder() if chosen is None else Path(chosen) if chosen else None
        self._folder = root / sha256(caller.encode()).hexdigest()[:24] if root is not None else None
        self._entries: dict[tuple[str, str], _Entry] = {}
        self._lock = threading.Lock()

    def get(
        self,
        name: str,
        *,
        label: str = "",
        version: int | None = None,
        session: str = "",
        ttl_s: float = TTL_S,
        fallback: str | Sequence[Mapping[str, str]] | None = None,
    ) -> Prompt:
        """The version that `label` stands for (`production` where neither it nor `version` is given).

        `session`: any text; who gives the same gets the same version of a label that shares its traffic.
        `fallback`: a text or messages for when neither server nor cache has the prompt (its version is 0).
        Raises: ApiError (no such prompt, a bad key); Unreachable when there is nothing to serve at all;
        triops.kernel.errors.Invalid for a version that is no template, where no good one was there before.
        """
        if version is not None and label:
            raise ValueError("a version or a label, not both")
        asked = str(version) if version is not None else label or "production"
        entry = self._entry((name, f"{'v' if version is not None else 'l'}:{asked}"))
        served = entry.served
        if served is None or not entry.fresh(ttl_s):
            try:
                served = self._renew(entry, name, asked, version is not None, ttl_s)
            except Unreachable:
                if fallback is None:
                    raise
                return _fallback(name, label, fallback)
        if len(served.share) == 1:
            return served.prompts[next(iter(served.share))]
        pick = pick_of(name, session) if session else random.random()
        return served.prompts[picked(served.share, pick)]

    async def aget(self, name: str, **asked: Any) -> Prompt:
        """`get`, waiting elsewhere than on the event loop."""
        return await asyncio.to_thread(self.get, name, **asked)

    def _entry(self, key: tuple[str, str]) -> _Entry:
        with self._lock:
            entry = self._entries.pop(key, None) or _Entry()
            self._entries[key] = entry  # the last asked for is last
            while len(self._entries) > _KEPT:
                self._entries.pop(next(iter(self._entries)))
            return entry

    def _renew(self, entry: _Entry, name: str, asked: str, numbered: bool, ttl_s: float) -> _Served:
        """One thread asks; the others go on with what there is, and wait only when there is nothing."""
        known = entry.served
        if not entry.lock.acquire(blocking=known is None):
            assert known is not None
            return known
        try:
            if entry.served is not None and entry.fresh(ttl_s):
                return entry.served
            if entry.failed is not None and time.monotonic() < entry.alone_until:
                raise entry.failed.with_traceback(None)
            try:
                answer = self._ask(name, asked, numbered)
                entry.served, entry.failed = _served(answer, stale=False), None
                entry.good_at, entry.alone_until = time.monotonic(), 0.0
                self._keep(name, asked, numbered, answer)
            except (ApiError, Unreachable, TriopsError, ValueError, KeyError, TypeError, AttributeError) as error:
                if isinstance(error, ApiError) and error.status < 500 and error.status != 429:
                    entry.served = None  # it is gone, or not for this key: what was known is not served any more
                    if error.status in (403, 404):
                        self._forget(name, asked, numbered)
                    elif error.status == 401:
                        self._forget_all()
                    raise
                entry.alone_until = time.monotonic() + _AGAIN_S
                last = _stale(entry.served) if entry.served is not None else self._kept(name, asked, numbered)
                if last is None:
                    entry.failed = (
                        error
                        if isinstance(error, TriopsError)
                        else Unreachable(f"the prompt {name} is not in the cache, and: {_said(error)}")
                    )
                    raise entry.failed from error
                log.warning("prompt %s: %s; serving the last good version", name, _said(error))
                entry.served = last
            return entry.served
        finally:
            entry.lock.release()

    def _ask(self, name: str, asked: str, numbered: bool) -> Mapping[str, Any]:
        path = f"/prompts/{quote(name, safe='')}"
        if not numbered:
            return dict(self._client.call("GET", f"{path}/labels/{quote(asked, safe='')}", resolve=True))
        found = self._client.call("GET", f"{path}/versions/{asked}", resolve=True)
        return {"label": "", "share": {asked: 100}, "versions": [found]}

    def _file(self, name: str, asked: str, numbered: bool) -> Path | None:
        if self._folder is None:
            return None
        digest = sha256(f"{name}\0{asked}\0{numbered}".encode()).hexdigest()[:32]
        return self._folder / f"{digest}.json"

    def _keep(self, name: str, asked: str, numbered: bool, answer: Mapping[str, Any]) -> None:
        """To the file, whole or not at all; a disk that does not take it is no reason to fail."""
        file = self._file(name, asked, numbered)
        if file is None:
            return
        part = file.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
        try:
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            part.write_text(json.dumps(answer), encoding="utf-8")
            part.chmod(0o600)
            part.replace(file)
        except OSError as error:
            log.info("prompt %s is not kept across restarts: %s", name, error)

    def _forget(self, name: str, asked: str, numbered: bool) -> None:
        file = self._file(name, asked, numbered)
        if file is not None:
            with suppress(OSError):
                file.unlink(missing_ok=True)

    def _forget_all(self) -> None:
        """What a key got that is valid no more, also for other prompts and after a restart."""
        with self._lock:
            self._entries.clear()
        if self._folder is not None:
            with suppress(OSError):
                for file in self._folder.glob("*.json"):
                    file.unlink(missing_ok=True)

    def _kept(self, name: str, asked: str, numbered: bool) -> _Served | None:
        file = self._file(name, asked, numbered)
        try:
            return _served(json.loads(file.read_text(encoding="utf-8")), stale=True) if file is not None else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, TriopsError):
            return None  # none there, cut off, or of another Triops


def prompt(
    name: str,
    *,
    label: str = "",
    version: int | None = None,
    session: str = "",
    ttl_s: float = TTL_S,
    fallback: str | Sequence[Mapping[str, str]] | None = None,
) -> Prompt:
    """`PromptCache.get` of the server that `TRIOPS_URL` and `TRIOPS_KEY` name."""
    cache = _cache(os.environ.get("TRIOPS_URL") or DEFAULT_URL, os.environ.get("TRIOPS_KEY") or "")
    return cache.get(name, label=label, version=version, session=session, ttl_s=ttl_s, fallback=fallback)


async def aprompt(name: str, **asked: Any) -> Prompt:
    """`prompt`, waiting elsewhere than on the event loop."""
    return await asyncio.to_thread(prompt, name, **asked)


@lru_cache(16)
def _cache(url: str, key: str) -> PromptCache:
    return PromptCache(url, key or None)


def _served(answer: Mapping[str, Any], *, stale: bool) -> _Served:
    """Raises: Invalid for a version that is no template; KeyError, ValueError, TypeError for what is no answer."""
    prompts = {one["version"]: _prompt(one, answer["label"], stale) for one in answer["versions"]}
    share = {int(version): int(percent) for version, percent in answer["share"].items()}
    if not share or not share.keys() <= prompts.keys():
        raise ValueError("versions are missing")
    return _Served(share, prompts)


def _said(error: Exception) -> str:
    known = isinstance(error, ApiError | Unreachable | TriopsError)
    return str(error) if known else "the server's answer is none of a prompt"


def _stale(served: _Served) -> _Served:
    return _Served(served.share, {version: replace(one, stale=True) for version, one in served.prompts.items()})


def _prompt(version: Mapping[str, Any], label: str, stale: bool) -> Prompt:
    spec = spec_of({key: version[key] for key in _SPEC if version.get(key) is not None}, "prompt")
    template = PromptTemplate(spec, version["prompt"])
    return Prompt(version["prompt"], version["version"], label, spec, version["note"], stale, template)


def _fallback(name: str, label: str, content: str | Sequence[Mapping[str, str]]) -> Prompt:
    raw: dict[str, Any] = {"text": content} if isinstance(content, str) else {"messages": list(content)}
    spec = spec_of(raw, "fallback")
    return Prompt(name, 0, label, spec, "", True, PromptTemplate(spec, "fallback"))


def _default_folder() -> Path | None:
    cache = os.environ.get("XDG_CACHE_HOME") or ""
    try:
        return (Path(cache) if cache else Path.home() / ".cache") / "triops" / "prompts"
    except RuntimeError:  # no home
        return None
