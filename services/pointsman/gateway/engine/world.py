"""What the gateway goes by at the moment: replaced whole, read once at the start of a request."""

import asyncio
from dataclasses import dataclass, field

from pointsman.gateway.core.catalog import Catalog
from pointsman.gateway.core.outcomes import NO_OUTCOMES, Outcomes
from pointsman.gateway.core.routing import Conditions
from pointsman.gateway.ports import RulesInForce
from pointsman.kit.errors import Unavailable


@dataclass(slots=True)
class World:
    """The last of each thing that others send; None where it has not come yet."""

    catalog: Catalog | None = None
    catalog_create_time_s: float = 0.0  # Unix time at which the registry accepted it
    rules: RulesInForce | None = None
    conditions: Conditions = field(default_factory=Conditions)
    conditions_known: asyncio.Event = field(default_factory=asyncio.Event)  # until then every provider counts as callable
    are_conditions_stale: bool = False  # the executor is silent
    outcomes: Outcomes = NO_OUTCOMES
    is_draining: bool = False

    @property
    def is_ready(self) -> bool:
        """True where requests can be routed, and should come here."""
        return self.catalog is not None and not self.is_draining

    def require_catalog(self) -> Catalog:
        """The catalogue in force; what comes while the gateway is going is still served. Raises Unavailable where there is none yet."""
        if self.catalog is None:
            raise Unavailable("dependency_down", "no catalogue has come from the registry yet")
        return self.catalog
