"""What an HTTP connection may take of us before a request reaches the application, and while its answer leaves."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Times in seconds, sizes in bytes. No settings: a client on any line meets them, and a proxy in front may be stricter."""

    # A head fits one packet or a few; who needs longer is gone, or sends a line now and then to keep us waiting.
    head_s: float = 10.0
    # The same for a body: so long without a byte, or on average slower than the least rate once so long has passed.
    body_s: float = 10.0
    least_body_bytes_per_s: int = 4 << 10  # an old mobile line; the largest body may then take 17 minutes
    # Longer than the 60 s that load balancers keep an idle connection, so that they close first.
    idle_s: float = 75.0
    # A client that takes nothing of its answer for so long has stopped reading.
    write_stall_s: float = 10.0
    # What a refused client still sends is read and thrown away for so long: a close with bytes unread would lose the answer.
    linger_s: float = 0.5
    # All of the above are looked after by one timer for all connections, so each may be exceeded by this.
    sweep_s: float = 0.25
    # Far more than a client that is not a test sends ahead, and few enough to be cheap: each waits with its head in memory.
    max_pipelined: int = 128
    max_header_bytes: int = 16 << 10
    max_header_count: int = 100
    max_url_bytes: int = 8 << 10
    # Chunks of one byte each come with five bytes around; a megabyte of chunk extensions is nothing that a client needs.
    max_chunk_bytes_per_byte: int = 8
    # Of the kernel's, which would grow to megabytes: then nobody sees a client read for minutes. It is seen when a third is free,
    # so a client that takes 4 KB/s is safe; over a line with 200 ms of delay the most is some 300 KB/s.
    send_buffer_bytes: int = 64 << 10
    # An answer is handed over in such pieces, each once most of the one before is gone: with the kernel's, 256 KiB are buffered at most.
    write_bytes: int = 64 << 10

    @property
    def max_head_bytes(self) -> int:
        """Of a head that has not come to its end; its parts are counted exactly."""
        return 2 * (self.max_header_bytes + self.max_url_bytes)
