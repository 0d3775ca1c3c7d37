import asyncio

from pointsman.kit.http_outlet import Outlet


class Line(asyncio.Transport):
    """A transport whose client takes what a test says."""

    def __init__(self) -> None:
        super().__init__()
        self.unsent_bytes = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.unsent_bytes += len(data)

    def get_write_buffer_size(self) -> int:
        return self.unsent_bytes


def test_a_client_that_takes_nothing_is_stalled_after_the_limit() -> None:
    line = Line()
    outlet = Outlet(line, lambda: None)
    assert not outlet.is_stalled(100.0, 10.0)
    outlet.write(b"x" * 100)
    assert [outlet.is_stalled(now_s, 10.0) for now_s in (101.0, 109.9, 110.0)] == [False, False, True]


def test_a_client_that_takes_less_than_is_written_is_not_stalled() -> None:
    line = Line()
    outlet = Outlet(line, lambda: None)
    for second in range(100):
        outlet.write(b"x" * 10)
        line.unsent_bytes -= 1
        assert not outlet.is_stalled(100.0 + second, 10.0)


def test_an_outlet_with_nothing_to_send_is_never_stalled() -> None:
    outlet = Outlet(Line(), lambda: None)
    assert not any(outlet.is_stalled(now_s, 10.0) for now_s in (0.0, 100.0, 1_000.0))
