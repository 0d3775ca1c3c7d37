"""Which addresses of images are passed on. Nothing is fetched here, but a provider may fetch, and it may stand on our own machine."""

import ipaddress
import re
import socket
from urllib.parse import urlsplit

MAX_ADDRESS_CHARACTERS = 8_192
SCHEMES = frozenset({"http", "https"})
DATA_IMAGE = re.compile(r"data:image/[a-z0-9.+-]{1,64};base64,", re.IGNORECASE)
# Names under which clouds tell machines their secrets.
METADATA_NAMES = frozenset({"metadata", "metadata.google.internal", "instance-data"})
# As C libraries read them too: 127.1, 0x7f000001, 2130706433.
NUMERIC_HOST = re.compile(r"[0-9a-fx.]+", re.IGNORECASE)
METADATA_V6 = ipaddress.ip_address("fd00:ec2::254")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def may_be_passed_on(url: str) -> bool:
    """True for an image in the address itself, and for one on the web that is not the provider's own machine or its cloud's metadata."""
    if DATA_IMAGE.match(url) is not None:
        return True
    if len(url) > MAX_ADDRESS_CHARACTERS or not url.isprintable():
        return False
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    if parts.scheme not in SCHEMES or not host or parts.username is not None or parts.password is not None:
        return False
    return not _is_inside(host.rstrip("."))


def _is_inside(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost") or host in METADATA_NAMES:
        return True
    address = _address_of(host)
    return address is not None and (address.is_loopback or address.is_link_local or address.is_unspecified or address == METADATA_V6)


def _address_of(host: str) -> Address | None:
    """The address that a host stands for without being looked up."""
    try:
        address: Address = ipaddress.ip_address(host.split("%", 1)[0])
    except ValueError:
        if NUMERIC_HOST.fullmatch(host) is None:
            return None
        try:
            return ipaddress.IPv4Address(socket.inet_aton(host))
        except OSError:
            return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
