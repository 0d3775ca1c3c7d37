"""What the mock has seen, done and been told; read and changed through /_control."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

from tests.fakes.provider.behaviour import LISTED_NAMES, Behaviour, behaviour_of
from tests.fakes.provider.bill import Bill, Work


@dataclass(slots=True)
class Stats:
    """Counters since the start or the last reset."""

    request_count: int = 0
    concurrent_count: int = 0
    max_concurrent_count: int = 0
    hangup_count: int = 0  # callers who left before their answer was whole
    listing_count: int = 0
    redirect_hit_count: int = 0
    received_byte_count: int = 0  # bodies
    sent_byte_count: int = 0  # bodies
    requests_by_model: dict[str, int] = field(default_factory=dict)
    authorization_sha256s: list[str] = field(default_factory=list)  # hex, each once, as first seen
    last_headers: dict[str, str] = field(default_factory=dict)  # names in lower case; credentials as their hash
    last_body: str = ""


@dataclass(slots=True)
class ProviderState:
    """The bill, the counters, and which name behaves as which."""

    bill: Bill = field(default_factory=Bill)
    stats: Stats = field(default_factory=Stats)
    aliases: dict[str, str] = field(default_factory=dict)
    is_ollama: bool = False  # lists what has an alias alone, and takes a name without a tag for its latest one

    def reset(self) -> None:
        """Forget work and counters; prices and aliases stay, and so does what is under way."""
        under_way = self.stats.concurrent_count
        self.bill.entries.clear()
        self.stats = Stats(concurrent_count=under_way, max_concurrent_count=under_way)

    def behaviour_of(self, model: str) -> Behaviour | None:
        """How the model behaves: as its alias says, else as its name says. Ollama has only what was pulled, which aliases stand for."""
        if not self.is_ollama:
            return behaviour_of(self.aliases.get(model, model))
        alias = self.aliases.get(model if ":" in model else f"{model}:latest")
        return None if alias is None else behaviour_of(alias)

    def listed_models(self) -> list[str]:
        """Everything that can be named: what has an alias or a price, then the behaviours. Of Ollama, what was pulled."""
        if self.is_ollama:
            return list(self.aliases)
        return list(dict.fromkeys((*self.aliases, *self.bill.prices, *LISTED_NAMES)))

    def set_aliases(self, document: object) -> None:
        """Take {"gpt-4o": "ok-20"}, added to those before; ValueError for an unknown behaviour."""
        if not isinstance(document, dict):
            raise ValueError("models are an object of behaviours")  # one kind of error for one kind of document
        for model, name in document.items():
            if not isinstance(name, str) or behaviour_of(name) is None:
                raise ValueError(f"model {model}: no such behaviour")
        self.aliases.update(document)

    def see(self, headers: Mapping[str, str], body: bytes) -> None:
        """Remember how a request came, its credentials as hashes alone."""
        self.stats.received_byte_count += len(body)
        self.stats.last_body = body.decode("utf-8", "replace")[:1_000_000]
        self.stats.last_headers = {name.lower(): value for name, value in headers.items()}
        for name in ("authorization", "api-key"):
            if name in self.stats.last_headers:
                digest = hashlib.sha256(self.stats.last_headers[name].encode()).hexdigest()
                self.stats.last_headers[name] = f"sha256:{digest}"
                if digest not in self.stats.authorization_sha256s:
                    self.stats.authorization_sha256s.append(digest)

    @contextmanager
    def counted(self, model: str) -> Iterator[int]:
        """Count a request while it runs; its number among those of the model, from 1."""
        stats = self.stats
        stats.request_count += 1
        number = stats.requests_by_model.get(model, 0) + 1
        stats.requests_by_model[model] = number
        stats.concurrent_count += 1
        stats.max_concurrent_count = max(stats.max_concurrent_count, stats.concurrent_count)
        try:
            yield number
        finally:
            self.stats.concurrent_count -= 1

    def charge(self, work: Work) -> Work:
        """Put work on the bill; its figures may grow afterwards."""
        self.bill.entries.append(work)
        return work

    def stats_json(self) -> dict[str, object]:
        """The counters as the control API answers them."""
        return asdict(self.stats)
