import pytest
from starlette.requests import HTTPConnection

from pointsman.kit.errors import InvalidArgument
from pointsman.kit.http_hosts import TrustedHosts


def connection(*headers: tuple[str, str], server: str = "127.0.0.1") -> HTTPConnection:
    raw = [(name.encode(), value.encode()) for name, value in headers]
    return HTTPConnection({"type": "http", "headers": raw, "server": (server, 8090)})


@pytest.mark.parametrize("host", ["localhost:8090", "127.0.0.1:8090", "[::1]:8090", "LOCALHOST"])
def test_loopback_names_are_trusted(host: str) -> None:
    TrustedHosts((), bound_host="127.0.0.1", service="dashboard").check(connection(("host", host)))


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "10.0.0.9:8090", "", "x/y", "localhost@evil"])
def test_other_names_are_refused(host: str) -> None:
    with pytest.raises(InvalidArgument, match="unknown_host"):
        TrustedHosts((), bound_host="127.0.0.1", service="dashboard").check(connection(("host", host)))


def test_no_host_and_two_hosts_are_refused() -> None:
    hosts = TrustedHosts((), bound_host="127.0.0.1", service="dashboard")
    for headers in ([], [("host", "localhost"), ("host", "localhost")]):
        with pytest.raises(InvalidArgument):
            hosts.check(connection(*headers))


def test_names_of_the_settings_replace_those() -> None:
    hosts = TrustedHosts(("dash.example", "*.corp.example"), bound_host="0.0.0.0", service="dashboard")
    hosts.check(connection(("host", "dash.example")))
    hosts.check(connection(("host", "a.corp.example:443")))
    hosts.check(connection(("host", "10.1.2.3:8090"), server="10.1.2.3"))  # the very address that was connected to
    with pytest.raises(InvalidArgument):
        hosts.check(connection(("host", "localhost")))


@pytest.mark.parametrize("pattern", ["dash?example", "[d]ash.example", "dash.exampl[e]", "."])
def test_nothing_but_a_star_is_special_in_a_name(pattern: str) -> None:
    with pytest.raises(InvalidArgument):
        TrustedHosts((pattern,), bound_host="0.0.0.0", service="dashboard").check(connection(("host", "dash.example")))
