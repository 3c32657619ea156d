"""Whether the environment sends calls of an address through a proxy."""

from __future__ import annotations

import urllib.request
from urllib.parse import urlsplit


def has_proxy(url: str) -> bool:
    """Return whether ``HTTP_PROXY``, ``HTTPS_PROXY`` or ``ALL_PROXY`` holds for the address and ``NO_PROXY`` does not.

    On macOS and Windows the settings of the system count too, as they do for the SDKs.
    """
    proxies = urllib.request.getproxies()
    parts = urlsplit(url)
    if not proxies.get(parts.scheme) and not proxies.get("all"):
        return False
    return not urllib.request.proxy_bypass(parts.netloc.rpartition("@")[2])
