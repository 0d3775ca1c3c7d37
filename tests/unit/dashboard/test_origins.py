import pytest
from starlette.requests import HTTPConnection

from pointsman.dashboard.edge.origins import refuse_foreign_page, require_own_page
from pointsman.kit.errors import PermissionDenied


def connection(*headers: tuple[str, str], server: str = "127.0.0.1") -> HTTPConnection:
    raw = [(name.encode(), value.encode()) for name, value in headers]
    return HTTPConnection({"type": "http", "headers": raw, "server": (server, 8090)})


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
