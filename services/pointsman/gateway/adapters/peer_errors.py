"""What a service's failure means to the gateway's callers: its own words where they are about the request, else that it is away."""

from pointsman.kit.errors import ErrorKind, ServiceError, Unavailable

# The rest tells of the gateway's standing with the service (a wrong token, a version that is not there), not of the request.
OF_THE_REQUEST = frozenset(
    {ErrorKind.INVALID_ARGUMENT, ErrorKind.OVERLOADED, ErrorKind.RATE_LIMITED, ErrorKind.DEADLINE_EXCEEDED, ErrorKind.UPSTREAM_FAILED}
)


def as_callers_see(error: ServiceError, peer: str) -> ServiceError:
    """The error to raise for a failed call."""
    return error if error.kind in OF_THE_REQUEST else Unavailable("dependency_down", f"the {peer} cannot be used now")
