"""Names of the classifier's log events and of the reasons why it works less well than it should."""

ENCODER_UNAVAILABLE = "encoder_unavailable"  # also a degraded reason
ENCODER_FAILED = "encoder_failed"
ROUTER_MODEL_UNAVAILABLE = "router_model_unavailable"  # also a degraded reason
ROUTER_MODEL_FAILED = "router_model_failed"
CACHE_UNAVAILABLE = "cache_unavailable"  # a degraded reason alone: what is logged is when it goes and comes
ENCODER_BUILDING = "encoder_building"
SETUP_SWITCHED = "setup_switched"
CACHE_AWAY = "cache_away"
CACHE_BACK = "cache_back"
CACHE_REFUSES_WRITES = "cache_refuses_writes"
CACHE_TAKES_WRITES = "cache_takes_writes"
CACHE_NOT_SHARED = "cache_not_shared"
