"""Shapes of an SVG in few bytes stay where they are."""

from xml.etree import ElementTree as ET

import pytest

from butfor.reports.plots.short import compact, join_ticks, number_of


def places_of(path):
    """Where a path of `M x y l dx dy ...` goes."""
    import re

    found = []
    for line in path.split("M")[1:]:
        start, _, steps = line.rstrip("z").partition("l")
        x, y = map(float, start.split())
        found.append((x, y))
        numbers = [float(number) for number in re.findall(r"-?[0-9.]+", steps)]
        for dx, dy in zip(numbers[::2], numbers[1::2], strict=True):
            x, y = x + dx, y + dy
            found.append((x, y))
    return found


def test_numbers_are_shortened_and_keep_their_sign():
    assert [number_of(value, 1) for value in (-0.061234, 12.000001, -0.001)] == ["-0.1", "12", "0"]
    assert compact("rotate(-90 12.3456 7.000)") == "rotate(-90 12.3 7)"
    assert compact("M 0 3.123456 C 0.795609 3 1.5 2.6839 2 -2.12132", 2) == "M 0 3.12 C 0.8 3 1.5 2.68 2 -2.12"


def test_a_line_goes_in_steps_and_no_error_adds_up():
    assert compact("M 10 10 L 12.5 9.5 L 12 8 z M 1 2 L 3 4") == "M10 10l2.5-0.5-0.5-1.5zM1 2l2 2"
    places = [(index * 1.04999, (index * 37 % 11) * 0.333333) for index in range(500)]
    text = "M " + " L ".join(f"{x:.6f} {y:.6f}" for x, y in places)
    assert places_of(compact(text)) == [pytest.approx(place, abs=0.051) for place in places]


def test_ticks_become_one_path_with_the_look_of_their_stroke():
    link = 'xmlns:xlink="http://www.w3.org/1999/xlink"'
    root = ET.fromstring(  # noqa: S314 - written here
        f'<svg {link}><g><defs><path id="t" d="M 0 0 L 0 3.5" style="stroke: #123"/></defs><use xlink:href="#t" x="1" '
        'y="2"/></g><g><use xlink:href="#t" x="5" y="2"/></g>'
        '<g clip-path="url(#c)"><use xlink:href="#t" x="9" y="9"/></g></svg>'
    )
    join_ticks(root)
    found = [(one.get("d"), one.get("style")) for one in root.iter("path")]
    assert found == [
        ("M 1.00 2.00 L 1.00 5.50 M 5.00 2.00 L 5.00 5.50", "stroke: #123"),
        ("M 9.00 9.00 L 9.00 12.50", "stroke: #123"),
    ]
    assert not list(root.iter("use"))
