"""A gateway over fakes, without a socket."""

from dataclasses import dataclass, field, replace
from hashlib import sha256

import httpx2 as httpx
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from pointsman.gateway.core.catalog import Capability, Catalog
from pointsman.gateway.core.judgement import ClassificationMethod, Judgement
from pointsman.gateway.engine.world import World
from pointsman.gateway.ports import RulesInForce
from pointsman.gateway.report_ports import ProcessFacts
from pointsman.gateway.rest.answer_facts import AnswerFacts
from pointsman.gateway.rest.app import build_app
from pointsman.gateway.rest.authentication import Access
from pointsman.gateway.rest.reports.sources import Reports
from pointsman.gateway.server import Parts, Services, build_parts
from pointsman.gateway.settings import GatewaySettings
from pointsman.kit.http_hosts import TrustedHosts
from pointsman.kit.logging import get_logger
from pointsman.kit.telemetry import Telemetry, silent_telemetry
from pointsman.kit.tracing import Tracing
from tests.fakes.gateway_reports import NOW_S, OWN_FACTS, FakeHealth, FakeUsage
from tests.fakes.gateway_services import FakeClassifier, FakeExecutor, FakeLedger, FakeOutcomes, FakeSpool
from tests.unit.gateway.core.samples import CHAT, OLLAMA, catalog, judgement, model, price

BASE_URL = "http://127.0.0.1"
ABLE = CHAT | {Capability.TOOLS, Capability.JSON_SCHEMA, Capability.VISION}


def three_models() -> Catalog:
    """A cheap and a strong paid model, and a free local one that knows little."""
    return catalog(
        model("small", theta=1.0, price=price(0.1, 0.4), capabilities=ABLE),
        model("strong", theta=3.0, price=price(2.0, 8.0), capabilities=ABLE),
        model("local/tiny", theta=-3.0, provider=OLLAMA),
    )


def ruled(text: str) -> Judgement:
    """What the gateway's own rules say."""
    return replace(judgement("general"), method=ClassificationMethod.DEGRADED)


@dataclass
class FakeGateway:
    """A gateway's parts over fakes; change them before a request."""

    classifier: FakeClassifier = field(default_factory=FakeClassifier)
    executor: FakeExecutor = field(default_factory=FakeExecutor)
    ledger: FakeLedger = field(default_factory=FakeLedger)
    outcomes: FakeOutcomes = field(default_factory=FakeOutcomes)
    spool: FakeSpool = field(default_factory=FakeSpool)
    world: World = field(default_factory=lambda: World(catalog=three_models(), rules=RulesInForce(ruled)))
    settings: GatewaySettings = field(default_factory=GatewaySettings)
    admin_key: str | None = None
    usage: FakeUsage = field(default_factory=FakeUsage)
    health: FakeHealth = field(default_factory=FakeHealth)
    tracing: Tracing = field(default_factory=Tracing)
    telemetry: Telemetry = field(default_factory=lambda: silent_telemetry("gateway"))  # of the parts that were made last
    dashboard_url: str | None = None
    own_facts: ProcessFacts = OWN_FACTS

    def parts(self) -> Parts:
        """The engine, with telemetry of its own."""
        services = Services(self.classifier, self.executor, self.ledger, self.outcomes)
        self.telemetry = Telemetry("gateway", CollectorRegistry(), self.tracing)
        return build_parts(
            self.settings,
            services,
            self.world,
            lambda prompt: sha256(prompt).digest(),
            get_logger("gateway"),
            spool=self.spool,
            telemetry=self.telemetry,
        )

    def reports(self) -> Reports:
        """What is reported from."""
        return Reports(
            world=self.world,
            usage=self.usage,
            health=self.health,
            own_facts=lambda: self.own_facts,
            telemetry=self.telemetry,
            anonymous_access=self.admin_key is None,
            dashboard_url=self.dashboard_url,
            time_s=lambda: NOW_S,
        )

    def app(self, parts: Parts | None = None) -> AnswerFacts:
        """The HTTP application."""
        access = Access(None if self.admin_key is None else SecretStr(self.admin_key), host=self.settings.host)
        hosts = TrustedHosts(self.settings.trusted_hosts, bound_host=self.settings.host, service="gateway")
        engine, log = (parts or self.parts()).engine, get_logger("gateway")
        return build_app(engine, self.reports(), access=access, hosts=hosts, version="0", log=log)

    def client(self, parts: Parts | None = None) -> httpx.AsyncClient:
        """A client that calls the application directly."""
        return httpx.AsyncClient(transport=httpx.ASGITransport(app=self.app(parts)), base_url=BASE_URL)
