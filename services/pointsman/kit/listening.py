"""Addresses to listen on: how they are written, and why one can not be had."""

import errno
import socket

from pointsman.kit.errors import AddressInUse, ServiceError, Unavailable


def join_address(host: str, port: int) -> str:
    """The address as text: "127.0.0.1:8080", "[::1]:8080"."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def bind(host: str, port: int) -> socket.socket:
    """A socket of ours on that address; port 0 takes any free one.

    Raises AddressInUse, or Unavailable "address_unusable" where the address is not this machine's to have.
    """
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise refusal(host, port, error) from error
    bound.setblocking(False)
    return bound


def refusal(host: str, port: int, error: OSError) -> ServiceError:
    """The error for an address that the system refuses."""
    address = join_address(host, port)
    if error.errno == errno.EADDRINUSE:
        return AddressInUse(address)
    return Unavailable("address_unusable", f"listen on {address}: {error.strerror}")
