"""What providers say that they offer, where their documents do not: asked for when somebody lists models, and kept for
a minute by tenant, provider and credential.

A provider that does not answer offers nothing for a while, and the log says so. Credentials are kept only as a digest
that nobody can repeat outside this process.
"""

import asyncio
import logging
import os
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from triops.kernel.errors import TriopsError
from triops.lenses.llmops.gateway.faults import masked
from triops.lenses.llmops.gateway.parts import Parts
from triops.lenses.llmops.gateway.specs import ProviderSpec
from triops.ports.providers import Fault, Offered, Target
from triops.ports.upstream import Timeouts

log = logging.getLogger(__name__)
_FRESH_S = 60.0
_FAILED_S = 10.0
_TIMES = Timeouts(connect=5.0, first=5.0, between=5.0, total=5.0)
_BYTES = 4 << 20  # of one provider's list
_KEPT = 256  # lists
_AT_ONCE = 32  # providers that are asked
_PROVIDERS = 20  # of one tenant, in the order of their documents
_NAMES = 10_000  # told to one caller
Names = Mapping[str, Sequence[Offered]]  # by provider


@dataclass(slots=True)
class _Kept:
    models: asyncio.Future[Sequence[Offered]]
    until: float  # of the loop's clock


class Offers:
    """One for all tenants."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()
        self._asking = 0
        self._salt = os.urandom(16)

    async def of(self, project: str, providers: Sequence[ProviderSpec]) -> Names:
        asked = providers[:_PROVIDERS]
        found = await asyncio.gather(*[self._of(project, provider) for provider in asked])
        names: dict[str, Sequence[Offered]] = {}
        left = _NAMES
        for provider, models in zip(asked, found, strict=True):
            names[provider.name] = models[:left]
            left -= len(names[provider.name])
        return names

    async def _of(self, project: str, provider: ProviderSpec) -> Sequence[Offered]:
        """Who asks while another does waits for the same answer."""
        loop = asyncio.get_running_loop()
        key = self._key(project, provider)
        kept = self._kept.get(key)
        if kept is not None and loop.time() < kept.until:
            return await asyncio.shield(kept.models)
        if self._asking >= _AT_ONCE:
            log.warning("%s of the project %s is not asked for its models: too many are asked", provider.name, project)
            return ()
        kept = self._kept[key] = _Kept(loop.create_future(), loop.time() + _FRESH_S)
        self._kept.move_to_end(key)
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        self._asking += 1
        models: Sequence[Offered] = ()
        try:
            models = await self._asked(provider)
        except Fault as fault:
            kept.until = loop.time() + _FAILED_S
            self._failed(project, provider, fault)
        except BaseException:
            kept.until = 0.0
            raise
        finally:
            self._asking -= 1
            kept.models.set_result(models)
        return models

    async def _asked(self, provider: ProviderSpec) -> Sequence[Offered]:
        """Raises: Fault."""
        target = Target(provider.name, "", provider.path, provider.credential, provider.headers)
        try:
            speaker = self._parts.speaks(provider)
            async with asyncio.timeout(_TIMES.total):
                coming = await self._parts.upstream.send(provider.host, speaker.listing(target), _TIMES)
                try:
                    body = await coming.read(_BYTES)
                finally:
                    coming.close()
        except TimeoutError:
            raise Fault("timeout", f"no list within {_TIMES.total:g} s") from None
        except TriopsError as error:
            raise Fault("overloaded", error.message) from None
        return speaker.offered(coming.status, coming.headers, body)

    def _failed(self, project: str, provider: ProviderSpec, fault: Fault) -> None:
        said: str = fault.kind  # of a caller's own key a provider may repeat a part
        if provider.source != "caller":
            said = f"{fault.kind}: {' '.join(masked(fault.message, provider).split())}"
        log.warning("%s of the project %s did not list its models: %s", provider.name, project, said)

    def _key(self, project: str, provider: ProviderSpec) -> bytes:
        where = (project, provider.name, provider.dialect, provider.host, provider.path)
        whose = (provider.credential, provider.headers)
        return blake2b(repr((where, whose)).encode("utf-8", "replace"), digest_size=16, key=self._salt).digest()
