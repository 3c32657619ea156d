"""Which server a git repository is on, as the addresses of its remotes tell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

HOSTS: Final = ("github", "gitlab")
"""Servers that the name of a host tells."""
_SECTION: Final = re.compile(r'^\s*\[(?P<section>[^\]]*)\]|^\s*url\s*=\s*"?(?P<url>[^\s"]+)', re.MULTILINE)
_REMOTE: Final = re.compile(r'remote\s+"(?P<name>.*)"')
_HOST: Final = re.compile(r"(?:[a-z][a-z+.-]*://(?:[^@/]*@)?|(?:[^@/:]+@)?(?=[^/:]{2,}:(?!//)))(?P<host>[^/:]+)")


def find_host(checkout: Path) -> str:
    """Return which of the servers the repository is on whose checkout a folder is; an empty text for none of them.

    Of several remotes, ``origin`` is asked first.
    """
    remotes = dict(_read_remotes(_config_of(checkout)))
    addresses = [remotes[name] for name in sorted(remotes, key=lambda name: name != "origin")]
    servers = (_server_at(address) for address in addresses)
    return next((server for server in servers if server), "")


def _server_at(address: str) -> str:
    """Return the server whose name is a part of the host: that of ``git@gitlab.shop.example:a/b.git`` is GitLab."""
    found = _HOST.match(address.lower())
    parts = re.split(r"[.-]", found["host"]) if found else []
    return next((server for server in HOSTS if server in parts), "")


def _read_remotes(config: str) -> Iterator[tuple[str, str]]:
    section = ""
    for found in _SECTION.finditer(config):
        if found["url"] is None:
            section = found["section"]
        elif remote := _REMOTE.fullmatch(section):
            yield remote["name"], found["url"]


def _config_of(checkout: Path) -> str:
    """Return the text of the configuration; an empty one where there is no repository."""
    folder = checkout / ".git"
    if pointed := _read(folder).removeprefix("gitdir:").strip():  # in a worktree or a submodule, it is a file
        folder = checkout / pointed
        folder /= _read(folder / "commondir").strip()
    return _read(folder / "config")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
