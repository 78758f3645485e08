"""What do the pages of the Python names say? Signatures, docstrings, fields and methods."""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import re
import sys
import typing
from collections.abc import Iterator, Mapping
from importlib import import_module
from textwrap import indent
from types import ModuleType
from typing import Any

import aiir_eval
from aiir_eval import stats

MADE = "<!-- Written by docs/reference/generate.py from the code; change that, not this. -->\n"
ROOMS = {
    "incidents": "Incidents",
    "suites": "Suites",
    "runs": "Runs",
    "compare": "Comparing and planning",
    "gate": "The gate",
    "drift": "Drift",
    "tracking": "MLflow",
    "errors": "Errors",
}
API = """\
# Python: `aiir_eval`

`import aiir_eval as aiir`. Every public name; nothing heavy is imported before it is used. Results
are read, not made: what they hold is listed, and what they can do. The numbers behind them:
[`aiir_eval.stats`](statistics-api.md)."""
STATISTICS = """\
# Python: `aiir_eval.stats`

Arrays in, result objects out. No file is read. Each says what it assumes, when that fails, and
where the method is from; every random routine takes `rng`."""
SECTION = re.compile(r"^([A-Z][A-Za-z ]+)\n-{3,}\n", re.M)
TABLES = ("Parameters", "Attributes", "Returns", "Raises", "Yields")


def api_pages() -> Mapping[str, str]:
    """The page of the package and the one of its statistics: file name to markdown."""
    groups: dict[str, list[Any]] = {title: [] for title in ROOMS.values()}
    for name in sorted(aiir_eval._EXPORTS, key=lambda name: (name[0].isupper(), name.lower())):
        module = aiir_eval._EXPORTS[name]
        found = getattr(import_module(f"aiir_eval.{module}"), name)
        groups[ROOMS[module.split(".")[0]]].append(found)
    numbers = [getattr(stats, name) for name in stats.__all__]
    functions = [each for each in numbers if not inspect.isclass(each)]
    results = [each for each in numbers if inspect.isclass(each)]
    public = [each for group in groups.values() for each in group]
    groups["What they hold"] = held(public, numbers)
    members = {"Functions": functions, "Classes": results}
    return {
        "api.md": page(API, groups, "aiir."),
        "statistics-api.md": page(STATISTICS, members, "stats."),
    }


def page(head: str, groups: Mapping[str, list[Any]], prefix: str) -> str:
    """A page: its head, a line of links for each group, and every name."""
    anchors: dict[str, int] = {}
    links = [
        f"- {title}: " + ", ".join(link(heading(each, prefix), anchors) for each in members)
        for title, members in groups.items()
    ]
    parts = [MADE, head, "\n".join(links)]
    for title, members in groups.items():
        parts.append(f"## {title}")
        for each in members:
            parts += entry(each, heading(each, prefix))
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def entry(thing: Any, title: str) -> Iterator[str]:
    """One name: heading, signature, docstring; of a class its fields, properties and methods."""
    name = thing.__name__
    yield f"### {title}"
    if title == name:
        yield f"`{thing.__module__}.{name}`"
    if not inspect.isclass(thing):
        yield f"```text\n{signature(thing, name)}\n```"
    elif "__init__" in vars(thing) and not dataclasses.is_dataclass(thing):
        yield f"```text\n{signature(thing.__init__, name)}\n```"
    yield from prose(inspect.getdoc(thing) or "")
    if inspect.isclass(thing):
        for title, items in (("Fields", fields(thing)), ("Methods", methods(thing))):
            if items:
                yield f"**{title}**"
                yield "\n".join(items.values())


def prose(doc: str) -> Iterator[str]:
    """A docstring as markdown: sections in bold, definitions as a list, examples fenced."""
    title, *rest = SECTION.split(doc)
    yield from blocks(title)
    for name, body in zip(rest[::2], rest[1::2], strict=True):
        yield f"**{name}**"
        if name in TABLES:
            yield "\n".join(definitions(body))
        else:
            yield from blocks(body)


def blocks(text: str) -> Iterator[str]:
    """Paragraphs, each in one line (a line may not begin a list by chance), lists and examples."""
    for block in re.split(r"\n[ \t]*\n", text.strip("\n")):
        if block.lstrip().startswith(">>>"):
            plain = re.sub(r"\s*# doctest: .*$", "", inspect.cleandoc(block), flags=re.M)
            yield f"```pycon\n{plain}\n```"
        elif block.lstrip().startswith("- "):
            yield re.sub(r"\n\s+(?!- )", " ", inspect.cleandoc(block))
        elif block.strip():
            yield " ".join(block.split())


def definitions(body: str) -> Iterator[str]:
    """``name : type``, then what it is, indented: an item each."""
    items: list[list[str]] = []
    for line in body.strip("\n").splitlines():
        if line[:1].strip():
            items.append([line.strip()])
        elif line.strip():
            items[-1].append(line.strip())
    for head, *said in items:
        name, _, kind = head.partition(" : ")
        text = f"- `{name}`" + (f" ({kind})" if kind else "")
        yield text + (": " + " ".join(said) if said else "")


def fields(cls: type) -> Mapping[str, str]:
    """What an instance holds, as it is declared, with the comment beside it."""
    found = {}
    for base in reversed(cls.__mro__):
        if not base.__module__.startswith("aiir_eval"):
            continue
        lines = source_lines(base)
        for node in declared(base):
            name = ast.unparse(node.target)
            if name.startswith("_") or "ClassVar" in ast.unparse(node.annotation):
                continue
            shown = f"{name.rstrip('_')}: {ast.unparse(node.annotation)}"
            default = ast.unparse(node.value) if node.value else ""
            simple = default and not default.startswith(("Field(", "field("))
            _, _, comment = lines[(node.end_lineno or 1) - 1].partition("  # ")
            item = f"- `{shown}{' = ' + default if simple else ''}`"
            said = [comment, *choices(shown, sys.modules[base.__module__])]
            found[name] = item + ": ".join(["", "; ".join(filter(None, said))]).rstrip(": ")
    return found


def choices(annotation: str, module: ModuleType) -> Iterator[str]:
    """What the named sets of values in an annotation stand for."""
    for name in re.findall(r"\b[A-Z]\w+", annotation):
        if typing.get_origin(meant := resolve(name, module)) is typing.Literal:
            yield ", ".join(f"`{value}`" for value in typing.get_args(meant))


def methods(cls: type) -> Mapping[str, str]:
    """Public properties and methods, each with its docstring."""
    found = {}
    for base in reversed(cls.__mro__):
        if not base.__module__.startswith("aiir_eval"):
            continue
        for name, member in vars(base).items():
            if name.startswith("_") or getattr(cls, name, None) is None:
                continue
            if isinstance(member, property | functools.cached_property):
                function = member.fget if isinstance(member, property) else member.func
                shown = f"`.{name}: {written(inspect.signature(function).return_annotation)}`"
            elif inspect.isfunction(plain := getattr(member, "__func__", member)):
                function, shown = plain, f"`.{signature(plain, name)}`"
            else:
                continue
            text = "\n\n".join(prose(inspect.getdoc(function) or ""))
            found[name] = f"- {shown}" + (": " + indent(text, "  ").strip() if text else "")
    return found


class Written(str):
    """An annotation as it is written in the source."""

    __slots__ = ()
    __repr__ = str.__str__


def signature(function: Any, name: str) -> str:
    """As it is written, without self; one parameter a line where it is long."""
    found = inspect.signature(function)
    parameters = [
        each.replace(annotation=written(each.annotation))
        for each in found.parameters.values()
        if each.name not in ("self", "cls")
    ]
    returned = inspect.Signature.empty if name[0].isupper() else written(found.return_annotation)
    line = name + str(found.replace(parameters=parameters, return_annotation=returned))
    if len(line) <= 100:
        return line
    shown: list[str] = []
    for each in parameters:
        if each.kind is each.KEYWORD_ONLY and "*" not in shown:
            shown.append("*")
        shown.append(str(each))
    end = "" if returned is inspect.Signature.empty else f" -> {returned}"
    return f"{name}(\n" + "".join(f"    {each},\n" for each in shown) + f"){end}"


def written(annotation: Any) -> Any:
    return Written(annotation.strip("'")) if isinstance(annotation, str) else annotation


def held(public: list[Any], elsewhere: list[Any]) -> list[type]:
    """The classes of ours that fields, parameters and returns of public names speak of."""
    seen, queue = [*public], [*public]
    while queue:
        for name, module in spoken(queue.pop(0)):
            found = resolve(name, module)
            ours = inspect.isclass(found) and found.__module__.startswith("aiir_eval")
            if ours and found not in seen and found not in elsewhere:
                seen.append(found)
                queue.append(found)
    return sorted(seen[len(public) :], key=lambda each: each.__name__)


def spoken(thing: Any) -> Iterator[tuple[str, ModuleType]]:
    """Names in the annotations of a function, or of the fields and methods of a class."""
    if inspect.isclass(thing):
        texts = [
            ast.unparse(node.annotation)
            for node in declared(thing)
            if not ast.unparse(node.target).startswith("_")
        ]
        for name, member in vars(thing).items():
            function = getattr(member, "fget", None) or getattr(member, "__func__", member)
            if inspect.isfunction(function) and not name.startswith("_"):
                texts.append(str(inspect.signature(function).return_annotation))
    else:
        texts = [str(inspect.signature(thing))]
    for name in re.findall(r"\b[A-Z]\w+", " ".join(texts)):
        yield name, sys.modules[thing.__module__]


def resolve(name: str, module: ModuleType) -> Any:
    """What a name means in a module, also where it is imported for types alone."""
    if hasattr(module, name):
        return getattr(module, name)
    for node in imports(module):
        if any(name == each.name for each in node.names):
            package = module.__package__ if node.level else None
            if node.level or (node.module or "").startswith("aiir_eval"):
                return getattr(import_module("." * node.level + (node.module or ""), package), name)
    return None


@functools.cache
def imports(module: ModuleType) -> list[ast.ImportFrom]:
    tree = ast.walk(ast.parse(inspect.getsource(module)))
    return [node for node in tree if isinstance(node, ast.ImportFrom)]


def declared(cls: type) -> list[ast.AnnAssign]:
    tree = ast.parse("\n".join(source_lines(cls)))
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    return [node for node in body if isinstance(node, ast.AnnAssign)]


@functools.cache
def source_lines(cls: type) -> list[str]:
    return inspect.cleandoc("\n" + inspect.getsource(cls)).splitlines()


def heading(thing: Any, prefix: str) -> str:
    """`prefix` and the name; the name alone where it is no public one."""
    public = aiir_eval._EXPORTS if prefix == "aiir." else stats.__all__
    return f"{prefix * (thing.__name__ in public)}{thing.__name__}"


def link(title: str, anchors: dict[str, int]) -> str:
    """A link to a heading; of headings that differ in case alone the later ones are counted."""
    anchor = re.sub(r"[^\w-]", "", title.lower())
    count = anchors[anchor] = anchors.get(anchor, -1) + 1
    return f"[{title.rpartition('.')[2]}](#{anchor}{f'-{count}' if count else ''})"
