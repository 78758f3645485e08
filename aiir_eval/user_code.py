"""The user's own code, named ``module:function``: how it is found, imported, and digested."""

from __future__ import annotations

import hashlib
import importlib
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from .documents import file_digest
from .errors import InputError

# What counts as part of a package's behaviour: code, and the kinds of text it may read. Databases,
# logs and caches that a package writes into its own folder do not.
_CODE = frozenset({".py"})
_TEXT = frozenset({".csv", ".html", ".md", ".rst", ".sql", ".tsv", ".txt", ".xml"})
_SETTINGS = frozenset({".cfg", ".ini", ".json", ".jsonl", ".toml", ".yaml", ".yml"})
_TEMPLATES = frozenset({".j2", ".jinja", ".jinja2", ".prompt"})
SUFFIXES = _CODE | _TEXT | _SETTINGS | _TEMPLATES
_importing = threading.RLock()


def load_function(
    name: str, folders: Sequence[str | Path]
) -> tuple[Callable[..., Any], ModuleType]:
    """``module:function`` as the function and its module.

    The module is looked for in `folders` first, then where Python looks. `sys.path` holds the
    folders only while the module is imported: a module that imports a sibling file inside a
    function must import it at its top instead (relative imports in a package always work).
    Raises `InputError` where there is no such module or function, or the import fails.
    """
    module_name, colon, attribute = name.partition(":")
    if not (colon and module_name and attribute):
        raise InputError(f"{name!r} is not module:function")
    roots = dict.fromkeys(root for folder in folders for root in _roots(folder))
    module = _import(module_name, list(roots))
    value: Any = module
    for part in attribute.split("."):
        try:
            value = getattr(value, part)
        except AttributeError:
            raise InputError(
                f"the module {module_name} has no {attribute}", file=module.__file__
            ) from None
    if not callable(value):
        raise InputError(f"{attribute} is not a function", file=module.__file__)
    return value, module


@contextmanager
def importable(folders: Sequence[str]) -> Iterator[None]:
    """While it lasts, modules are looked for in `folders` first; `sys.path` is as before after."""
    sys.path[:0] = folders
    importlib.invalidate_caches()
    try:
        yield
    finally:
        for folder in folders:
            if folder in sys.path:
                sys.path.remove(folder)


def _roots(folder: str | Path) -> list[str]:
    """The folder; where it is a package itself (its aiir.yaml lies in it), also the one around."""
    inner = outer = Path(folder).resolve()
    while (outer / "__init__.py").is_file():
        outer = outer.parent
    return list(dict.fromkeys([str(inner), str(outer)]))


def _import(name: str, folders: list[str]) -> ModuleType:
    with _importing:
        _refuse_namesake(name.partition(".")[0], folders)
        fresh = name not in sys.modules
        try:
            with importable(folders):
                module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is not None and f"{name}.".startswith(f"{error.name}."):
                raise InputError(
                    f"there is no python module {name}", hint=f"looked in {', '.join(folders)}"
                ) from None
            raise InputError(f"importing {name} failed: {error}") from error
        except SyntaxError as error:
            raise InputError(
                f"not valid Python: {error.msg}", file=error.filename, line=error.lineno
            ) from None
        except (Exception, SystemExit) as error:
            raise InputError(f"importing {name} failed: {type(error).__name__}: {error}") from error
        _refuse_stale(module, fresh)
        return module


def _refuse_namesake(top: str, folders: list[str]) -> None:
    """Raise where a module of this name from elsewhere is in memory: it would be called instead."""
    loaded, found = sys.modules.get(top), PathFinder.find_spec(top, folders)
    old = getattr(loaded, "__file__", None)
    if loaded is None or found is None or found.origin is None or top == "__main__":
        return
    if old is None or Path(old).resolve() != Path(found.origin).resolve():
        raise InputError(
            f"the module {top} of {old or 'Python itself'} is in use already, "
            f"so {found.origin} cannot be imported",
            hint="rename one of them, or run each in a process of its own",
        )


def _refuse_stale(module: ModuleType, fresh: bool) -> None:
    """Code that was edited after its import would run as the old and be recorded as the new."""
    if module.__spec__ is None or not getattr(module, "__file__", None):
        return
    now = _digest(module, _CODE)
    if fresh or not hasattr(module.__spec__, "aiir_digest"):
        module.__spec__.aiir_digest = now  # type: ignore[attr-defined]
    elif module.__spec__.aiir_digest != now:
        raise InputError(
            f"the code of {module.__name__} was changed after it was imported",
            file=module.__file__,
            hint="restart Python (the kernel), or importlib.reload the module",
        )


def module_digests(module: ModuleType, function: Callable[..., Any]) -> dict[str, str]:
    """SHA-256 of the module's file and, where it is in a package, of the package's files.

    A module typed into a notebook has no file: its function's source stands for it. Files that the
    function reads elsewhere, and modules beside it that it imports, are not covered; state a
    `version` in aiir.yaml for those.
    """
    path = getattr(module, "__file__", None)
    if not path:
        import inspect

        try:
            source = inspect.getsource(function)
        except (OSError, TypeError):
            raise InputError(
                f"the module {module.__name__} has no file, so what it does cannot be recorded",
                hint="put the function into a file",
            ) from None
        return {"module": hashlib.sha256(source.encode("utf-8", "replace")).hexdigest()}
    digests = {"module": file_digest(path)}
    if _package_folder(module) is not None:
        digests["package"] = _digest(module, SUFFIXES)
    return digests


def _package_folder(module: ModuleType) -> Path | None:
    top = sys.modules.get(module.__name__.partition(".")[0])
    path = getattr(top, "__file__", None)
    if path is None or not hasattr(top, "__path__"):
        return None
    return Path(path).resolve().parent


def _digest(module: ModuleType, suffixes: frozenset[str]) -> str:
    """SHA-256 over names and contents of the files of the module's package, or of its file."""
    folder = _package_folder(module)
    if folder is None:
        return file_digest(str(module.__file__))
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        hidden = any(part.startswith(".") or part == "__pycache__" for part in name.parts)
        if path.suffix.lower() in suffixes and not hidden and path.is_file():
            total.update(f"{name.as_posix()}\n{file_digest(path)}\n".encode())
    return total.hexdigest()
