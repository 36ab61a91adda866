"""Does one thing right after a module's import, whenever that is: a module that is never imported costs nothing."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

Act = Callable[[ModuleType], None]


def after_import(name: str, act: Act) -> None:
    """Call `act` with the module of this name: now if it is there, else as soon as it is."""
    module = sys.modules.get(name)
    if module is not None:
        act(module)
    else:
        sys.meta_path.insert(0, _Hook(name, act))


class _Hook(importlib.abc.MetaPathFinder):
    def __init__(self, name: str, act: Act) -> None:
        self._name = name
        self._act = act
        self._looking = False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The module as others find it, with one thing to do more."""
        if fullname != self._name or self._looking:
            return None
        self._looking = True
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._looking = False
        loader: Any = None if spec is None else spec.loader
        if loader is None:
            return None
        execute, act = loader.exec_module, self._act

        def exec_module(module: ModuleType) -> None:
            execute(module)
            act(module)

        loader.exec_module = exec_module
        return spec
