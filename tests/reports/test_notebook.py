"""A table on a rich terminal and in a notebook."""

from rich.console import Console

from butfor.reports.html import html
from butfor.reports.notebook import rich_table
from butfor.reports.sheet import Cell, Column, Sheet

SHEET = Sheet(
    name="t",
    caption="A [bold]caption[/]",
    columns=(Column("System", "left"), Column("F1 ↑", "right")),
    rows=(
        (Cell("full <script>"), Cell("0.812", "0.010", "best")),
        (Cell("w/o [red]x[/]"), Cell("0.801", "", "second")),
    ),
    notes=("Note [one].",),
    set_apart=True,
)


def shown(*, color: bool) -> str:
    console = Console(width=60, force_terminal=color, color_system="standard" if color else None)
    with console.capture() as capture:
        console.print(rich_table(SHEET))
    return capture.get()


def test_every_field_is_there_and_brackets_are_no_markup() -> None:
    text = shown(color=False)
    for piece in ("A [bold]caption[/]", "full <script>", "0.812 ± 0.010", "w/o [red]x[/]", "Note [one]."):
        assert piece in text


def test_the_best_is_bold_and_the_second_best_underlined() -> None:
    text = shown(color=True)
    assert "\x1b[1m0.812" in text
    assert "\x1b[4m0.801" in text


def test_a_table_shows_itself_in_both(small) -> None:
    assert small._repr_html_() == html(small.sheet())
    assert small.__rich__().row_count == len(small.rows)
