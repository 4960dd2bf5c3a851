"""matplotlib's SVG made small, safe to stand in a page with a strict policy, and readable aloud.

A policy that forbids style attributes would undo a plot, so they become attributes of their own; names that nothing
refers to go, the others carry the name of the plot, as names must be unique in a page.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from ..text import lines, plain
from .look import INK
from .short import compact, join_ticks

_SVG, _LINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
_REFERENCE = re.compile(r"url\(#([\w.-]+)\)")
_ROOT = {
    "fill": INK,
    "font-family": "'DejaVu Sans', Verdana, sans-serif",
    "font-size": "9px",
    "stroke-linejoin": "round",
    "stroke-linecap": "butt",
    "role": "img",
}
_INHERITED = frozenset(
    {"fill-opacity", "stroke-opacity"}
    | {"fill", "stroke", "stroke-width", "stroke-linejoin", "stroke-linecap", "stroke-dasharray"}
)
_PLACE = frozenset({"x", "y", "transform", "id"})
_DEFAULTS = {"font-size": "9px", "stroke-dashoffset": "0", "font-weight": "400", "font-style": "normal"}


def tidied(text: str, name: str, title: str, description: str) -> str:
    """The SVG `text` of matplotlib as one element, with `title` and `description`; every name begins with `name`."""
    root = ET.fromstring(lines(text))  # noqa: S314 - matplotlib wrote it a moment ago
    join_ticks(root)
    for element in root.iter():
        _attributes(element)
    _prune(root)
    _rename(root, name)
    _flatten(root)
    root.attrib.pop("version", None)
    root.attrib.update(_ROOT | {"aria-labelledby": f"{name}-title {name}-desc"})
    for place, (tag, said) in enumerate({"title": plain(title), "desc": plain(description)}.items()):
        told = ET.Element(f"{_SVG}{tag}", {"id": f"{name}-{tag}"})
        told.text = said
        root.insert(place, told)
    return _written(root)


def _attributes(element: ET.Element) -> None:
    """Style as attributes, coordinates to a tenth of a point, turns of nothing left out."""
    style = element.attrib.pop("style", "")
    for part in style.split(";"):
        key, _, value = part.partition(":")
        key, value = key.strip(), value.strip()
        if key and key != "font-family" and _DEFAULTS.get(key) != value and (key, value) != ("fill", INK):
            element.set(key, value)
    if element.get("transform", "").startswith("rotate(-0 "):
        del element.attrib["transform"]
    places = 2 if element.tag == f"{_SVG}path" and "id" in element.attrib else 1  # markers are small
    for key in ("d", "x", "y", "width", "height", "transform", "points", "stroke-dasharray", "stroke-width"):
        if key in element.attrib:
            element.set(key, compact(element.get(key, ""), places))


def _prune(root: ET.Element) -> None:
    """Leave out who made it, styles that hold for the whole page, and shapes without line or colour."""
    for parent in root.iter():
        for child in list(parent):
            unseen = child.get("fill") == "none" and not {"stroke", "id"}.intersection(child.attrib)
            if (unseen and child.tag == f"{_SVG}path") or child.tag in {f"{_SVG}metadata", f"{_SVG}style"}:
                parent.remove(child)


def _rename(root: ET.Element, name: str) -> None:
    used: dict[str, str] = {}
    for element in root.iter():
        for key, value in element.attrib.items():
            found = [value[1:]] if key == _LINK else _REFERENCE.findall(value)
            used |= {identity: f"{name}-{len(used)}" for identity in found if identity not in used}
    defined = {element.get("id", ""): element.attrib for element in root.iter()}
    for element in root.iter():
        if _LINK in element.attrib:  # what the shape says itself counts, whatever its use says
            own = defined[element.attrib[_LINK][1:]]
            element.attrib = {key: value for key, value in element.attrib.items() if key in _PLACE or key not in own}
    for element in root.iter():
        identity = element.attrib.pop("id", "")
        if identity in used:
            element.set("id", used[identity])
        if _LINK in element.attrib:
            element.set("href", f"#{used[element.attrib.pop(_LINK)[1:]]}")
        for key, value in element.attrib.items():
            element.set(key, _REFERENCE.sub(lambda found: f"url(#{used[found[1]]})", value))


def _flatten(parent: ET.Element) -> None:
    """Groups and definitions that say nothing give way to what they hold; what all children say, the group says."""
    kept: list[ET.Element] = []
    for child in list(parent):
        _flatten(child)
        child.tail = None
        bare = child.tag == f"{_SVG}g" and not child.attrib
        kept += list(child) if bare else [] if child.tag == f"{_SVG}defs" and not len(child) else [child]
    parent[:] = kept
    if len(parent):
        parent.text = None
    if parent.tag == f"{_SVG}g" and len(parent) > 1:
        for key in _INHERITED.intersection(*(child.attrib for child in parent)):
            if len({child.get(key) for child in parent}) == 1:
                parent.set(key, parent[0].attrib[key])
                for child in parent:
                    del child.attrib[key]


def _written(root: ET.Element) -> str:
    ET.register_namespace("", _SVG.strip("{}"))
    return ET.tostring(root, encoding="unicode").replace(" />", "/>")
