"""Fuzz the reader of studies: bytes, then structure. Each file is a study, or findings with places.

    python tests/soak/soak_fuzz.py --bytes 10000 --studies 10000 --seed 0

The suite runs a short count of the same (`tests/security/test_fuzz.py`). Every case follows from its seed: to see one
again, `--seed N --bytes 1 --studies 0`, with N as it was printed.
"""

from __future__ import annotations

import argparse
import copy
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from butfor.core.errors import Finding, PluginError, StudyError
from butfor.core.study.layers import load_text
from butfor.core.study.study import Study, declared_plugins
from butfor.registry import assemble

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from butfor.core.catalogue import Catalogue

ROOT = Path(__file__).resolve().parents[2]
MOST_TRIALS = 1000
"""Larger studies are refused, so that a case stays short."""
SLOW = 20.0
"""Seconds after which a case counts as hanging."""
TOKENS = [
    *(
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "- ",
        "? ",
        "&a ",
        "*a",
        "!!int ",
        "!x ",
        "|",
        ">",
        "'",
        '"',
        "%",
        "@",
        "`",
        "#",
        "\n",
    ),
    *(
        "<<: ",
        "---\n",
        "...\n",
        "\t",
        "    ",
        "\\",
        '"\\U00110000"',
        '"\\e[31m"',
        "\x00",
        "\x1b",
        "\x7f",
        "\x85",
        "\u202e",
    ),
    *(
        "\ufeff",
        "\ud800",
        "\U0001f600",
        "e\u0301",
        "~",
        "null",
        "true",
        "no",
        "1e-4",
        "0x1f",
        "0o7",
        ".inf",
        ".nan",
        "1_000",
    ),
    *("9" * 30, "9" * 400, "1e9999", "-0", "keep", "all", "name: ", "include: .\n", "plugins: [x]\n", "é" * 300),
]
STRANGE: list[object] = [
    *(
        None,
        True,
        False,
        0,
        -1,
        3,
        10**20,
        1e9,
        -0.0,
        float("inf"),
        float("nan"),
        "",
        " ",
        ".",
        "..",
        "../x",
        "/etc/passwd",
    ),
    *(
        "keep",
        "all",
        "concat",
        "mlp",
        "text",
        "1e-4",
        "no",
        "NULL",
        "a.b.c",
        "<script>",
        "=1+1",
        "[red]",
        "\x1b[31m",
        "\u202e",
    ),
    *([], {}, [None], [[]], {"name": None}, {"name": "nope"}, {"name": ["x"]}, {"": 1}, {".": 1}, {"losses.": 3}, [{}]),
    *({"a": {}}, {"label": "x"}, {"set": {}}, {"train": 3}, {"losses": None}, {"encoder": {"text": "mlp"}}, "x" * 5000),
    *(
        {"dataset.modalities": ["a"]},
        {"dataset": None},
        {"splits": "official"},
        [1, "a", None],
        {"name": "mean", "x": 1},
    ),
]

EVERY_DESIGN = b"""\
study: every-design
dataset: {name: planted, rows: 200, features: 8, classes: 3, groups: 8}
splits: {folds: 2, by: group}
seeds: [0, 3]
baseline:
  encoder: {name: variational_mlp, width: 8, dropout: 0.1}
  fusion: {name: proxy_attention, proxy: {name: gated_uncertainty, gate_alpha: 0.5}}
  modality_dropout: {rate: 0.2, warmup: 20}
  losses:
    emotion: {name: focal, gamma: 2.0}
    kl: {name: kl_prior, weight: 0.01, warmup: {start: 1, ramp: 4}}
    contrastive: {name: info_nce, weight: 0.1}
  train: {epochs: 2, lr: 1e-3, select: weighted_f1}
ablations:
  parts: {leave_one_out: [losses.contrastive, modality_dropout]}
  named: {leave_one_out: {without gate: {fusion.proxy: uncertainty}}}
  grid:
    factorial: {losses.contrastive: [keep, null], losses.contrastive.temperature: [0.1, 0.2]}
    when: {temperature: {contrastive: keep}}
    exclude: [{temperature: 0.1, contrastive: null}]
  sizes: {subsets: {sizes: [1]}}
  some: {subsets: [[text, audio]]}
  values: {one_at_a_time: {fusion: {A: concat}, encoder.width: [{value: 16, label: x}]}}
  pairs: {zip: {train.lr: [0.1, 0.2], train.batch_size: [2, 3]}}
  steps: {from: {losses.kl: null}, ladder: [{+ kl: {losses.kl: keep}}, {set: {train.lr: 1}}]}
  points: {cells: [{label: a, set: {encoder: mlp, fusion: concat, losses.kl: null}}]}
tables: [{design: grid, decimals: 2, caption: "Two by two"}]
"""
FEATURES = b"""\
study: features
dataset:
  name: features
  path: data.npz
  modalities: {text: bert, audio: {array: covarep, lengths: auto, present: has_audio}, video: [face_*, pose]}
  task: {emotion: label, valence: {array: score, kind: values, span: 3}}
  groups: video_id
splits: official
baseline:
  encoder: {text: mlp, audio: lstm, video: mlp}
  fusion: mean
  losses: {emotion: {name: cross_entropy, class_weights: [1, 2.5]}, valence: mse}
ablations: {encoders: {one_at_a_time: {encoder.text.dropout: [0.1, 0.2]}}, modalities: {subsets: all}}
"""


@dataclass
class Tally:
    """What came out."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    slowest: float = 0.0

    def take(self, seed: int, kind: str, call: Callable[[], tuple[Finding, ...]]) -> None:
        """Run one case. A failure is anything but a study or findings that each have words and a place."""
        started = time.process_time()
        try:
            findings = call()
        except Exception:  # noqa: BLE001 - a traceback is what is looked for
            self.counts[f"{kind} tracebacks"] += 1
            self.failures.append(f"{kind} seed {seed}:\n{traceback.format_exc()}")
            return
        took = time.process_time() - started
        self.slowest = max(self.slowest, took)
        self.counts[f"{kind} refused" if findings else f"{kind} accepted"] += 1
        self.counts[f"{kind} findings"] += len(findings)
        lost = [finding for finding in findings if not (finding.message and finding.line and finding.column)]
        if lost:
            self.counts[f"{kind} without a place"] += 1
            self.failures.append(f"{kind} seed {seed}: no place: {lost[0]!r}")
        if took > SLOW:
            self.failures.append(f"{kind} seed {seed}: {took:.1f} s")


def findings_of(content: bytes, catalogue: Catalogue, folder: Path) -> tuple[Finding, ...]:
    """What is wrong with a file of that content; nothing for a study."""
    path = folder / "study.yaml"
    path.write_bytes(content)
    try:
        text = load_text(path)
        declared_plugins(text, str(path))
        Study.parse(text, catalogue, str(path), max_trials=MOST_TRIALS).plan().model_dump_json()
    except StudyError as error:
        return error.findings or (Finding("a StudyError without findings"),)
    except PluginError as error:
        return (Finding(f"a PluginError: {error}"),)
    return ()


@cache
def samples() -> tuple[bytes, ...]:
    """Studies that are right: those that ship, and the blocks of the documentation."""
    files = [
        ROOT / "ablations.yaml",
        *(ROOT / "examples").glob("*.yaml"),
        *(ROOT / "plugins" / "presets").glob("*.yaml"),
    ]
    blocks = (ROOT / "docs" / "language.md").read_text().split("```yaml\n")[1:]
    read = (file.read_bytes() for file in sorted(files))
    return (EVERY_DESIGN, FEATURES, *read, *(block.split("```")[0].encode() for block in blocks))


@cache
def trees() -> tuple[dict[str, object], ...]:
    """The samples that are whole studies by themselves, as values."""
    catalogue = assemble()
    with tempfile.TemporaryDirectory() as folder:
        whole = [sample for sample in samples() if not findings_of(sample, catalogue, Path(folder))]
    return tuple(yaml.safe_load(sample) for sample in whole)


def fuzzed_bytes(seed: int) -> bytes:
    """A study with some bytes changed, cut, doubled or put in; every tenth is noise from end to end."""
    chance = random.Random(seed)
    if chance.random() < 0.1:
        pieces = chance.choices([t.encode(errors="surrogatepass") for t in TOKENS], k=chance.randrange(1, 60))
        return b"".join(pieces) if chance.random() < 0.5 else chance.randbytes(chance.randrange(1, 400))
    content = bytearray(chance.choice(samples()))
    for _ in range(chance.randrange(1, 9)):
        place, end = sorted((chance.randrange(len(content) + 1), chance.randrange(len(content) + 1)))
        end = min(end, place + chance.choice((1, 4, 40, 400)))
        kind = chance.randrange(5)
        if kind == 0 and content:
            content[place % len(content)] ^= 1 << chance.randrange(8)
        elif kind == 1:
            content[place:place] = chance.choice(TOKENS).encode(errors="surrogatepass")
        elif kind == 2:
            del content[place:end]
        elif kind == 3:
            content[place:place] = content[place:end] * chance.choice((1, 2, 50))
        else:
            content[place:end] = chance.randbytes(chance.randrange(1, 6))
        content = content or bytearray(b"a")
    return bytes(content)


def spots(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The path of everything inside a value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in inside:
        yield (*path, key)
        yield from spots(child, (*path, key))


def fuzzed_study(seed: int) -> bytes:
    """A study whose values were replaced, moved, renamed, nested or taken out, a few at a time."""
    chance = random.Random(seed)
    tree = copy.deepcopy(chance.choice(trees()))
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        paths = list(spots(tree))
        if not paths:
            break
        path = chance.choice(paths)
        around = _at(tree, path[:-1])
        _change(chance, around, path[-1], _at(tree, chance.choice(paths)))
    dumped = yaml.safe_dump(
        tree, sort_keys=False, allow_unicode=True, default_flow_style=chance.choice((True, False, None))
    )
    return dumped.encode(errors="surrogatepass")


def _change(chance: random.Random, around: dict | list, key: str | int, other: object) -> None:
    kind = chance.randrange(6)
    if kind == 0:
        del around[key]
    elif kind == 1:
        around[key] = copy.deepcopy(other)
    elif kind == 2 and isinstance(around, dict):
        word = chance.choice(
            [str(s) for s in STRANGE if isinstance(s, str)] + [f"{key}s", f"{key}.width", str(key)[:-1]]
        )
        around[word] = around.pop(key)
    elif kind == 3:
        around[key] = [around[key]] * chance.choice((1, 2, 30))
    elif kind == 4:
        around[key] = {chance.choice(("name", "label", "set", "value", "x")): around[key]}
    else:
        around[key] = copy.deepcopy(chance.choice(STRANGE))


def _at(tree: object, path: tuple[str | int, ...]) -> object:
    for key in path:
        tree = tree[key]
    return tree


def fuzz(num_bytes: int, num_studies: int, seed: int, told: Callable[[str], object] = lambda _: None) -> Tally:
    """So many cases of each kind, from `seed` on."""
    tally, catalogue = Tally(), assemble()
    with tempfile.TemporaryDirectory() as folder:
        for kind, number, make in (("bytes", num_bytes, fuzzed_bytes), ("studies", num_studies, fuzzed_study)):
            for case in range(seed, seed + number):
                content = make(case)
                tally.take(case, kind, partial(findings_of, content, catalogue, Path(folder)))
                if (case - seed) % 1000 == 999:
                    told(f"{kind}: {case - seed + 1} of {number}, {len(tally.failures)} failures")
    return tally


def main() -> int:
    """Run it, and print one line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--bytes", type=int, default=10_000, help="files with damaged bytes")
    parser.add_argument("--studies", type=int, default=10_000, help="files with damaged structure")
    parser.add_argument("--seed", type=int, default=0, help="of the first case of each kind")
    asked = parser.parse_args()
    started = time.monotonic()
    tally = fuzz(asked.bytes, asked.studies, asked.seed, lambda line: sys.stderr.write(f"{line}\n"))
    for failure in tally.failures[:20]:
        sys.stderr.write(f"{failure}\n")
    counts = ", ".join(f"{name} {number}" for name, number in sorted(tally.counts.items()))
    what = f"fuzz: {asked.bytes} + {asked.studies} files from seed {asked.seed}: {len(tally.failures)} failures"
    times = f"slowest {tally.slowest:.2f} s; {time.monotonic() - started:.0f} s in all"
    sys.stdout.write(f"{what}; {counts}; {times}\n")
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
