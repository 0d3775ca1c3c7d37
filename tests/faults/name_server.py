"""A name server for one name, whose addresses change: what a headless service of a cluster is to gRPC."""

import socket
import struct
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

NAME = "classifier.test"
HEADER = struct.Struct("!6H")  # id, flags, and how many questions, answers, authorities and additional records
ANSWERED = 0x8580  # a response, authoritative, without error
ADDRESS_QUESTION = b"\x00\x01\x00\x01"  # A, IN
POINTER_TO_QUESTION = b"\xc0\x0c"
MAX_DATAGRAM_BYTES = 512


class NameServer:
    """Answers every question for addresses with those that it has, to be kept for no time, and others with nothing."""

    def __init__(self, addresses: list[str]) -> None:
        """addresses: IPv4; may be changed at any time."""
        self.addresses = addresses
        self.answered_count = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)

    def target(self, port: int) -> str:
        """What gRPC calls the service by."""
        return f"dns://127.0.0.1:{self._socket.getsockname()[1]}/{NAME}:{port}"

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                query, caller = self._socket.recvfrom(MAX_DATAGRAM_BYTES)
            except OSError:
                return
            if not query:
                return
            self._socket.sendto(self._answer(query), caller)

    def _answer(self, query: bytes) -> bytes:
        name_end = query.index(b"\x00", HEADER.size) + 1
        question = query[HEADER.size : name_end + len(ADDRESS_QUESTION)]
        addresses = list(self.addresses) if question.endswith(ADDRESS_QUESTION) else []
        self.answered_count += bool(addresses)
        seconds_to_live = struct.pack("!IH", 0, 4)  # and the length of what follows
        records = [POINTER_TO_QUESTION + ADDRESS_QUESTION + seconds_to_live + socket.inet_aton(one) for one in addresses]
        return HEADER.pack(HEADER.unpack_from(query)[0], ANSWERED, 1, len(records), 0, 0) + question + b"".join(records)
