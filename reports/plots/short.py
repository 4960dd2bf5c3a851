"""Shapes of an SVG in few bytes: short numbers, steps in place of places, and all ticks of an axis as one line."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xml.etree import ElementTree as ET

_LINK = "{http://www.w3.org/1999/xlink}href"
_NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
_COORDINATE = re.compile(r"-?\d+(?:\.\d+)?")
_COMMAND = re.compile(r"[A-Za-z]")
_STROKE = re.compile(r"M (\S+) (\S+) L (\S+) (\S+)")


def compact(text: str, places: int = 1) -> str:
    """Numbers with so many digits; a path of lines goes in steps from its first point, which are shorter."""
    short = " ".join(_NUMBER.sub(lambda number: number_of(float(number[0]), places), text).split())
    lines = short.startswith("M") and set(_COMMAND.findall(short)) <= set("MLz")
    return "".join(map(_steps, short.split("M")[1:])) if lines else short


def number_of(number: float, places: int) -> str:
    """`12`, `-0.1`; never `-0`."""
    short = f"{number:.{places}f}".rstrip("0").rstrip(".") if places else f"{number:.0f}"
    return "0" if short == "-0" else short


def _steps(line: str) -> str:
    """`M38 31.9l3.7 50.9-5 1z` for a line through places: steps of rounded places, so that no error adds up."""
    found = [Decimal(number) for number in _COORDINATE.findall(line)]
    steps = [number_of(float(later - earlier), 2) for earlier, later in zip(found, found[2:], strict=False)]
    start = f"M{number_of(float(found[0]), 2)} {number_of(float(found[1]), 2)}"
    told = "".join(step if step.startswith("-") or not place else f" {step}" for place, step in enumerate(steps))
    return start + (f"l{told}" if steps else "") + ("z" if "z" in line else "")


def join_ticks(root: ET.Element) -> None:
    """Uses of one straight stroke, as ticks are, become one path of all of them where the first stood."""
    defined = {f"#{one.get('id')}": (parent, one) for parent, one in _pairs(root) if one.get("id")}
    uses: dict[tuple[str, str], list[tuple[ET.Element, ET.Element]]] = {}
    for parent, child in _pairs(root):
        link = child.get(_LINK, "")
        if link in defined and _STROKE.fullmatch(_line(defined[link][1])):
            uses.setdefault((link, parent.get("clip-path", "")), []).append((parent, child))
    for (link, _), found in uses.items():
        _join(defined[link][1], found)
    for link in dict.fromkeys(link for link, _ in uses):
        room, stroke = defined[link]
        room.remove(stroke)


def _join(stroke: ET.Element, uses: list[tuple[ET.Element, ET.Element]]) -> None:
    ends = [float(number) for number in _COORDINATE.findall(_line(stroke))]
    places = [(float(use.get("x", 0)), float(use.get("y", 0))) for _, use in uses]
    moved = [[place + end for place, end in zip((*at, *at), ends, strict=True)] for at in places]
    drawn = " ".join("M {:.2f} {:.2f} L {:.2f} {:.2f}".format(*line) for line in moved)
    first = uses[0][1]
    first.tag, first.attrib = stroke.tag, {"d": drawn, "style": stroke.get("style", "")}
    for parent, use in uses[1:]:
        parent.remove(use)


def _line(element: ET.Element) -> str:
    return " ".join(element.get("d", "").split())


def _pairs(root: ET.Element) -> list[tuple[ET.Element, ET.Element]]:
    """(parent, child) of every element."""
    return [(parent, child) for parent in root.iter() for child in parent]
