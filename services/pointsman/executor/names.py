"""Names of the executor's log events."""

ATTEMPT_FINISHED = "attempt_finished"
PROVIDER_STATE_CHANGED = "provider_state_changed"
