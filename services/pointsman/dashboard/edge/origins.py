"""From which pages the dashboard is called: another's must not act in the name of who is signed in here."""

from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from pointsman.kit.errors import PermissionDenied

# What browsers send for a form where no referrer is to be told.
OPAQUE_ORIGIN = "null"


def require_own_page(connection: HTTPConnection) -> None:
    """For a socket: raise PermissionDenied "foreign_origin" where it is not a page of ours that opens it."""
    if not is_own_origin(connection):
        raise foreign_origin()


def refuse_foreign_page(connection: HTTPConnection) -> None:
    """For a form: raise PermissionDenied "foreign_origin" where the page that sends it says that it is another's."""
    if "origin" in connection.headers and connection.headers["origin"] != OPAQUE_ORIGIN and not is_own_origin(connection):
        raise foreign_origin()


def is_own_origin(connection: HTTPConnection) -> bool:
    """Whether the page was loaded from the address that is called now."""
    origins, hosts = connection.headers.getlist("origin"), connection.headers.getlist("host")
    if len(origins) != 1 or len(hosts) != 1:
        return False
    try:
        origin = urlsplit(origins[0])
    except ValueError:
        return False
    return origin.scheme in {"http", "https"} and origin.netloc.lower() == hosts[0].lower()


def foreign_origin() -> PermissionDenied:
    """The refusal of a page that is not ours."""
    return PermissionDenied("foreign_origin", "origin: not a page of the dashboard")
