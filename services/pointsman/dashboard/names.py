"""Event names of the dashboard's log lines."""

SERVING = "dashboard_serving"
ANONYMOUS_ACCESS = "dashboard_anonymous_access"
GATEWAY_AWAY = "gateway_away"
GATEWAY_BACK = "gateway_back"
SOCKET_REFUSED = "socket_refused"
SIGN_IN_REFUSED = "sign_in_refused"
PAGE_FAILED = "page_failed"
