"""Studies and cells in notebooks and on rich terminals."""

from html.parser import HTMLParser

from rich.console import Console


def shown(thing) -> str:
    console = Console(width=100, color_system=None)
    with console.capture() as capture:
        console.print(thing)
    return capture.get()


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append(tag)

    def handle_data(self, data) -> None:
        self.text += data


def test_a_study_shows_its_designs(parse) -> None:
    study = parse("fusions: {one_at_a_time: {fusion: [concat]}}\nsubsets: {subsets: all}")
    text = shown(study)
    assert "study demo: 8 cells, 2 seeds" in text
    assert "one_at_a_time" in text
    parser = _Tags()
    parser.feed(study._repr_html_())
    assert set(parser.tags) <= {"div", "table", "caption", "thead", "tbody", "tr", "th", "td"}
    assert "fusionsone_at_a_time2" in parser.text


def test_a_cell_shows_what_differs_and_the_baseline_its_parts(parse) -> None:
    study = parse("a: {cells: [{label: x, set: {losses.kl: null, train.lr: 0.5}}]}")
    text = shown(study.cells[1])
    assert "losses.kl" in text
    assert "removed" in text
    assert "0.5" in text
    assert "proxy" in shown(study.baseline)
    assert "emotion: ce" in shown(study.baseline)


def test_labels_are_never_obeyed(parse) -> None:
    study = parse("a: {cells: [{label: '<script>alert(1)</script> [bold]x[/]', set: {train.lr: 0.5}}]}")
    html = study.cells[1]._repr_html_()
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "[bold]x[/]" in shown(study.cells[1])


def test_of_many_designs_some_are_shown_and_the_rest_counted(parse) -> None:
    study = parse(
        "\n".join(
            f"d{number}: {{cells: [{{label: a{number}, set: {{train.lr: 0.{number + 1}}}}}]}}" for number in range(70)
        )
    )
    assert "and 10 more" in shown(study)
