"""BF1xx: the file. YAML, keys, includes, names."""

from __future__ import annotations

from .code import Code

CODES = (
    Code(
        "BF101",
        "the file is not valid YAML",
        "The parser cannot tell what was meant, so nothing after this place is read.",
        "seeds: [1, 2",
        "Close what is open in the line that is named; indent with spaces, not with tabs.",
    ),
    Code(
        "BF102",
        "a feature of YAML that a study does not use",
        "Anchors, aliases, tags, merge keys and further documents make a file say something else than it shows, or "
        "build "
        "objects. A study is plain: mappings, lists, words and numbers.",
        "seeds: !!int 2",
        "Write the value out, or put what is shared into a file of its own and `include` it.",
    ),
    Code(
        "BF103",
        "a key stands twice",
        "YAML would silently keep one of the two.",
        "seeds: 2\nseeds: 3",
        "Remove one.",
    ),
    Code(
        "BF104",
        "a key is no word",
        "Keys name settings and parts; a bare number, `true` or a list is none. A name that looks like a number has to "
        "be quoted.",
        "baseline: {losses: {1: mse}}",
        'Quote it: `"1"`.',
    ),
    Code(
        "BF105",
        "too large or too deep for a study",
        "Limits keep a damaged or hostile file from filling the memory: 1 MiB, 64 levels, 100 included files, "
        "numbers of "
        "300 digits.",
        f"seeds: {'[' * 70}{']' * 70}",
        "Put data into files of their own; a study only names them.",
    ),
    Code(
        "BF106",
        "the file cannot be read",
        "There is no such file, it may not be opened, or it is not UTF-8.",
        "include: other/place.yaml",
        "Look at the path, which starts from the folder of the file that names it; save the file as UTF-8.",
    ),
    Code(
        "BF107",
        "the file is no mapping",
        "A study begins with keys such as `study`, `dataset` and `baseline`.",
        "- study\n- dataset",
        "Begin with `study: NAME`.",
    ),
    Code(
        "BF108",
        "nothing of that name can be included",
        "A bare word is a preset that comes with butfor, or a file of that very name; a path is a file.",
        "include: v4_as_plant",
        "Take one of the presets that are named, or give the file with its ending: `./common.yaml`.",
    ),
    Code(
        "BF109",
        "a file includes itself",
        "Directly or through others, so that there is no first layer to start from.",
        "include: example.yaml",
        "Remove the `include` in one of the files.",
    ),
    Code(
        "BF110",
        "a key is missing that every study needs",
        "`study` names the folder of the results, `dataset` says on what, `baseline` says which system is the full "
        "one.",
        "study: example\ninclude: []\ndataset: planted",
        "Add the key, in this file or in one that it includes.",
    ),
    Code(
        "BF111",
        "unknown key",
        "A key that nothing reads would be a switch that does nothing.",
        "seedz: 5",
        "Take the nearest key, which the message names, or remove it.",
    ),
    Code(
        "BF112",
        "a key at the wrong level",
        "The system stands in `baseline`; the data, the splits, the seeds and the designs beside it.",
        "fusion: mean",
        "Move it in or out, as the message says.",
    ),
    Code(
        "BF113",
        "a name that cannot be used",
        "Names of studies and designs become names of folders and files, on every system.",
        "study: a/b\ninclude: base.yaml",
        "Begin with a letter or digit; use letters, digits, space, `-`, `_` and `.`, at most 80 of them.",
    ),
    Code(
        "BF114",
        "a Python value that cannot stand in a study",
        "A study written in Python holds what the file could hold: mappings, lists, words, numbers, and specs.",
        "Study.from_settings({'study': 'example', 'seeds': {1, 2}}, catalogue)",
        "Make it a list, a number, a text, or a spec of a part.",
    ),
    Code(
        "BF115",
        "`seeds` is no number of seeds and no list of them",
        "`seeds: 5` trains the seeds 0 to 4; `seeds: [3, 7]` trains those two.",
        "seeds: -1",
        "Write a whole number of at least 1, or a list of whole numbers of at least 0.",
    ),
    Code(
        "BF116",
        "two seeds are equal",
        "Equal seeds give equal runs, bit for bit. Counted twice they would make any spread look smaller than it is.",
        "seeds: [1, 2, 1]",
        "Remove one of them.",
    ),
    Code(
        "BF117",
        "a plugin file cannot be loaded",
        "A file named under `plugins` does not exist, is no Python, or fails while it is imported.",
        "plugins: [./not_there.py]",
        "Look at the path, which starts from the folder of the study; run the file with Python to see the failure.",
    ),
    Code(
        "BF118",
        "an installed plugin could not be imported",
        "A package offers parts through an entry point and fails while it is imported. The others are used; a study "
        "that "
        "names one of its parts is refused.",
        "# a package whose module raises ImportError",
        "Import it with Python to see the failure; mend it, or uninstall it.",
        "warning",
    ),
)
