"""Hands snapshots to whoever watches: always the newest one, so that a slow watcher holds no queue."""

import asyncio
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pointsman.kit.errors import Overloaded
from pointsman.registry.core.snapshot import ConfigKind, Snapshot, Version

# Far above the replicas of any deployment; each costs a task and a stream.
MAX_SUBSCRIPTIONS = 1_000


@dataclass(frozen=True, slots=True)
class SubscriberName:
    """Who watches: a service, and which process of it."""

    service: str
    instance_id: str


@dataclass(frozen=True, slots=True)
class AppliedVersion:
    """What a subscriber said of a kind last. `rejection`: why it does not use that version."""

    version: Version
    rejection: str = ""


@dataclass(frozen=True, slots=True)
class SubscriberState:
    """One live subscriber and one kind that it watches."""

    name: SubscriberName
    kind: ConfigKind
    applied: AppliedVersion


NOTHING_APPLIED = AppliedVersion(Version("", 0))


@dataclass(slots=True, eq=False)
class Subscription:
    """One open watch."""

    name: SubscriberName
    kinds: frozenset[ConfigKind]
    _pending: dict[ConfigKind, Snapshot] = field(default_factory=dict)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def offer(self, snapshot: Snapshot) -> None:
        """Put the snapshot in place of one of its kind that was not taken yet."""
        if snapshot.kind in self.kinds:
            self._pending[snapshot.kind] = snapshot
            self._news.set()

    async def take(self, *, timeout_s: float) -> list[Snapshot]:
        """The newest snapshots not taken yet; none where there was none for timeout_s."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._news.wait()
        except TimeoutError:
            return []
        self._news.clear()
        taken = list(self._pending.values())
        self._pending.clear()
        return taken


class WatchHub:
    """The newest snapshot of each kind, and who watches them."""

    def __init__(self, *, max_subscriptions: int = MAX_SUBSCRIPTIONS) -> None:
        self._max_subscriptions = max_subscriptions
        self._newest: dict[ConfigKind, Snapshot] = {}
        self._subscriptions: list[Subscription] = []
        self._applied: dict[tuple[SubscriberName, ConfigKind], AppliedVersion] = {}

    def publish(self, snapshot: Snapshot) -> None:
        """Make a snapshot the newest of its kind."""
        self._newest[snapshot.kind] = snapshot
        for subscription in self._subscriptions:
            subscription.offer(snapshot)

    @contextmanager
    def subscribe(self, name: SubscriberName, kinds: Collection[ConfigKind]) -> Iterator[Subscription]:
        """Watch these kinds until the context is left. Raises Overloaded."""
        if len(self._subscriptions) >= self._max_subscriptions:
            raise Overloaded("overloaded", f"watch configuration: {self._max_subscriptions} watches are open", retry_after_s=1.0)
        subscription = Subscription(name, frozenset(kinds))
        for snapshot in self._newest.values():
            subscription.offer(snapshot)
        self._subscriptions.append(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions = [one for one in self._subscriptions if one is not subscription]
            self._forget_gone(name)

    def report_applied(self, name: SubscriberName, kind: ConfigKind, applied: AppliedVersion) -> None:
        """Remember what a subscriber says; nothing where it does not watch that kind (any more)."""
        if any(one.name == name and kind in one.kinds for one in self._subscriptions):
            self._applied[name, kind] = applied

    def subscribers(self) -> list[SubscriberState]:
        """Every live subscriber, once for each kind that it watches."""
        live = {(one.name, kind) for one in self._subscriptions for kind in one.kinds}
        in_order = sorted(live, key=lambda pair: (pair[0].service, pair[0].instance_id, pair[1]))
        return [SubscriberState(name, kind, self._applied.get((name, kind), NOTHING_APPLIED)) for name, kind in in_order]

    def _forget_gone(self, name: SubscriberName) -> None:
        live = {kind for one in self._subscriptions if one.name == name for kind in one.kinds}
        for kind in ConfigKind:
            if kind not in live:
                self._applied.pop((name, kind), None)
