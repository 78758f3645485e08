"""Plain pieces of a terminal page: text that is never markup, columns without lines, a printer.

Everything goes through `rich.text.Text` and `visible`, so neither rich markup nor control codes in
an output are ever interpreted.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from ..visible import one_line, visible
from ..wording import Tone, name, told, tone

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

STYLES: Mapping[Tone, str] = {
    "good": "green",
    "bad": "red",
    "unsure": "yellow",
    "void": "magenta",
    "plain": "default",
}
NARROW = 80  # columns below which the less telling columns of a table are left out

Justify = Literal["left", "right"]


def text(content: str, style: str = "") -> Text:
    """`content`, visible, in one style."""
    from rich.text import Text

    return Text(visible(content), style=style)


def word(value: str, *, label: str | None = None) -> Text:
    """A verdict, conclusion or severity in its colour."""
    return text(label or name(value), f"bold {STYLES[tone(value)]}")


def headline(value: str, sentence: str) -> Text:
    """The answer: the verdict in capitals, then one sentence."""
    from rich.text import Text

    return Text.assemble(
        word(value, label=name(value).upper()), "  ", text(told(value, sentence), "bold")
    )


def heading(title: str, note: str = "") -> Text:
    """The title of a section, after a blank line."""
    from rich.text import Text

    return Text.assemble("\n", text(title, "bold underline"), "  " if note else "",
                         text(note, "dim"))  # fmt: skip


def columns(
    heads: Sequence[str | tuple[str, Justify]],
    rows: Iterable[Sequence[str | Text]],
    *,
    flexible: int = -1,
) -> Table:
    """A table without lines; the column `flexible` takes what room is left and wraps."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="dim",
                  border_style="dim")  # fmt: skip
    flexible %= len(heads)
    for index, head in enumerate(heads):
        title, justify = head if isinstance(head, tuple) else (head, "left")
        table.add_column(
            title,
            justify=justify,
            no_wrap=index != flexible and justify == "right",
            ratio=1 if index == flexible else None,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(text(cell) if isinstance(cell, str) else cell for cell in row))
    return table


def facts(pairs: Iterable[tuple[str, str | Text]]) -> Table:
    """Names and values, one a line; values that are empty are left out."""
    from rich.table import Table

    grid = Table.grid(padding=(0, 2), pad_edge=False)
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold", ratio=1)
    for key, value in pairs:
        if value:
            grid.add_row(text(key), text(value) if isinstance(value, str) else value)
    return grid


def cut(content: str, width: int) -> Text:
    """`content` on one line of at most `width` characters."""
    return text(one_line(content, max(width, 12)))


def page(parts: Iterable[RenderableType | None], *, color: bool, width: int) -> str:
    """The parts as text, without trailing blanks; nothing is read from the environment."""
    from rich.console import Console

    target = io.StringIO()
    options: dict[str, Any] = {"color_system": "standard", "force_terminal": True} if color else {
        "color_system": None, "force_terminal": False, "no_color": True,
    }  # fmt: skip
    console = Console(
        file=target,
        width=max(width, 40),
        markup=False,
        emoji=False,
        highlight=False,
        force_jupyter=False,
        legacy_windows=False,
        _environ={},
        **options,
    )
    for part in parts:
        if part is not None:
            console.print(part)
    return "\n".join(line.rstrip() for line in target.getvalue().rstrip().split("\n"))
