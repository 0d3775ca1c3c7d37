import socket

from pointsman.kit.open_connections import open_connection_count


def test_both_ends_of_a_connection_count_and_listeners_do_not() -> None:
    before = open_connection_count()
    one, other = socket.socketpair()
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket(socket.AF_INET, socket.SOCK_DGRAM), one, other:
        assert open_connection_count() == before
        with socket.create_connection(listener.getsockname()) as client:
            server, _ = listener.accept()
            with server:
                assert open_connection_count() == before + 2
                client.sendall(b"still open")
                assert server.recv(100) == b"still open"
    assert open_connection_count() == before
