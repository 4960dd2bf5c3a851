"""The numbers behind the data set `planted`: plain NumPy on plain arguments. No plugin; `planted` is its one caller.

A `Draw` gives the random stream of a purpose. Letters: N rows, C classes, K signs, D features, T frames, G groups.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Mask = NDArray[np.bool_]

Draw = Callable[[str], np.random.Generator]


class Hidden(NamedTuple):
    """What the samples are, before any modality shows them."""

    clean: Ints
    """(N,) true classes."""
    labels: Ints
    """(N,) classes as labelled."""
    tone: Floats
    """(N,) standard normal."""
    coins: Floats
    """(N, K) signs."""
    unit: Ints
    """(N,) group of each row; without groups, the row."""


class Look(NamedTuple):
    """How a modality shows it."""

    width: int
    """D."""
    length: float
    """Of the marks of class and tone, in standard deviations of the noise."""
    signs: float
    """Length of the signs; 0 outside the interacting pair."""
    turned: bool
    """Whether the coins are turned over as the class says."""
    missing: float
    noisy: float
    noise_scale: float
    offset: float
    """Standard deviation of a group's own shift of every feature."""


class View(NamedTuple):
    """What a modality shows."""

    rows: Floats
    """(N, D); zeros where absent."""
    seen: Floats
    """(N, C + 1 + K): the rows without the groups' shifts, turned back to class, tone and signs; zeros where absent."""
    spread: Floats
    """(N,) standard deviation of the noise."""
    present: Mask
    """(N,)."""


def codes(classes: int) -> Floats:
    """(C, K) signs: rows of a Hadamard matrix without its constant column, so that any two differ in (K + 1) / 2."""
    size = 1 << (classes - 1).bit_length()
    parity = [[(c & k).bit_count() % 2 for k in range(1, size)] for c in range(classes)]
    return 1.0 - 2.0 * np.array(parity)


def some(stream: np.random.Generator, rows: int, rate: float) -> Mask:
    """(N,): true in exactly round(rate x N) rows, which stay true when the rate grows."""
    return stream.permutation(rows) < round(rate * rows)


def hide(draw: Draw, rows: int, classes: int, *, imbalance: float, label_noise: float, units: int) -> Hidden:
    """Draw the samples. Class sizes are exact, in shuffled order; groups are of equal size."""
    sizes = draw("sizes").permutation(imbalance ** -(np.arange(classes) / (classes - 1)))
    edges = np.round(sizes.cumsum() / sizes.sum() * rows)
    clean = np.searchsorted(edges, draw("classes").permutation(rows), side="right").astype(np.int64)
    wrong = (clean + draw("wrong").integers(1, classes, rows)) % classes
    return Hidden(
        clean=clean,
        labels=np.where(some(draw("label noise"), rows, label_noise), wrong, clean),
        tone=draw("tone").normal(size=rows),
        coins=draw("coins").choice([-1.0, 1.0], (rows, codes(classes).shape[1])),
        unit=draw("groups").permutation(rows) % units,
    )


def marks(look: Look, classes: int) -> int:
    """How many directions of the features carry something: C for the class, 1 for the tone, K for the signs."""
    if look.signs:
        return classes + 1 + len(codes(classes).T)
    return classes + 1 if look.length else 0


def show(draw: Draw, hidden: Hidden, classes: int, look: Look) -> View:
    """Draw one modality: marks along hidden orthogonal directions, noise, a shift for each group, absent rows."""
    rows, used = len(hidden.clean), marks(look, classes)
    signs = hidden.coins * codes(classes)[hidden.clean] if look.turned else hidden.coins
    shown = np.hstack(
        [look.length * np.eye(classes)[hidden.clean], look.length * hidden.tone[:, None], look.signs * signs]
    )
    axes = np.linalg.qr(draw("axes").normal(size=(used, look.width)).T)[0].T
    drowned = look.noise_scale * some(draw("noisy"), rows, look.noisy)
    noise = draw("noise").normal(size=(rows, look.width))
    noise += drowned[:, None] * draw("added noise").normal(size=(rows, look.width))
    present = ~some(draw("missing"), rows, look.missing)
    plain = (shown[:, :used] @ axes + noise) * present[:, None]
    seen = np.zeros_like(shown)
    seen[:, :used] = plain @ axes.T
    shifts = look.offset * draw("shifts").normal(size=(int(hidden.unit.max()) + 1, look.width))
    return View(plain + shifts[hidden.unit] * present[:, None], seen, np.hypot(1.0, drowned), present)


def unroll(draw: Draw, view: View, steps: int) -> tuple[Floats, Ints]:
    """(N, T, D) frames whose mean over the valid ones is the view's row, and their numbers (N,), from T/2 to T."""
    stream, rows = draw("frames"), view.rows
    lengths = stream.integers((steps + 1) // 2, steps + 1, len(rows))
    valid = (np.arange(steps) < lengths[:, None])[..., None] & view.present[:, None, None]
    jitter = stream.normal(size=(len(rows), steps, rows.shape[1])) * valid
    jitter -= jitter.sum(axis=1, keepdims=True) / lengths[:, None, None]
    return (rows[:, None, :] + jitter) * valid, lengths


def ceiling(
    hidden: Hidden, classes: int, views: Mapping[str, View], looks: Mapping[str, Look], *, interaction: bool = True
) -> float:
    """Accuracy, on the labels, of the class of the highest posterior that follows from `views`."""
    counts = np.bincount(hidden.clean, minlength=classes)
    score = np.tile(np.log(np.maximum(counts, 1e-9)), (len(hidden.clean), 1))
    evidence = {name: view.seen / view.spread[:, None] ** 2 for name, view in views.items()}
    for name, weighed in evidence.items():
        score += looks[name].length * weighed[:, :classes]
    signed = [looks[name].signs * e[:, classes + 1 :] for name, e in evidence.items() if looks[name].signs]
    if interaction and len(signed) == 2:  # noqa: PLR2004 - a pair
        both = signed[0][:, None, :] + codes(classes) * signed[1][:, None, :]
        score += np.logaddexp(both, -both).sum(axis=2)
    return float((score.argmax(axis=1) == hidden.labels).mean())
