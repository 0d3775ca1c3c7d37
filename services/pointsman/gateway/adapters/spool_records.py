"""Records of the spool: length and CRC-32, then kind, time of opening, and the request that the ledger is to get."""

import struct
import zlib
from collections.abc import Iterable, Iterator

from google.protobuf.message import DecodeError

from pointsman.api.ledger.v1 import ledger_pb2 as pb
from pointsman.gateway.adapters.ledger_messages import settlement_message, settlement_of, spend_message, spend_of
from pointsman.gateway.ports import OpenedSpend, SpoolEntry

HEADER = struct.Struct(">II")  # length of what follows the header, its CRC-32
PREFIX = struct.Struct(">Bd")  # kind, Unix time in seconds
OPENED, SETTLED = 1, 2
MAX_CONTENT_BYTES = 8 << 20  # no message between services is longer


def records_of(entries: Iterable[SpoolEntry]) -> bytes:
    """The entries as they stand in the file."""
    return b"".join(map(_record_of, entries))


def read_records(data: bytes) -> tuple[list[SpoolEntry], int]:
    """The entries in a file's content, and how many of its bytes are none: a write that was torn, or a damage."""
    entries: list[SpoolEntry] = []
    good = 0
    for content in _whole_contents(data):
        try:
            entries.append(_entry_of(content))
        except (DecodeError, ValueError):
            continue
        good += HEADER.size + len(content)
    return entries, len(data) - good


def _record_of(entry: SpoolEntry) -> bytes:
    if isinstance(entry, OpenedSpend):
        content = PREFIX.pack(OPENED, entry.open_time_s) + spend_message(entry.spend).SerializeToString()
    else:
        content = PREFIX.pack(SETTLED, 0.0) + settlement_message(entry).SerializeToString()
    return HEADER.pack(len(content), zlib.crc32(content)) + content


def _entry_of(content: bytes) -> SpoolEntry:
    kind, open_time_s = PREFIX.unpack_from(content)
    message = content[PREFIX.size :]
    if kind == OPENED:
        return OpenedSpend(spend_of(pb.OpenSpendRequest.FromString(message)), open_time_s)
    if kind == SETTLED:
        return settlement_of(pb.SettleSpendRequest.FromString(message))
    raise ValueError(f"spool: kind {kind} is not known")


def _whole_contents(data: bytes) -> Iterator[bytes]:
    """What has its checksum. After a length that cannot be one nothing is found any more: that is where a write was torn."""
    offset = 0
    while offset + HEADER.size <= len(data):
        length, checksum = HEADER.unpack_from(data, offset)
        end = offset + HEADER.size + length
        if not PREFIX.size <= length <= MAX_CONTENT_BYTES or end > len(data):
            return
        content = data[offset + HEADER.size : end]
        if zlib.crc32(content) == checksum:
            yield content
        offset = end
