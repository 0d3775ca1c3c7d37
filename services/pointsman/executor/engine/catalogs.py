"""The last versions of the catalogue; requests name the one that they were ranked by."""

import asyncio

from pointsman.executor.core.catalog import Catalog, CatalogVersion
from pointsman.kit.errors import PreconditionRequired

KEPT_VERSIONS = 8  # requests under way may name any of the last few
WAIT_S = 0.5  # a gateway may be a moment ahead


class CatalogHistory:
    """The last KEPT_VERSIONS versions."""

    def __init__(self) -> None:
        """Begin without any."""
        self._versions: dict[CatalogVersion, Catalog] = {}
        self._has_arrived = asyncio.Event()

    def add(self, catalog: Catalog) -> None:
        """Take a new version, and forget the oldest."""
        self._versions.pop(catalog.version, None)
        self._versions[catalog.version] = catalog
        if len(self._versions) > KEPT_VERSIONS:
            del self._versions[next(iter(self._versions))]
        self._has_arrived.set()
        self._has_arrived = asyncio.Event()

    async def at(self, version: CatalogVersion) -> Catalog:
        """The version, waited for where it is not here yet. Raises PreconditionRequired where it does not come."""
        catalog = self._versions.get(version)
        if catalog is not None:
            return catalog
        try:
            async with asyncio.timeout(WAIT_S):
                while (catalog := self._versions.get(version)) is None:
                    await self._has_arrived.wait()
        except TimeoutError:
            raise PreconditionRequired(
                "precondition_required", f"catalogue version {version.number} is not known to the executor"
            ) from None
        return catalog
