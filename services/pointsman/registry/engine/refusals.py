"""What the registry's refusals are to a caller, over gRPC and over REST."""

from collections.abc import Iterator
from contextlib import contextmanager

from pointsman.kit.errors import Conflict, InvalidArgument, NotFound, PreconditionRequired, ServiceError, Unavailable
from pointsman.registry.core.problems import (
    CatalogInvalid,
    EntryInUse,
    EntryUnknown,
    ManagedByFile,
    RegistryError,
    SnapshotTooLarge,
    StateUnusable,
    VersionConflict,
    VersionMissing,
)

# Each one's kind and stable code.
REFUSALS: dict[type[RegistryError], tuple[type[ServiceError], str]] = {
    CatalogInvalid: (InvalidArgument, "invalid_value"),
    SnapshotTooLarge: (InvalidArgument, "invalid_value"),
    VersionMissing: (PreconditionRequired, "precondition_required"),
    VersionConflict: (Conflict, "version_conflict"),
    ManagedByFile: (Conflict, "managed_by_file"),
    EntryInUse: (Conflict, "in_use"),
    EntryUnknown: (NotFound, "not_found"),
    StateUnusable: (Unavailable, "dependency_down"),
}


@contextmanager
def refusals_mapped() -> Iterator[None]:
    """Turn the registry's refusals into what callers know."""
    try:
        yield
    except RegistryError as error:
        kind, reason = REFUSALS[type(error)]
        text = "the folder for its state cannot be used" if isinstance(error, StateUnusable) else str(error)
        param = error.problems[0].path if isinstance(error, CatalogInvalid) else None
        raise kind(reason, text, param=param) from error
