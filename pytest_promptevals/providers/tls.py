"""Which certificates are trusted: what the environment names, else what the system trusts."""

from __future__ import annotations

import os
import platform
import ssl
from importlib import import_module
from typing import Any, Final

from pytest_promptevals.errors import ProviderConfigError

_SYSTEM_STORES: Final = frozenset({"Darwin", "Windows"})
"""Systems whose certificates are no files: OpenSSL alone does not see what a company added there."""


def make_tls_context() -> ssl.SSLContext:
    """Return a context that trusts ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` if they are set, else the system's store.

    Raises ``ProviderConfigError`` if what they name cannot be read.
    """
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if file or folder:
        return _trust_named(file or None, folder or None)
    if platform.system() in _SYSTEM_STORES and (truststore := _import_if_there("truststore")) is not None:
        context: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return context
    paths = ssl.get_default_verify_paths()
    if not (paths.cafile or paths.capath) and (certifi := _import_if_there("certifi")) is not None:
        # A Python that was built elsewhere looks for its certificates where this system has none.
        return ssl.create_default_context(cafile=certifi.where())
    return ssl.create_default_context()


def _trust_named(file: str | None, folder: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=file, capath=folder)
    except (OSError, ssl.SSLError) as error:
        raise ProviderConfigError(
            f"the certificates that the environment variable SSL_CERT_FILE names, {file!r}, cannot be read: {error}. "
            "Correct it."
        ) from None


def _import_if_there(name: str) -> Any:
    """Return a module that the SDKs bring along, ``None`` where they do not."""
    try:
        return import_module(name)
    except ImportError:
        return None
