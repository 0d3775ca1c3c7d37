"""Which base URLs a provider may have, judged without resolving a name.

What a name resolves to is checked again where the connection is made; this keeps out what can be seen
in the text.
"""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

MAX_URL_LENGTH = 2_048

# Services that speak no HTTP but would take a line of it for a command; as browsers block them (fetch.spec.whatwg.org, "port blocking").
BLOCKED_PORTS = frozenset({21, 22, 23, 25, 53, 110, 143, 389, 445, 465, 587, 993, 995, 2049, 3306, 5432, 6379, 11211, 27017})
# Answered by the machine itself or by its cloud, never by a provider of models.
PRIVATE_SUFFIXES = ("localhost", "local", "internal", "intranet", "home.arpa", "lan")
METADATA_NAMES = frozenset({"metadata.google.internal", "metadata", "instance-data"})
METADATA_ADDRESSES = frozenset({ipaddress.ip_address(text) for text in ("169.254.169.254", "fd00:ec2::254", "100.100.100.200")})
NAT64 = ipaddress.ip_network("64:ff9b::/96")
SITE_LOCAL = ipaddress.ip_network("fec0::/10")  # RFC 3879

HOST_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?")
# The last label decides how browsers and libc read a host: a number there makes it an IPv4 address in disguise.
NUMERIC_LABEL = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")


def url_fault(url: str, *, allow_private_address: bool) -> str | None:
    """What is wrong with a URL as a provider's base; None where nothing is. Never repeats the URL."""
    if not url.isascii() or not url.isprintable() or any(letter in ' \\"<>^`{|}' for letter in url):
        return "must be plain ASCII without blanks or backslashes; write an international name in its xn-- form"
    if len(url) > MAX_URL_LENGTH:
        return f"must have at most {MAX_URL_LENGTH} characters"
    try:
        parts = urlsplit(url)
        port = parts.port
        host = parts.hostname
    except ValueError:
        return "must be a URL with a host and a port from 1 to 65535"
    return _parts_fault(url, parts, allow_private_address=allow_private_address) or _host_fault(
        host or "", port, allow_private_address=allow_private_address
    )


def _parts_fault(url: str, parts: SplitResult, *, allow_private_address: bool) -> str | None:
    if parts.scheme not in ("https", "http"):
        return "must begin with https:// or be env:NAME"
    if parts.scheme == "http" and not allow_private_address:
        return "must begin with https://; http needs allow_private_address: true"
    if "@" in parts.netloc:
        return "must not hold a user or a password"
    if "?" in url or "#" in url:
        return "must not hold a query or a fragment"
    return None


def _host_fault(host: str, port: int | None, *, allow_private_address: bool) -> str | None:
    if port == 0 or (port in BLOCKED_PORTS and not allow_private_address):
        return "must not name the port of a service that speaks no HTTP"
    if ":" in host:
        return _literal_fault(host, allow_private_address=allow_private_address)
    if not HOST_NAME.fullmatch(host):
        return "must name a host"
    name = host.rstrip(".").lower()
    if NUMERIC_LABEL.fullmatch(name.rpartition(".")[2]):
        return _literal_fault(name, allow_private_address=allow_private_address)
    if name in METADATA_NAMES:
        return "must not name a cloud's metadata service"
    if not allow_private_address and ("." not in name or name.endswith(tuple(f".{suffix}" for suffix in PRIVATE_SUFFIXES))):
        return "must not name a host of the local network without allow_private_address: true"
    return None


def _literal_fault(text: str, *, allow_private_address: bool) -> str | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return "must write an IP address in its usual form, such as 192.0.2.1 or [2001:db8::1]"
    found = _embedded_address(address)
    if found in METADATA_ADDRESSES:
        return "must not be the address of a cloud's metadata service"
    if found.is_unspecified or found.is_multicast or getattr(address, "scope_id", None):
        return "must be the address of one host"
    if found.is_link_local or found in SITE_LOCAL or (found.is_reserved and not found.is_loopback):
        return "must not be a link-local or reserved address, which the executor does not call"
    # What is left and not global is private, or shared between a carrier's customers as 100.64.0.0/10 is, which overlays use too.
    if not found.is_global and not allow_private_address:
        return "must not be a private or loopback address without allow_private_address: true"
    return None


def _embedded_address(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The IPv4 address that an IPv6 one leads to; else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None) or address
