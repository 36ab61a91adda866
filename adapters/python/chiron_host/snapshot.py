"""Reads workflow code from one immutable snapshot, so that a generation does not change under its processes.

Applies to .py files below the import roots, never to the standard library, site-packages or the host. Byte code is cached by content
hash beside the blobs and by nothing else; without a snapshot files come from disk and no .pyc is trusted.
"""

from __future__ import annotations

import hashlib
import importlib.machinery
import importlib.util
import json
import linecache
import marshal
import os
import sys
from collections.abc import Sequence
from importlib.machinery import ExtensionFileLoader, FileFinder, ModuleSpec, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any

_HOST = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_STDLIB = os.path.dirname(os.path.abspath(os.__file__))
_THIRD_PARTY = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")


def is_foreign(path: str) -> bool:
    """Whether a file belongs to the interpreter, to installed packages or to the host, and not to the project."""
    if any(mark in path for mark in _THIRD_PARTY) or path.startswith(_STDLIB + os.sep):
        return True
    return path.startswith((os.path.join(_HOST, "chiron_host") + os.sep, os.path.join(_HOST, "compat") + os.sep))


class Snapshot:
    """The files as they were when the generation was made. `read` remembers the hash of everything it gave out."""

    def __init__(self, manifest: str | None = None, blobs: str | None = None) -> None:
        self.files: dict[str, str] = {}
        self.blobs = blobs
        self.seen: dict[str, str] = {}
        if manifest is not None:
            with open(manifest, encoding="utf-8") as stream:
                self.files = dict(json.load(stream)["files"])
        self._dirs = {parent for path in self.files for parent in _parents(path)}

    def read(self, path: str) -> bytes:
        """A file's bytes: from its blob if the manifest names it, else from disk, which makes it a blob."""
        named = self.files.get(path)
        if named is not None and self.blobs is not None:
            with open(os.path.join(self.blobs, named), "rb") as stream:
                content = stream.read()
            self.seen[path] = named
            return content
        with open(path, "rb") as stream:
            content = stream.read()
        digest = hashlib.sha256(content).hexdigest()
        self.seen[path] = digest
        if self.blobs is not None:
            _store(os.path.join(self.blobs, digest), content)
        return content

    def below(self, root: str) -> list[str] | None:
        """The .py files that the manifest names below a folder; None when it names none there."""
        prefix = root.rstrip(os.sep) + os.sep
        named = [path for path in self.files if path.startswith(prefix)]
        return named or None

    def has_dir(self, path: str) -> bool:
        """Whether a named file lies below this folder."""
        return path in self._dirs

    def has_file(self, path: str) -> bool:
        """Whether this file is there, named or on disk."""
        return path in self.files or os.path.isfile(path)

    def code(self, path: str) -> CodeType:
        """A file's byte code, from the cache if this very content was compiled under this very path before."""
        source = self.read(path)
        self._show_source(path, source)
        cache = self._cache_path(path)
        if cache is not None:
            try:
                with open(cache, "rb") as stream:
                    cached: Any = marshal.loads(stream.read())
                if isinstance(cached, CodeType):
                    return cached
            except (OSError, ValueError, EOFError, TypeError):
                pass
        code: CodeType = compile(source, path, "exec", dont_inherit=True)
        if cache is not None:
            _store(cache, marshal.dumps(code))
        return code

    def _cache_path(self, path: str) -> str | None:
        if self.blobs is None:
            return None
        magic = importlib.util.MAGIC_NUMBER.hex()
        key = hashlib.sha256(f"{magic}:{sys.flags.optimize}:{path}".encode("utf-8", "surrogateescape")).hexdigest()
        return os.path.join(self.blobs, f"{self.seen[path]}.{key[:16]}.{sys.implementation.cache_tag}.pyc")

    def _show_source(self, path: str, source: bytes) -> None:
        """Tracebacks show the lines that ran, not those that stand on disk now."""
        if self.blobs is None:
            return
        try:
            text = importlib.util.decode_source(source)
        except (SyntaxError, ValueError):
            return
        linecache.cache[path] = (len(text), None, text.splitlines(True), path)


class SnapshotLoader(SourceFileLoader):
    """Loads one module from the snapshot."""

    def __init__(self, fullname: str, path: str, snapshot: Snapshot) -> None:
        super().__init__(fullname, path)
        self._snapshot = snapshot

    def get_data(self, path: str) -> bytes:
        """Source through the snapshot; a package's other data from disk."""
        return self._snapshot.read(path) if path == self.path else super().get_data(path)

    def get_code(self, fullname: str) -> CodeType:
        """Never by the times and sizes that importlib compares."""
        return self._snapshot.code(self.path)


class _Finder:
    """Finds modules in one folder: named files first, then what the disk has."""

    def __init__(self, path: str, snapshot: Snapshot) -> None:
        self._path = path
        self._snapshot = snapshot
        self._disk = FileFinder(
            path,
            (ExtensionFileLoader, importlib.machinery.EXTENSION_SUFFIXES),
            (self._loader, [".py"]),  # pyright: ignore[reportArgumentType]
        )

    def _loader(self, fullname: str, path: str) -> SnapshotLoader:
        return SnapshotLoader(fullname, path, self._snapshot)

    def find_spec(self, fullname: str, target: ModuleType | None = None) -> ModuleSpec | None:
        base = os.path.join(self._path, fullname.rpartition(".")[2])
        package = os.path.join(base, "__init__.py")
        if package in self._snapshot.files:
            return self._spec(fullname, package, [base])
        if f"{base}.py" in self._snapshot.files:
            return self._spec(fullname, f"{base}.py", None)
        spec = self._disk.find_spec(fullname, target)
        if spec is None and self._snapshot.has_dir(base):
            spec = ModuleSpec(fullname, None, is_package=True)
            spec.submodule_search_locations = [base]
        return spec

    def _spec(self, fullname: str, path: str, locations: list[str] | None) -> ModuleSpec | None:
        return importlib.util.spec_from_file_location(
            fullname, path, loader=self._loader(fullname, path), submodule_search_locations=locations
        )

    def invalidate_caches(self) -> None:
        self._disk.invalidate_caches()


def install(snapshot: Snapshot, roots: Sequence[str]) -> None:
    """From now on modules below these folders come through the snapshot."""
    prefixes = tuple(root.rstrip(os.sep) + os.sep for root in roots)

    def hook(path: str) -> _Finder:
        folder = os.path.abspath(path) + os.sep
        if not folder.startswith(prefixes) or is_foreign(folder):
            raise ImportError("not below the import roots")
        if not os.path.isdir(path) and not snapshot.has_dir(path):
            raise ImportError("not a folder")
        return _Finder(path, snapshot)

    sys.path_hooks.insert(0, hook)  # pyright: ignore[reportArgumentType]
    sys.path_importer_cache.clear()


def _parents(path: str) -> list[str]:
    found: list[str] = []
    folder = os.path.dirname(path)
    while folder not in ("", os.sep):
        found.append(folder)
        folder = os.path.dirname(folder)
    return found


def _store(path: str, content: bytes) -> None:
    """Write once and whole. A folder that cannot be written costs the cache, not the import."""
    if os.path.exists(path):
        return
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        with open(temporary, "xb") as stream:
            stream.write(content)
        os.replace(temporary, path)
    except OSError:
        return
