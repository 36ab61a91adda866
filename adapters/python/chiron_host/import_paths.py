"""sys.path of workflow code, in the reference's order: of each folder its services/api, the folder, its parent; later folders first.

The compat modules are importable from every file, behind installed packages of the same name, except `api` itself. A real `services/api/api` answers for the modules of `api` that are not loaded yet.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

from .snapshot import Snapshot, install

_HOST = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_COMPAT = os.path.join(_HOST, "compat")


def existing(dirs: Sequence[str], snapshot: Snapshot) -> list[str]:
    """The folders that are there, on disk (resolved) or as the snapshot has them, each once, in order."""
    roots: list[str] = []
    for entry in dirs:
        if not entry.strip():
            continue
        # What the snapshot names was resolved when it was made; today's links may lead elsewhere.
        root = entry if snapshot.has_dir(entry) else os.path.realpath(os.path.expanduser(entry))
        if (snapshot.has_dir(root) or os.path.isdir(root)) and root not in roots:
            roots.append(root)
    return roots


def prepare(roots: Sequence[str], snapshot: Snapshot) -> None:
    """Put the folders and the compat modules on sys.path and the snapshot behind their imports. Done again, it changes nothing."""
    if _COMPAT not in sys.path:
        sys.path[:] = [entry for entry in sys.path if os.path.realpath(entry or os.getcwd()) != _HOST]
        sys.path.insert(0, _COMPAT)
        importlib.import_module("api.workflow_engine")
        sys.path.remove(_COMPAT)
        sys.path.append(_COMPAT)
    places = [place for root in roots for place in _places(root, snapshot)]
    install(snapshot, places)
    for place in places:
        if place not in sys.path:
            sys.path.insert(0, place)
    _merge_api(snapshot)


def _places(root: str, snapshot: Snapshot) -> list[str]:
    parent = os.path.dirname(root)
    places = [parent, root]
    services = os.path.join(parent, "services", "api")
    if os.path.basename(root) == "workflows" and (snapshot.has_dir(services) or os.path.isdir(services)):
        places.append(services)
    return places


def _merge_api(snapshot: Snapshot) -> None:
    package = sys.modules["api"]
    compat = os.path.join(_COMPAT, "api")
    real = [os.path.join(entry, "api") for entry in sys.path if entry != _COMPAT]
    package.__path__ = [folder for folder in real if snapshot.has_file(os.path.join(folder, "__init__.py"))] + [compat]
