"""Names of the ledger's log events and of the reasons why it works less well than it should."""

STORE_FAILED = "store_failed"  # also a degraded reason
STORE_RECOVERED = "store_recovered"
SPENDS_EXPIRED = "spends_expired"
EXPIRY_DEFERRED = "expiry_deferred"
EXPIRY_CRASHED = "expiry_crashed"
