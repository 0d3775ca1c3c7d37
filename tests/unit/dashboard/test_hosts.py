import pytest
from starlette.requests import HTTPConnection

from pointsman.dashboard.edge.hosts import TrustedHosts, refuse_foreign_page, require_own_page
from pointsman.kit.errors import InvalidArgument, PermissionDenied


def connection(*headers: tuple[str, str], server: str = "127.0.0.1") -> HTTPConnection:
    raw = [(name.encode(), value.encode()) for name, value in headers]
    return HTTPConnection({"type": "http", "headers": raw, "server": (server, 8090)})


@pytest.mark.parametrize("host", ["localhost:8090", "127.0.0.1:8090", "[::1]:8090", "LOCALHOST"])
def test_loopback_names_are_trusted(host: str) -> None:
    TrustedHosts((), bound_host="127.0.0.1").check(connection(("host", host)))


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "10.0.0.9:8090", "", "x/y", "localhost@evil"])
def test_other_names_are_refused(host: str) -> None:
    with pytest.raises(InvalidArgument, match="unknown_host"):
        TrustedHosts((), bound_host="127.0.0.1").check(connection(("host", host)))


def test_no_host_and_two_hosts_are_refused() -> None:
    hosts = TrustedHosts((), bound_host="127.0.0.1")
    for headers in ([], [("host", "localhost"), ("host", "localhost")]):
        with pytest.raises(InvalidArgument):
            hosts.check(connection(*headers))


def test_names_of_the_settings_replace_those() -> None:
    hosts = TrustedHosts(("dash.example", "*.corp.example"), bound_host="0.0.0.0")
    hosts.check(connection(("host", "dash.example")))
    hosts.check(connection(("host", "a.corp.example:443")))
    hosts.check(connection(("host", "10.1.2.3:8090"), server="10.1.2.3"))  # the very address that was connected to
    with pytest.raises(InvalidArgument):
        hosts.check(connection(("host", "localhost")))


@pytest.mark.parametrize("origin", ["http://localhost:8090", "https://localhost:8090", "http://LOCALHOST:8090"])
def test_own_page_may_open_a_socket(origin: str) -> None:
    require_own_page(connection(("host", "localhost:8090"), ("origin", origin)))


@pytest.mark.parametrize(
    "origin", [None, "null", "http://evil.example", "http://localhost:8091", "http://localhost", "file://localhost:8090", "http://["]
)
def test_no_other_page_may_open_a_socket(origin: str | None) -> None:
    headers = [("host", "localhost:8090"), *([] if origin is None else [("origin", origin)])]
    with pytest.raises(PermissionDenied):
        require_own_page(connection(*headers))


@pytest.mark.parametrize("origin", [None, "null", "http://localhost:8090"])
def test_form_may_come_without_a_telling_origin(origin: str | None) -> None:
    refuse_foreign_page(connection(("host", "localhost:8090"), *([] if origin is None else [("origin", origin)])))


def test_form_of_another_page_is_refused() -> None:
    with pytest.raises(PermissionDenied):
        refuse_foreign_page(connection(("host", "localhost:8090"), ("origin", "http://evil.example")))
