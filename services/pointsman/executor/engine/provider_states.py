"""Which providers can be called: settings, refused keys, and the free listings of those that need no key."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from pointsman.executor.core.breaker import BreakerState
from pointsman.executor.core.callability import Callability, DemoMode, Findings, callability_of
from pointsman.executor.core.catalog import Catalog, CatalogVersion, Model, Provider, ProviderKind
from pointsman.executor.core.faults import FailureReason
from pointsman.executor.core.fleet import Blocked, Fleet, ModelState
from pointsman.executor.core.ports import ProviderCaller
from pointsman.executor.core.translation import Translator
from pointsman.executor.engine.listing import listing_of
from pointsman.executor.names import PROVIDER_STATE_CHANGED
from pointsman.kit.logging import Logger


@dataclass(frozen=True, slots=True)
class Intervals:
    """Seconds from one look at something to the next.

    answering_s: of a provider that lists its models. away_s: of one that does not. suspect_s: at least, where calls
    are not answered. files_s: of settings that lie in files.
    """

    answering_s: float = 30.0  # often enough to see a server go, or get other models, seldom enough to cost it nothing
    away_s: float = 10.0  # one that was just started is found soon
    suspect_s: float = 1.0
    files_s: float = 2.0  # a look at a handful of files costs microseconds


INTERVALS = Intervals()


@dataclass(frozen=True, slots=True)
class ProviderState:
    """A provider's callability, since when, and when it was last seen to answer, or not to. Times: seconds since 1970."""

    provider_id: str
    callability: Callability
    update_time_s: float
    check_time_s: float | None = None


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
        intervals: Intervals = INTERVALS,
    ) -> None:
        """Begin without a catalogue."""
        self._callers = callers
        self._translators = translators
        self._fleet = fleet
        self._demo = demo
        self._now = now
        self._wall_time = wall_time
        self._log = log
        self._intervals = intervals
        self._catalog: Catalog | None = None
        self._listings: dict[str, frozenset[str]] = {}
        self._probe_due_s: dict[str, float] = {}
        self._probed_s: dict[str, float] = {}
        self._check_times_s: dict[str, float] = {}
        self._states: dict[str, ProviderState] = {}
        self._wake = asyncio.Event()
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
        providers = self._catalog.providers if self._catalog else {}
        return tuple(replace(self._states[id_], check_time_s=self._check_times_s.get(id_)) for id_ in providers)

    def apply(self, catalog: Catalog) -> None:
        """Take a new catalogue; every listing is asked for anew."""
        self._catalog = catalog
        self._listings = {id_: listing for id_, listing in self._listings.items() if id_ in catalog.providers}
        self._check_times_s = {id_: time_s for id_, time_s in self._check_times_s.items() if id_ in catalog.providers}
        self._probe_due_s = {id_: self._now() for id_, provider in catalog.providers.items() if self._has_listing(provider)}
        self._wake.set()
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

    def note_call(self, provider_id: str, *, has_answered: bool) -> None:
        """Note that a call was answered, or that nothing came. One that seems to be away is probed before its time."""
        self._check_times_s[provider_id] = self._wall_time()
        due_s = self._probe_due_s.get(provider_id)
        if has_answered or due_s is None:
            return
        soon_s = max(self._now(), self._probed_s.get(provider_id, 0.0) + self._intervals.suspect_s)
        if soon_s < due_s:
            self._probe_due_s[provider_id] = soon_s
            self._wake.set()

    def callabilities(self) -> list[tuple[str, bool]]:
        """Every provider of the catalogue, and whether it can be called."""
        return [(state.provider_id, state.callability.reason is None) for state in self.all]

    def breakers(self) -> list[tuple[Model, BreakerState]]:
        """Every model of the catalogue and the state of its breaker."""
        models = self._catalog.models.values() if self._catalog else ()
        now_s = self._now()
        return [(model, self._fleet.breaker_state(model, now_s)) for model in models]

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
        """Ask for listings as they fall due, and look at settings that lie in files now and then, for ever."""
        while True:
            self._wake.clear()
            await self._read_files()
            now_s = self._now()
            due = [id_ for id_, due_s in self._probe_due_s.items() if due_s <= now_s]
            async with asyncio.TaskGroup() as group:
                for id_ in due:
                    group.create_task(self._probe(id_))
            self.refresh()
            if self._catalog is not None and not self._wake.is_set():
                self._has_probed.set()
            await self._wait_until_due()

    async def _wait_until_due(self) -> None:
        now_s = self._now()
        next_s = min([now_s + self._intervals.files_s, *self._probe_due_s.values()])
        try:
            async with asyncio.timeout(max(0.0, next_s - now_s)):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _read_files(self) -> None:
        """Read what settings lie in files; a key that was refused gets another chance where it is another one now."""
        providers = tuple(self._catalog.providers.values()) if self._catalog else ()
        for caller in dict.fromkeys(self._callers.values()):
            for provider_id in await caller.read_files([one for one in providers if self._callers.get(one.kind) is caller]):
                self._fleet.forgive_key(provider_id)

    async def _probe(self, provider_id: str) -> None:
        catalog = self._catalog
        provider = catalog.providers.get(provider_id) if catalog else None
        if provider is None:
            return
        caller = self._callers[provider.kind]
        is_asked = caller.missing_setting(provider, with_key=False) is None
        listing = await listing_of(provider, caller, self._translators[provider.kind]) if is_asked else None
        if catalog is not self._catalog:
            return  # a newer catalogue has its own probe due
        self._probed_s[provider_id] = self._now()
        if is_asked:
            self._check_times_s[provider_id] = self._wall_time()
        if listing is None:
            self._listings.pop(provider_id, None)
        else:
            self._listings[provider_id] = listing
        self._probe_due_s[provider_id] = self._now() + (self._intervals.away_s if listing is None else self._intervals.answering_s)

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
