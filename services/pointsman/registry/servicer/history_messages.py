"""Versions and audit entries in their wire form."""

from pointsman.api.registry.v1 import registry_pb2 as pb
from pointsman.registry.core.snapshot import AuditRecord, Origin, VersionRecord
from pointsman.registry.servicer.snapshot_messages import timestamp, version_message

ORIGINS = {
    Origin.START: pb.VERSION_ORIGIN_START,
    Origin.FILE: pb.VERSION_ORIGIN_FILE,
    Origin.API: pb.VERSION_ORIGIN_API,
    Origin.RESTORE: pb.VERSION_ORIGIN_RESTORE,
}


def catalog_version_message(record: VersionRecord) -> pb.CatalogVersion:
    """A version of the catalogue."""
    return pb.CatalogVersion(
        version=version_message(record.version),
        create_time=timestamp(record.create_time_s),
        origin=ORIGINS[record.origin],
        author=record.author,
        diff_lines=record.diff_lines,
    )


def audit_entry_message(record: AuditRecord) -> pb.AuditEntry:
    """An accepted change."""
    return pb.AuditEntry(
        create_time=timestamp(record.create_time_s),
        author=record.author,
        origin=ORIGINS[record.origin],
        version=version_message(record.version),
        diff_lines=record.diff_lines,
    )
