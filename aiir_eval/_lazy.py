"""Public names that are imported when first used, so that starting costs nothing.

Three rooms (`compare`, `gate`, `drift`) are also the verb a user calls: ``aiir.compare(old, new)``.
A package can be called when its class defines ``__call__`` (Python data model, "Customizing module
attribute access").
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any


def lazy_exports(
    package: str, exports: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """``__getattr__``, ``__dir__`` and ``__all__`` of a package.

    `exports` maps a public name to the module below the package that defines it.
    """

    def getattr_(name: str) -> Any:
        try:
            module = exports[name]
        except KeyError:
            raise AttributeError(f"module {package!r} has no attribute {name!r}") from None
        value = getattr(import_module(f"{package}.{module}"), name)
        vars(sys.modules[package]).setdefault(name, value)  # a room of that name stays
        return value

    def dir_() -> list[str]:
        return sorted({*vars(sys.modules[package]), *exports})

    return getattr_, dir_, sorted(exports)


def callable_package(package: str, module: str, function: str) -> None:
    """Make calling a package call `function` of its module `module`."""

    def target() -> Callable[..., Any]:
        found: Callable[..., Any] = getattr(import_module(f"{package}.{module}"), function)
        return found

    class CallablePackage(ModuleType):
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return target()(*args, **kwargs)

        @property
        def __wrapped__(self) -> Callable[..., Any]:  # what inspect.signature and help() show
            return target()

    sys.modules[package].__class__ = CallablePackage
