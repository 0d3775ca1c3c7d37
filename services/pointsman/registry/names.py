"""Names of the registry's log events."""

CATALOG_ACCEPTED = "catalog_accepted"
CATALOG_REFUSED = "catalog_refused"
CATALOG_WARNINGS = "catalog_warnings"
SECTIONS_INACTIVE = "catalog_sections_inactive"
SNAPSHOT_REJECTED = "snapshot_rejected_by_subscriber"
