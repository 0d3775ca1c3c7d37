"""Which providers can be called: settings, refused keys, and the free listings of those that need no key."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pointsman.executor.core.callability import Callability, DemoMode, Findings, callability_of
from pointsman.executor.core.catalog import Catalog, CatalogVersion, Model, Provider, ProviderKind
from pointsman.executor.core.faults import FailureReason, ProviderFailed
from pointsman.executor.core.fleet import Blocked, Fleet, ModelState
from pointsman.executor.core.ports import ProviderCaller
from pointsman.executor.core.translation import Translator
from pointsman.executor.names import PROVIDER_STATE_CHANGED
from pointsman.kit.logging import Logger

PROBE_CONNECT_S = 1.0  # a listing is on this machine or near it
PROBE_TOTAL_S = 3.0
PROBE_EVERY_S = 60.0  # often enough to see a server come back, seldom enough to cost it nothing
PROBE_AWAY_EVERY_S = 10.0  # of a provider that does not answer: one that was just started is found soon
MAX_LISTING_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class ProviderState:
    """A provider's callability, and since when. update_time_s: seconds since 1970."""

    provider_id: str
    callability: Callability
    update_time_s: float


class ProviderStates:
    """States of the newest catalogue's providers; `run` keeps them fresh."""

    def __init__(
        self,
        *,
        callers: Mapping[ProviderKind, ProviderCaller],
        translators: Mapping[ProviderKind, Translator],
        fleet: Fleet,
        demo: DemoMode,
        now: Callable[[], float],
        wall_time: Callable[[], float],
        log: Logger,
    ) -> None:
        """Begin without a catalogue."""
        self._callers = callers
        self._translators = translators
        self._fleet = fleet
        self._demo = demo
        self._now = now
        self._wall_time = wall_time
        self._log = log
        self._catalog: Catalog | None = None
        self._listings: dict[str, frozenset[str]] = {}
        self._probe_due_s: dict[str, float] = {}
        self._states: dict[str, ProviderState] = {}
        self._has_new_catalog = asyncio.Event()
        self._has_probed = asyncio.Event()
        self._has_changed = asyncio.Event()
        self.has_ended = False

    @property
    def version(self) -> CatalogVersion:
        """The catalogue's version that the states are of; number 0 where there is none yet."""
        return self._catalog.version if self._catalog else CatalogVersion("", 0)

    @property
    def all(self) -> tuple[ProviderState, ...]:
        """Every provider's state, in the catalogue's order."""
        return tuple(self._states[id_] for id_ in self._catalog.providers) if self._catalog else ()

    def apply(self, catalog: Catalog) -> None:
        """Take a new catalogue; every listing is asked for anew."""
        self._catalog = catalog
        self._listings = {id_: listing for id_, listing in self._listings.items() if id_ in catalog.providers}
        self._probe_due_s = {id_: self._now() for id_, provider in catalog.providers.items() if self._has_listing(provider)}
        self._has_new_catalog.set()
        self.refresh()
        self.announce()

    def refusal_of(self, provider: Provider, model: Model, *, with_own_key: bool) -> Blocked | None:
        """Why the model can not be called; None: it can, as far as settings and listings tell."""
        if provider.kind not in self._translators:
            return Blocked(FailureReason.NO_HEALTHY_PROVIDER, f"its provider's kind {provider.kind} is not spoken yet")
        state = self._states.get(provider.id)
        message = state.callability.refusal_of(model, with_own_key=with_own_key) if state else None
        if message is None or state is None:
            return None
        is_auth = with_own_key and self._fleet.is_key_refused(provider.id, self.version)
        return Blocked(FailureReason.PROVIDER_AUTH if is_auth else FailureReason.NO_HEALTHY_PROVIDER, message)

    def refresh(self) -> None:
        """Look again at settings and keys, and tell watchers what is new."""
        if self._catalog is None:
            return
        findings = {id_: self._findings_of(provider) for id_, provider in self._catalog.providers.items()}
        spoken = frozenset(self._translators)
        states: dict[str, ProviderState] = {}
        for id_, callability in callability_of(self._catalog, findings, self._demo, spoken).items():
            known = self._states.get(id_)
            is_same = known is not None and known.callability == callability
            states[id_] = known if known is not None and is_same else ProviderState(id_, callability, self._wall_time())
            if not is_same:
                self._log.info(PROVIDER_STATE_CHANGED, provider=id_, callable=callability.reason is None, reason=callability.reason)
        has_changed = states != self._states
        self._states = states
        if has_changed:
            self.announce()

    @property
    def models(self) -> list[ModelState]:
        """States of the catalogue's models that have been called."""
        return self._fleet.states(self._catalog.models.values(), self._now()) if self._catalog else []

    def next_change(self) -> asyncio.Event:
        """What is set at the next change; taken before reading, no change is missed."""
        return self._has_changed

    def end(self) -> None:
        """Tell the watchers that nothing follows: the service stops."""
        self.has_ended = True
        self.announce()

    async def probed(self) -> None:
        """Return once every listing of the first catalogue has been asked for."""
        await self._has_probed.wait()

    async def run(self) -> None:
        """Ask for listings as they fall due, and look at settings that are files now and then, for ever."""
        while True:
            self._has_new_catalog.clear()
            now_s = self._now()
            due = [id_ for id_, due_s in self._probe_due_s.items() if due_s <= now_s]
            async with asyncio.TaskGroup() as group:
                for id_ in due:
                    group.create_task(self._probe(id_))
            self.refresh()
            if self._catalog is not None:
                self._has_probed.set()
            await self._wait_until_due()

    async def _wait_until_due(self) -> None:
        now_s = self._now()
        next_s = min(self._probe_due_s.values(), default=now_s + PROBE_EVERY_S)
        try:
            async with asyncio.timeout(max(0.0, next_s - now_s)):
                await self._has_new_catalog.wait()
        except TimeoutError:
            return

    async def _probe(self, provider_id: str) -> None:
        catalog = self._catalog
        provider = catalog.providers.get(provider_id) if catalog else None
        if provider is None:
            return
        listing = await self._listing_of(provider)
        if catalog is not self._catalog:
            return  # a newer catalogue has its own probe due
        if listing is None:
            self._listings.pop(provider_id, None)
        else:
            self._listings[provider_id] = listing
        self._probe_due_s[provider_id] = self._now() + (PROBE_AWAY_EVERY_S if listing is None else PROBE_EVERY_S)

    async def _listing_of(self, provider: Provider) -> frozenset[str] | None:
        """Models that the provider lists; None where it does not answer."""
        caller, translator = self._callers[provider.kind], self._translators[provider.kind]
        if caller.missing_setting(provider, with_key=False) is not None:
            return None
        try:
            async with (
                asyncio.timeout(PROBE_TOTAL_S),
                caller.send(provider, translator.to_listing(), connect_s=PROBE_CONNECT_S, caller_api_key=None) as response,
            ):
                body = bytearray()
                async for piece in response.pieces():
                    body += piece
                    if len(body) > MAX_LISTING_BYTES:
                        return None
                return translator.from_listing(bytes(body)) if response.status_code == 200 else None
        except (ProviderFailed, TimeoutError):
            return None

    def _has_listing(self, provider: Provider) -> bool:
        return provider.kind in self._translators and provider.kind is not ProviderKind.SCRIPTED and provider.api_key is None

    def _findings_of(self, provider: Provider) -> Findings:
        caller = self._callers.get(provider.kind)
        missing = caller.missing_setting(provider, with_key=False) if caller else None
        return Findings(
            missing=missing,
            missing_key=caller.missing_setting(provider, with_key=True) if caller and missing is None else None,
            is_key_refused=self._fleet.is_key_refused(provider.id, self.version),
            listed=self._listings.get(provider.id),
        )

    def announce(self) -> None:
        """Wake the watchers."""
        self._has_changed.set()
        self._has_changed = asyncio.Event()
