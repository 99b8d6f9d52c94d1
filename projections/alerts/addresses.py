"""Which addresses a webhook may lead to. Pure: whoever connects asks for each address that a name resolves to.

A receiver is named by the operator, but names lie: they may resolve to the cloud's metadata service, which hands out the
machine's credentials, or to something inside that trusts whoever can watermark it.
"""

import ipaddress
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import SplitResult, urlsplit

_NEVER_NETWORKS = tuple(
    ipaddress.ip_network(n)
    for n in (
        "0.0.0.0/8",  # this host
        "169.254.0.0/16",  # link-local, with the metadata services of most clouds
        "100.100.100.200/32",  # metadata of Alibaba Cloud
        "168.63.129.16/32",  # host of Azure's machines
        "192.0.0.192/32",  # metadata of Oracle Cloud
        "224.0.0.0/4",
        "240.0.0.0/4",  # reserved, with the broadcast address
        "::/128",
        "fd00:ec2::/32",  # metadata of AWS
        "fd20:ce::254/128",  # metadata of Google Cloud
        "fe80::/10",
        "ff00::/8",
    )
)
#: IPv6 addresses that lead to an IPv4 address, which counts too: (network, how far to shift it right).
_CARRIES_IPV4 = tuple(
    (ipaddress.ip_network(n), shift)
    for n, shift in (
        ("::ffff:0:0/96", 0),
        ("::/96", 0),
        ("64:ff9b::/96", 0),  # NAT64
        ("64:ff9b:1::/48", 0),
        ("2002::/16", 80),  # 6to4
    )
)
_ALWAYS_LOCAL_NAMES = ("localhost", ".localhost")


def refusal(address: str, allow_private: bool) -> str:
    """Why we do not connect to this address; '' if we do. What is no address is refused too."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return f"{address} is no address"
    for one in _all_of(ip):
        if any(one in network for network in _NEVER_NETWORKS if network.version == one.version):
            return f"{address} is a link-local, metadata, multicast or reserved address"
    if not allow_private and not all(_is_public(one) for one in _all_of(ip)):
        return f"{address} is a private or loopback address: set TRACKER_ALERT_ALLOW_PRIVATE=true to allow it"
    return ""


def check_url(url: str, allow_private: bool) -> SplitResult:
    """The parts of a receiver's URL. Raises ValueError if it is none, or names an address that is refused."""
    if any(c <= " " or c == "\x7f" for c in url):
        raise ValueError("the URL holds spaces or control characters")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("say an absolute URL, such as https://ops.example.org/hook")
    if parts.username is not None or parts.password is not None:
        raise ValueError("the URL must not hold a user or a password")
    if parts.port == 0:
        raise ValueError("port 0 cannot be reached")
    host = parts.hostname
    try:
        host.encode("idna")
    except UnicodeError as e:
        raise ValueError("the URL's host is no valid name") from e
    if _is_literal(host):
        if why := refusal(host, allow_private):
            raise ValueError(why)
    elif not allow_private and (host == _ALWAYS_LOCAL_NAMES[0] or host.endswith(_ALWAYS_LOCAL_NAMES[1])):
        raise ValueError(f"{host} is this machine: set TRACKER_ALERT_ALLOW_PRIVATE=true to allow it")
    return parts


def _all_of(ip: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    """The address and the IPv4 addresses that it leads to."""
    found: list[IPv4Address | IPv6Address] = [ip]
    # ::1 lies in ::/96 too, and is loopback, not 0.0.0.1.
    if isinstance(ip, IPv6Address) and not ip.is_loopback:
        found += [
            IPv4Address((int(ip) >> shift) & 0xFFFF_FFFF) for network, shift in _CARRIES_IPV4 if ip in network
        ]
        if ip.teredo:
            found += list(ip.teredo)
    return found


def _is_public(ip: IPv4Address | IPv6Address) -> bool:
    if isinstance(ip, IPv6Address) and (ip.ipv4_mapped or ip.is_site_local):
        return not ip.is_site_local  # of a mapped one the IPv4 address counts, which is looked at by itself
    return ip.is_global


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
