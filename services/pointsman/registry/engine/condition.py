"""Why the service works less well than it should, in closed words."""

from pointsman.registry.engine.catalog_export import CatalogExport
from pointsman.registry.engine.configuration_keeper import ConfigurationKeeper

CATALOG_REFUSED = "catalog_refused"
OUTPUT_FAILED = "catalog_output_failed"


def degraded_words(keeper: ConfigurationKeeper, export: CatalogExport | None) -> list[str]:
    """What holds at this moment; none where all is well."""
    words = [CATALOG_REFUSED] if keeper.catalog_error else []
    return words + ([OUTPUT_FAILED] if export is not None and export.is_failing else [])
