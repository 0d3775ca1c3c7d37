"""States and audit entries as rows: texts under their hashes, the rest as JSON with a hash of its own.

SQLite has no checksums of its pages, so what is read is compared with what was written.
"""

import hashlib
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pointsman.registry.adapters.sqlite_connections import damaged
from pointsman.registry.core.assembly import ApiEntries
from pointsman.registry.core.ports import Acceptance, RegistryState, SourceTexts, TextFile
from pointsman.registry.core.snapshot import AuditRecord, ConfigKind, KindState, Origin, Version, VersionRecord

NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class StateRow:
    """A state: its place in the JSON, and the texts that it is made of by their hashes."""

    catalog_number: int
    detail: str
    texts: Mapping[bytes, str]


def state_row(state: RegistryState) -> StateRow:
    """The row of a state."""
    texts: dict[bytes, str] = {}

    def kept(text: str) -> str:
        digest = hash_of(text)
        texts[digest] = text
        return digest.hex()

    source = state.source
    files = {"catalog": source.catalog, "rules": source.rules, "models_json": source.models_json, "environment": source.environment}
    detail = {
        "epoch": state.epoch,
        "kinds": {
            kind.value: {"number": one.number, "create_time_s": one.create_time_s, "digest": one.digest}
            for kind, one in state.kinds.items()
        },
        "source": {key: {"name": file.name, "text": kept(file.text)} for key, file in files.items() if file is not None},
        "api": kept(json_of({"providers": state.api.providers, "models": state.api.models})),
        "passed_over": state.passed_over,
    }
    return StateRow(state.kinds[ConfigKind.CATALOG].number, json_of(detail), texts)


def state_of(detail: str, text_of: Callable[[bytes], str]) -> RegistryState:
    """The state of a row. text_of: the text under a hash; raises StateUnusable where it is not what was written."""
    document = json.loads(detail)  # only state_row writes it, as its hash shows
    files: dict[str, Any] = {key: TextFile(file["name"], text_of(bytes.fromhex(file["text"]))) for key, file in document["source"].items()}
    api = json.loads(text_of(bytes.fromhex(document["api"])))
    return RegistryState(
        epoch=document["epoch"],
        kinds={ConfigKind(kind): KindState(**one) for kind, one in document["kinds"].items()},
        source=SourceTexts(**files),
        api=ApiEntries(providers=api["providers"], models=api["models"]),
        passed_over=document["passed_over"],
    )


def audit_row(sequence: int, state: RegistryState, acceptance: Acceptance) -> tuple[object, ...]:
    """The columns of an audit entry, its hash last."""
    columns = (
        sequence,
        state.epoch,
        state.kinds[ConfigKind.CATALOG].number,
        round(acceptance.time_s * NS_PER_S),
        acceptance.origin.value,
        acceptance.author,
        json_of(acceptance.diff_lines),
    )
    return (*columns, hash_of_row(columns))


def audit_record(row: Sequence[Any]) -> AuditRecord:  # Any: STRICT tables hold the types of their columns
    """The entry of a row. Raises StateUnusable where it is not what was written."""
    *columns, row_hash = row
    if hash_of_row(columns) != row_hash:
        raise damaged()
    sequence, epoch, number, create_time_ns, origin, author, diff_lines = columns
    return AuditRecord(sequence, Version(epoch, number), create_time_ns / NS_PER_S, Origin(origin), author, tuple(json.loads(diff_lines)))


def version_record(row: Sequence[Any]) -> VersionRecord:  # Any: as above
    """The version that an audit entry's row tells of. Raises StateUnusable where it is not what was written."""
    entry = audit_record(row)
    return VersionRecord(entry.version, entry.create_time_s, entry.origin, entry.author, entry.diff_lines)


def hash_of_row(columns: Sequence[object]) -> bytes:
    """A word that differs where a column does."""
    return hash_of(json_of(list(columns)))


def hash_of(text: str) -> bytes:
    """The sha256 of a text."""
    return hashlib.sha256(text.encode()).digest()


def packed(text: str) -> bytes:
    """A text as it is kept."""
    return zlib.compress(text.encode())


def unpacked(data: bytes, digest: bytes) -> str:
    """The text that was kept under that hash. Raises StateUnusable where it is another."""
    try:
        text = zlib.decompress(data).decode()
    except (zlib.error, UnicodeDecodeError) as exc:
        raise damaged() from exc
    if hash_of(text) != digest:
        raise damaged()
    return text


def json_of(value: object) -> str:
    """Compact JSON, with the members in their order."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
