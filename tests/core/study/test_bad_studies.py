"""Studies that are wrong, and what is said of each: the place, the path, what is wrong and what would be right."""

# ruff: noqa: E501 - each message stands as it is printed

import pytest

from butfor.core.errors import StudyError

CASES = [
    (
        "a bracket that is not closed",
        (
            "change",
            "seeds: 2",
            "seeds: [2",
        ),
        [
            "study.yaml:5:9: not valid YAML: expected ',' or ']', but got ':' while parsing a flow sequence that began in line 4 [BF101]"
        ],
    ),
    (
        "a tab",
        (
            "change",
            "  train: {",
            "\ttrain: {",
        ),
        [
            "study.yaml:13:1: not valid YAML: found character '\\t' that cannot start any token while scanning for the next token; indent with spaces [BF101]"
        ],
    ),
    (
        "a control character",
        (
            "change",
            "demo",
            "de\x07mo",
        ),
        ["study.yaml:1:10: not valid YAML: character '\\x07' is not allowed [BF101]"],
    ),
    (
        "an anchor",
        (
            "change",
            "seeds: 2",
            "seeds: &a 2",
        ),
        ["study.yaml:4:8: anchors (&a) are not read; write the value out, or use `include` [BF102]"],
    ),
    (
        "an alias",
        (
            "change",
            "seeds: 2",
            "seeds: *a",
        ),
        ["study.yaml:4:8: aliases (*a) are not read; write the value out, or use `include` [BF102]"],
    ),
    (
        "a tag",
        (
            "change",
            "seeds: 2",
            "seeds: !!int 2",
        ),
        ["study.yaml:4:8: tags (!!int) are not read; remove it [BF102]"],
    ),
    (
        "a key that stands twice",
        (
            "change",
            "seeds: 2",
            "seeds: 2\nseeds: 3",
        ),
        ["study.yaml:5:1: 'seeds' stands here twice; first in line 4; remove one [BF103]"],
    ),
    (
        "a merge key",
        (
            "change",
            "seeds: 2",
            "<<: {seeds: 2}",
        ),
        ["study.yaml:4:1: merge keys (<<) are not read; use `include` [BF102]"],
    ),
    (
        "two documents",
        (
            "append",
            "---\nstudy: b\n",
        ),
        ["study.yaml:14:1: a study is one YAML document; this begins a second one [BF102]"],
    ),
    (
        "a key that is a number",
        (
            "change",
            "seeds: 2",
            "1: 2",
        ),
        ["study.yaml:4:1: a key must be a word, not 1; quote it [BF104]"],
    ),
    (
        "a key that is true",
        (
            "change",
            "seeds: 2",
            "true: 2",
        ),
        ["study.yaml:4:1: a key must be a word, not true; quote it [BF104]"],
    ),
    (
        "a key that is a list",
        (
            "change",
            "seeds: 2",
            "? [a]\n: 2",
        ),
        ["study.yaml:4:3: a key must be a word, not a list or mapping; quote it [BF104]"],
    ),
    (
        "three problems of YAML at once",
        (
            "change",
            "seeds: 2",
            "seeds: !!int 2\nseeds: &a 3\n1: 2",
        ),
        [
            "study.yaml:4:8: tags (!!int) are not read; remove it [BF102]",
            "study.yaml:5:1: 'seeds' stands here twice; first in line 4; remove one [BF103]",
            "study.yaml:5:8: anchors (&a) are not read; write the value out, or use `include` [BF102]",
            "study.yaml:6:1: a key must be a word, not 1; quote it [BF104]",
        ],
    ),
    (
        "deep nesting",
        (
            "text",
            "study: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n",
        ),
        ["study.yaml:1:71: nested deeper than 64 levels [BF105]"],
    ),
    (
        "nothing at all",
        (
            "text",
            "",
        ),
        [
            "study.yaml:1:1: `dataset` is missing [BF110]",
            "study.yaml:1:1: `study` is missing; name the study, such as `study: my-study` [BF110]",
            "study.yaml:1:1: `baseline` is missing [BF110]",
        ],
    ),
    (
        "a list",
        (
            "text",
            "[1, 2]",
        ),
        ["study.yaml:1:1: a study is a mapping of keys such as `baseline` and `ablations` [BF107]"],
    ),
    (
        "an unknown key at the top",
        (
            "change",
            "seeds: 2",
            "seedz: 2",
        ),
        ["study.yaml:4:1: seedz: unknown key; did you mean 'seeds'? [BF111]"],
    ),
    (
        "a key that is far from all",
        (
            "append",
            "xyz: {}\n",
        ),
        [
            "study.yaml:14:1: xyz: unknown key; known: 'study', 'include', 'plugins', 'dataset', 'splits', 'seeds', 'baseline', 'ablations', 'evaluate', 'tables' [BF111]"
        ],
    ),
    (
        "no name",
        (
            "change",
            "study: demo\n",
            "",
        ),
        ["study.yaml:1:1: `study` is missing; name the study, such as `study: my-study` [BF110]"],
    ),
    (
        "a name that is a number",
        (
            "change",
            "study: demo",
            "study: 2024",
        ),
        ["study.yaml:1:8: study: expected text, got 2024; quote it [BF202]"],
    ),
    (
        "a name that leaves the folder",
        (
            "change",
            "study: demo",
            "study: ../demo",
        ),
        [
            "study.yaml:1:8: study: '../demo' must begin with a letter or digit, and hold only letters, digits, space, `-`, `_` and `.` [BF113]"
        ],
    ),
    (
        "no data set",
        (
            "change",
            "dataset: {name: toy}\n",
            "",
        ),
        ["study.yaml:1:1: `dataset` is missing [BF110]"],
    ),
    (
        "an unknown data set",
        (
            "change",
            "{name: toy}",
            "{name: toys}",
        ),
        ["study.yaml:2:17: dataset: unknown dataset 'toys'; did you mean 'toy'? [BF205]"],
    ),
    (
        "an unknown setting of the data set",
        (
            "change",
            "{name: toy}",
            "{name: toy, row: 3}",
        ),
        ["study.yaml:2:22: dataset.row: unknown setting; did you mean 'rows'? [BF201]"],
    ),
    (
        "a wrong setting of the data set",
        (
            "change",
            "{name: toy}",
            "{name: toy, rows: 2}",
        ),
        ["study.yaml:2:28: dataset.rows: expected a whole number of at least 4, got 2 [BF203]"],
    ),
    (
        "a data set that is null",
        (
            "change",
            "{name: toy}",
            "null",
        ),
        ["study.yaml:2:10: dataset: cannot be removed; choose another dataset [BF207]"],
    ),
    (
        "an unknown scheme of splits",
        (
            "change",
            "{folds: 5}",
            "kfolds",
        ),
        [
            "study.yaml:3:9: splits: expected one of 'official', 'holdout', 'kfold', 'leave_one_group_out', got 'kfolds'; did you mean 'kfold'? [BF204]"
        ],
    ),
    (
        "splits that nothing reads",
        (
            "change",
            "{folds: 5}",
            "{scheme: official, folds: 5}",
        ),
        [
            "study.yaml:3:1: splits: `folds` would not be read: scheme `official` reads `scheme`, `validation`, `parts`, `seed` [BF208]"
        ],
    ),
    (
        "seeds that are a word",
        (
            "change",
            "seeds: 2",
            "seeds: two",
        ),
        ["study.yaml:4:8: seeds: expected a number of seeds of at least 1, or a list of seeds, got 'two' [BF115]"],
    ),
    (
        "no seeds",
        (
            "change",
            "seeds: 2",
            "seeds: 0",
        ),
        ["study.yaml:4:8: seeds: expected a number of seeds of at least 1, or a list of seeds, got 0 [BF115]"],
    ),
    (
        "seeds that are true",
        (
            "change",
            "seeds: 2",
            "seeds: true",
        ),
        ["study.yaml:4:8: seeds: expected a number of seeds of at least 1, or a list of seeds, got true [BF115]"],
    ),
    (
        "a seed twice",
        (
            "change",
            "seeds: 2",
            "seeds: [1, 2, 1]",
        ),
        ["study.yaml:4:15: seeds: seed 1 stands here twice [BF116]"],
    ),
    (
        "a negative seed",
        (
            "change",
            "seeds: 2",
            "seeds: [1, -2]",
        ),
        ["study.yaml:4:12: seeds: expected a whole number of at least 0, got -2 [BF115]"],
    ),
    (
        "no baseline",
        (
            "text",
            "study: demo\ndataset: {name: toy}\n",
        ),
        ["study.yaml:1:1: `baseline` is missing [BF110]"],
    ),
    (
        "a baseline that is a list",
        (
            "text",
            "study: demo\ndataset: {name: toy}\nsplits: {folds: 5}\nseeds: 2\nbaseline: [a]\n",
        ),
        ["study.yaml:5:11: baseline: expected a mapping, got ['a'] [BF202]"],
    ),
    (
        "an unknown key in the baseline",
        (
            "change",
            "  fusion:",
            "  fusoin:",
        ),
        [
            "study.yaml:5:1: baseline: `fusion` is missing [BF206]",
            "study.yaml:7:3: baseline.fusoin: unknown key; did you mean 'fusion'? [BF111]",
        ],
    ),
    (
        "keys of the top in the baseline",
        (
            "change",
            "  fusion:",
            "  seeds: 3\n  dataset: toy\n  fusion:",
        ),
        [
            "study.yaml:7:3: baseline.seeds: `seeds` stands beside `baseline`, not in it; move it out [BF112]",
            "study.yaml:8:3: baseline.dataset: `dataset` stands beside `baseline`, not in it; move it out [BF112]",
        ],
    ),
    (
        "a key of the baseline at the top",
        (
            "append",
            "fusion: concat\n",
        ),
        ["study.yaml:14:1: fusion: `fusion` stands in `baseline`, not beside it; move it in [BF112]"],
    ),
    (
        "no fusion",
        (
            "change",
            "  fusion: {name: proxy, proxy: {name: gated, gate_alpha: 0.4}}\n",
            "",
        ),
        ["study.yaml:5:1: baseline: `fusion` is missing [BF206]"],
    ),
    (
        "an unknown fusion",
        (
            "change",
            "fusion: {name: proxy, proxy: {name: gated, gate_alpha: 0.4}}",
            "fusion: {name: gatd}",
        ),
        ["study.yaml:7:18: fusion: unknown fusion 'gatd'; did you mean 'gated'? [BF205]"],
    ),
    (
        "an unknown fusion as a word",
        (
            "change",
            "fusion: {name: proxy, proxy: {name: gated, gate_alpha: 0.4}}",
            "fusion: gatd",
        ),
        ["study.yaml:7:11: fusion: unknown fusion 'gatd'; did you mean 'gated'? [BF205]"],
    ),
    (
        "an encoder for a fusion",
        (
            "change",
            "fusion: {name: proxy, proxy: {name: gated, gate_alpha: 0.4}}",
            "fusion: mlp",
        ),
        ["study.yaml:7:11: fusion: unknown fusion 'mlp'; 'mlp' is a plugin of kind encoder [BF205]"],
    ),
    (
        "a fusion that is null",
        (
            "change",
            "fusion: {name: proxy, proxy: {name: gated, gate_alpha: 0.4}}",
            "fusion: null",
        ),
        ["study.yaml:7:11: fusion: cannot be removed; choose another fusion [BF207]"],
    ),
    (
        "a fusion that is a number",
        (
            "change",
            "fusion: {name: proxy, proxy: {name: gated, gate_alpha: 0.4}}",
            "fusion: 3",
        ),
        [
            "study.yaml:7:11: fusion: expected the name of a fusion, or a mapping with `name`; known: 'aligned', 'concat', 'gated', 'low_rank', 'proxy', 'uncertainty' [BF202]"
        ],
    ),
    (
        "a fusion without name",
        (
            "change",
            "fusion: {name: proxy, proxy: {name: gated, gate_alpha: 0.4}}",
            "fusion: {heads: 4}",
        ),
        [
            "study.yaml:7:3: fusion: expected the name of a fusion, or a mapping with `name`; known: 'aligned', 'concat', 'gated', 'low_rank', 'proxy', 'uncertainty' [BF202]"
        ],
    ),
    (
        "an unknown setting inside a component",
        (
            "change",
            "gate_alpha: 0.4",
            "gate_alhpa: 0.4",
        ),
        ["study.yaml:7:46: fusion.proxy.gate_alhpa: unknown setting; did you mean 'gate_alpha'? [BF201]"],
    ),
    (
        "a word for a number",
        (
            "change",
            "gate_alpha: 0.4",
            "temperature: hot",
        ),
        ["study.yaml:7:59: fusion.proxy.temperature: expected a number greater than 0, got 'hot' [BF202]"],
    ),
    (
        "a number out of bounds",
        (
            "change",
            "gate_alpha: 0.4",
            "gate_alpha: 1.5",
        ),
        ["study.yaml:7:58: fusion.proxy.gate_alpha: expected a number from 0 to 1, got 1.5 [BF203]"],
    ),
    (
        "an unknown component inside a component",
        (
            "change",
            "name: gated",
            "name: gate",
        ),
        ["study.yaml:7:39: fusion.proxy: unknown fusion 'gate'; did you mean 'gated'? [BF205]"],
    ),
    (
        "an inner component that is null",
        (
            "change",
            "proxy: {name: gated, gate_alpha: 0.4}",
            "proxy: null",
        ),
        ["study.yaml:7:32: fusion.proxy: cannot be removed; choose another fusion [BF207]"],
    ),
    (
        "an infinite number",
        (
            "change",
            "gate_alpha: 0.4",
            "temperature: .inf",
        ),
        ["study.yaml:7:59: fusion.proxy.temperature: expected a finite number greater than 0, got .inf [BF203]"],
    ),
    (
        "a plugin's own check",
        (
            "change",
            "name: proxy,",
            "name: proxy, heads: 3,",
        ),
        ["study.yaml:7:3: fusion: `heads` must be even [BF208]"],
    ),
    (
        "a fraction for a whole number",
        (
            "change",
            "name: proxy,",
            "name: proxy, heads: 2.5,",
        ),
        ["study.yaml:7:32: fusion.heads: expected a whole number of at least 1, got 2.5 [BF202]"],
    ),
    (
        "a whole number out of bounds",
        (
            "change",
            "name: proxy,",
            "name: proxy, heads: 0,",
        ),
        ["study.yaml:7:32: fusion.heads: expected a whole number of at least 1, got 0 [BF203]"],
    ),
    (
        "one of several types",
        (
            "change",
            "name: proxy,",
            "name: proxy, limit: nine,",
        ),
        ["study.yaml:7:32: fusion.limit: expected a number or 'none', got 'nine' [BF204]"],
    ),
    (
        "true for a number",
        (
            "change",
            "gate_alpha: 0.4",
            "temperature: true",
        ),
        ["study.yaml:7:59: fusion.proxy.temperature: expected a number, got true [BF202]"],
    ),
    (
        "a number in quotes",
        (
            "change",
            "gate_alpha: 0.4",
            "temperature: '2'",
        ),
        [
            "study.yaml:7:59: fusion.proxy.temperature: expected a number, got '2'; write it without quotes or underscores [BF202]"
        ],
    ),
    (
        "a number with underscores",
        (
            "change",
            "epochs: 20",
            "epochs: 1_000",
        ),
        [
            "study.yaml:13:19: train.epochs: expected a whole number, got '1_000'; write it without quotes or underscores [BF202]"
        ],
    ),
    (
        "no for false",
        (
            "change",
            "dropout: 0.3",
            "skip: no",
        ),
        ["study.yaml:6:31: encoder.skip: expected true or false, got 'no' [BF202]"],
    ),
    (
        "1 for true",
        (
            "change",
            "dropout: 0.3",
            "skip: 1",
        ),
        ["study.yaml:6:31: encoder.skip: expected true or false, got 1 [BF202]"],
    ),
    (
        "an unknown setting of all encoders",
        (
            "change",
            "dropout: 0.3",
            "dropuot: 0.3",
        ),
        ["study.yaml:6:25: encoder.dropuot: unknown setting; did you mean 'dropout'? [BF201]"],
    ),
    (
        "a misspelt modality",
        (
            "change",
            "{name: vmlp, dropout: 0.3}",
            "{text: vmlp, audio: vmlp, vidoe: vmlp}",
        ),
        [
            "study.yaml:6:3: encoder: there is no encoder for modality 'video' [BF211]",
            "study.yaml:6:38: encoder.vidoe: unknown modality; did you mean 'video'? [BF209]",
        ],
    ),
    (
        "encoders of different widths",
        (
            "change",
            "{name: vmlp, dropout: 0.3}",
            "{text: vmlp, audio: {name: vmlp, width: 64}, video: vmlp}",
        ),
        [
            "study.yaml:6:52: encoder.audio.width: all encoders need one width, and these have text 128, audio 64, video 128 [BF402]"
        ],
    ),
    (
        "an encoder without variance",
        (
            "change",
            "{name: vmlp, dropout: 0.3}",
            "{text: vmlp, audio: mlp, video: vmlp}",
        ),
        [
            "study.yaml:7:18: fusion: fusion 'proxy' with 'gated' needs an encoder with a variance; 'mlp' (audio) has none [BF401]",
            "study.yaml:11:16: losses.kl: loss 'kl' needs an encoder with a variance; 'mlp' (audio) has none [BF401]",
        ],
    ),
    (
        "a modality without encoder",
        (
            "change",
            "{name: vmlp, dropout: 0.3}",
            "{text: vmlp, audio: vmlp}",
        ),
        ["study.yaml:6:3: encoder: there is no encoder for modality 'video' [BF211]"],
    ),
    (
        "encoders that are null",
        (
            "change",
            "{name: vmlp, dropout: 0.3}",
            "null",
        ),
        ["study.yaml:6:12: encoder: cannot be removed; choose another encoder [BF207]"],
    ),
    (
        "a word that is none of the choices",
        (
            "change",
            "dropout: 0.3",
            "variant: v5",
        ),
        ["study.yaml:6:34: encoder.variant: expected one of 'v4', 'deep', got 'v5' [BF204]"],
    ),
    (
        "a misspelt choice",
        (
            "change",
            "  fusion:",
            "  latent: smaple\n  fusion:",
        ),
        ["study.yaml:7:11: latent: expected one of 'mean', 'sample', got 'smaple'; did you mean 'sample'? [BF204]"],
    ),
    (
        "an unknown modality",
        (
            "change",
            "  fusion:",
            "  modalities: [text, adio]\n  fusion:",
        ),
        ["study.yaml:7:22: modalities: unknown modality 'adio'; did you mean 'audio'? [BF209]"],
    ),
    (
        "a modality twice",
        (
            "change",
            "  fusion:",
            "  modalities: [text, text]\n  fusion:",
        ),
        ["study.yaml:7:22: modalities: modality 'text' stands here twice [BF210]"],
    ),
    (
        "modalities that are a word",
        (
            "change",
            "  fusion:",
            "  modalities: text\n  fusion:",
        ),
        ["study.yaml:7:15: modalities: expected a list, got 'text' [BF202]"],
    ),
    (
        "no modalities",
        (
            "change",
            "  fusion:",
            "  modalities: []\n  fusion:",
        ),
        ["study.yaml:7:15: modalities: at least one modality must take part [BF208]"],
    ),
    (
        "no losses",
        (
            "text",
            "study: demo\ndataset: {name: toy}\nsplits: {folds: 5}\nseeds: 2\nbaseline:\n  encoder: {name: vmlp, dropout: 0.3}\n  fusion: {name: proxy, proxy: {name: gated, gate_alpha: 0.4}}\n  modality_dropout: {rate: 0.2, warmup: 20}\n  losses: {}\n",
        ),
        ["study.yaml:9:3: losses: a cell needs at least one loss term [BF403]"],
    ),
    (
        "losses that are null",
        (
            "text",
            "study: demo\ndataset: {name: toy}\nsplits: {folds: 5}\nseeds: 2\nbaseline:\n  encoder: {name: vmlp, dropout: 0.3}\n  fusion: {name: proxy, proxy: {name: gated, gate_alpha: 0.4}}\n  modality_dropout: {rate: 0.2, warmup: 20}\n  losses: null\n",
        ),
        ["study.yaml:9:11: losses: cannot be removed; choose another loss [BF207]"],
    ),
    (
        "a null for a term that is not there",
        (
            "change",
            "{name: kl, weight: 0.01}",
            "null",
        ),
        ["study.yaml:11:5: losses.kl: there is no such term to remove; known: 'emotion', 'contrastive' [BF212]"],
    ),
    (
        "a term without name",
        (
            "change",
            "{name: kl, weight: 0.01}",
            "{weight: 0.01}",
        ),
        [
            "study.yaml:11:5: losses.kl: expected the name of a loss, or a mapping with `name`; known: 'ce', 'kl', 'mse', 'nce' [BF202]"
        ],
    ),
    (
        "a negative weight",
        (
            "change",
            "weight: 0.01",
            "weight: -1",
        ),
        ["study.yaml:11:28: losses.kl.weight: expected a number of at least 0, got -1 [BF203]"],
    ),
    (
        "a word in a list of numbers",
        (
            "change",
            "{name: ce}",
            "{name: ce, class_weights: [1, two]}",
        ),
        ["study.yaml:10:44: losses.emotion.class_weights.1: expected a number, got 'two' [BF202]"],
    ),
    (
        "a word for a list",
        (
            "change",
            "{name: ce}",
            "{name: ce, class_weights: two}",
        ),
        ["study.yaml:10:40: losses.emotion.class_weights: expected a list, got 'two' [BF202]"],
    ),
    (
        "an unknown setting of training",
        (
            "change",
            "lr: 1e-3",
            "learning_rate: 1e-3",
        ),
        [
            "study.yaml:13:23: train.learning_rate: unknown setting; known: 'epochs', 'batch_size', 'optimizer', 'lr', 'weight_decay', 'momentum', 'scheduler', 'clip', 'patience', 'min_delta', 'select' [BF201]"
        ],
    ),
    (
        "a learning rate of 0",
        (
            "change",
            "lr: 1e-3",
            "lr: 0",
        ),
        ["study.yaml:13:27: train.lr: expected a number greater than 0, got 0 [BF203]"],
    ),
    (
        "an unknown scheduler as a word",
        (
            "change",
            "lr: 1e-3",
            "scheduler: plato",
        ),
        [
            "study.yaml:13:34: train.scheduler: expected one of 'plateau', 'cosine', got 'plato'; did you mean 'plateau'? [BF204]"
        ],
    ),
    (
        "an unknown scheduler",
        (
            "change",
            "lr: 1e-3",
            "scheduler: {name: plato}",
        ),
        [
            "study.yaml:13:41: train.scheduler: expected one of 'plateau', 'cosine', got 'plato'; did you mean 'plateau'? [BF204]"
        ],
    ),
    (
        "an unknown setting of a scheduler",
        (
            "change",
            "lr: 1e-3",
            "scheduler: {name: plateau, patienc: 3}",
        ),
        ["study.yaml:13:50: train.scheduler.patienc: unknown setting; did you mean 'patience'? [BF201]"],
    ),
    (
        "a scheduler without name",
        (
            "change",
            "lr: 1e-3",
            "scheduler: {patience: 3}",
        ),
        ["study.yaml:13:34: train.scheduler: expected a mapping with `name`, got a mapping with patience [BF202]"],
    ),
    (
        "a word for clipping",
        (
            "change",
            "lr: 1e-3",
            "clip: hard",
        ),
        ["study.yaml:13:29: train.clip: expected a mapping, got 'hard' [BF202]"],
    ),
    (
        "settings that do not go together",
        (
            "change",
            "rate: 0.2",
            "probabilities: {text: .3}",
        ),
        ["study.yaml:8:3: modality_dropout: `probabilities` are read only with `patterns: independent` [BF208]"],
    ),
    (
        "a probability above 1",
        (
            "change",
            "rate: 0.2",
            "patterns: independent, probabilities: {text: 3}",
        ),
        ["study.yaml:8:67: modality_dropout.probabilities.text: expected a number of at most 1, got 3 [BF203]"],
    ),
    (
        "four wrong tables",
        (
            "append",
            "tables:\n  - {design: basline}\n  - {design: baseline, metric: [a]}\n  - {design: baseline, decimals: 99}\n  - {metrics: [a]}\n",
        ),
        [
            "study.yaml:15:14: tables.0.design: unknown design 'basline'; did you mean 'baseline'? [BF313]",
            "study.yaml:16:24: tables.1.metric: unknown setting; did you mean 'metrics'? [BF201]",
            "study.yaml:17:34: tables.2.decimals: expected a whole number from 0 to 8, got 99 [BF203]",
            "study.yaml:18:5: tables.3: `design` is missing [BF206]",
        ],
    ),
    (
        "tables whose layout, format or reference is wrong",
        (
            "append",
            (
                "tables:\n  - {design: baseline, layout: sweeep}\n  - {design: baseline, format: {spred: sd}}\n"
                "  - {design: baseline, format: {spread: std}}\n  - {design: baseline, costs: [flop]}\n"
                "  - {design: baseline, reference: [{label: A, values: {a: 1}}]}\n"
                "  - {design: baseline, decimals: 1, format: {decimals: 2}}\n"
                "  - {design: baseline, along: columns}\n"
                "  - {design: baseline, layout: factorial}\n"
                "  - {design: baseline, layout: sweep}\n"
                "  - {design: baseline, layout: robustness}\n"
                "  - {design: baseline, factor: fusion}\n"
                "  - {design: baseline, reference: [{label: A, values: {a: 1}, source: B, split: valid}]}\n"
            ),
        ),
        [
            "study.yaml:15:32: tables.0.layout: expected one of 'auto', 'components', 'comparison', 'sweep', 'factorial', 'robustness', got 'sweeep'; did you mean 'sweep'? [BF204]",
            "study.yaml:16:33: tables.1.format.spred: unknown setting; did you mean 'spread'? [BF201]",
            "study.yaml:17:41: tables.2.format.spread: expected one of 'sd', 'se', 'ci', got 'std'; did you mean 'sd'? [BF204]",
            "study.yaml:18:32: tables.3.costs.0: expected one of 'parameters', 'flops', 'seconds', 'memory', got 'flop'; did you mean 'flops'? [BF204]",
            "study.yaml:19:36: tables.4.reference.0: `source` is missing [BF206]",
            "study.yaml:20:5: tables.5: `decimals` is 1 here and 2 in `format`; say it once [BF208]",
            "study.yaml:21:5: tables.6: `along` is read by the layout sweep; name it as `layout` [BF208]",
            "study.yaml:22:32: tables.7.layout: layout 'factorial' needs two factors or more, each with a level in every row; 'baseline' is a cells; take a design of kind factorial [BF320]",
            "study.yaml:23:32: tables.8.layout: layout 'sweep' needs a setting that has several numbers; 'baseline' has none; vary a number, such as `one_at_a_time: {train.lr: [0.01, 0.001]}` [BF320]",
            "study.yaml:24:32: tables.9.layout: layout 'robustness' shows tests with missing or noisy modalities, and the study has none; ask for some, such as `evaluate: {missing: {rates: [0, 0.3, 0.5]}}` [BF320]",
            "study.yaml:25:32: tables.10.factor: is read by the layouts sweep, factorial and comparison; name one of them as `layout` [BF320]",
            "study.yaml:26:81: tables.11.reference.0.split: 'A' is of the split 'valid' and cannot stand in columns of 'test'; give it a table of its own split [BF320]",
        ],
    ),
    (
        "tables that are a mapping",
        (
            "append",
            "tables: {design: baseline}\n",
        ),
        ["study.yaml:14:9: tables: expected a list of tables, got a mapping with design [BF202]"],
    ),
    (
        "a plugin that is a number",
        (
            "append",
            "plugins: [3, a.py]\n",
        ),
        ["study.yaml:14:11: plugins: expected the path of a file, got 3 [BF202]"],
    ),
    (
        "plugins that are a word",
        (
            "append",
            "plugins: a.py\n",
        ),
        ["study.yaml:14:10: plugins: expected a list of files, got 'a.py' [BF202]"],
    ),
    (
        "an unknown preset",
        (
            "append",
            "include: v4\n",
        ),
        ["study.yaml:14:10: include: unknown preset 'v4'; a file needs its ending, `.yaml` [BF108]"],
    ),
    (
        "an include that is not there",
        (
            "append",
            "include: nowhere/common.yaml\n",
        ),
        [
            "study.yaml:14:10: include: cannot read 'nowhere/common.yaml': No such file or directory; looked for nowhere/common.yaml [BF106]"
        ],
    ),
    (
        "an include that is a number",
        (
            "append",
            "include: [3]\n",
        ),
        ["study.yaml:14:11: include: expected the path of a file, the name of a preset, or a list [BF202]"],
    ),
    (
        "problems of several kinds at once",
        (
            "change",
            "fusion: {name: proxy, proxy: {name: gated, gate_alpha: 0.4}}",
            "fusion: gatd\n  latent: smaple\n  tain: 3",
        ),
        [
            "study.yaml:7:11: fusion: unknown fusion 'gatd'; did you mean 'gated'? [BF205]",
            "study.yaml:8:11: latent: expected one of 'mean', 'sample', got 'smaple'; did you mean 'sample'? [BF204]",
            "study.yaml:9:3: baseline.tain: unknown key; did you mean 'train'? [BF111]",
        ],
    ),
    (
        "designs that are a list",
        (
            "design",
            "[a]",
        ),
        ["study.yaml:15:3: ablations: expected a mapping of designs; such as {NAME: {subsets: all}} [BF304]"],
    ),
    (
        "a design that is a word",
        (
            "design",
            "c: all",
        ),
        [
            "study.yaml:15:6: ablations.c: expected a mapping with one kind of design; known: 'leave_one_out', 'one_at_a_time', 'factorial', 'ladder', 'subsets', 'zip', 'cells' [BF304]"
        ],
    ),
    (
        "a design that names a folder",
        (
            "design",
            "a/b: {subsets: all}",
        ),
        [
            "study.yaml:15:3: ablations: 'a/b' must begin with a letter or digit, and hold only letters, digits, space, `-`, `_` and `.` [BF113]"
        ],
    ),
    (
        "a design without kind",
        (
            "design",
            "c: {exclude: []}",
        ),
        [
            "study.yaml:15:3: ablations.c: no kind of design; known: 'leave_one_out', 'one_at_a_time', 'factorial', 'ladder', 'subsets', 'zip', 'cells' [BF303]"
        ],
    ),
    (
        "a misspelt kind",
        (
            "design",
            "c: {subset: all}",
        ),
        [
            "study.yaml:15:3: ablations.c: no kind of design; known: 'leave_one_out', 'one_at_a_time', 'factorial', 'ladder', 'subsets', 'zip', 'cells' [BF303]",
            "study.yaml:15:7: ablations.c.subset: unknown key; did you mean 'subsets'? [BF111]",
        ],
    ),
    (
        "two kinds in one design",
        (
            "design",
            "c: {subsets: all, cells: [{label: a, set: {train.lr: 1}}]}",
        ),
        ["study.yaml:15:3: ablations.c: 2 kinds of design in one: subsets, cells; make a design of each [BF303]"],
    ),
    (
        "an unknown key in a design",
        (
            "design",
            "c: {subsets: all, caption: x}",
        ),
        ["study.yaml:15:21: ablations.c.caption: unknown key; known: 'subsets', 'exclude', 'at' [BF111]"],
    ),
    (
        "when in a design that cannot have it",
        (
            "design",
            "c: {subsets: all, when: {a: b}}",
        ),
        ["study.yaml:15:21: ablations.c: `when` has no meaning for subsets; it belongs to factorial and zip [BF303]"],
    ),
    (
        "from in a design that cannot have it",
        (
            "design",
            "c: {subsets: all, from: {a: b}}",
        ),
        ["study.yaml:15:21: ablations.c: `from` has no meaning for subsets; it belongs to ladder [BF303]"],
    ),
    (
        "a path with an unknown root",
        (
            "design",
            "c: {one_at_a_time: {fusoin: [concat]}}",
        ),
        ["study.yaml:15:23: fusoin: unknown path; did you mean 'fusion'? [BF301]"],
    ),
    (
        "a path with an unknown term",
        (
            "design",
            "c: {one_at_a_time: {losses.contrastve.weight: [0.1, 0.2]}}",
        ),
        ["study.yaml:15:23: losses.contrastve.weight: unknown path; did you mean 'losses.contrastive.weight'? [BF301]"],
    ),
    (
        "a path with an unknown setting",
        (
            "design",
            "c: {one_at_a_time: {fusion.proxy.gate_alhpa: [0.1]}}",
        ),
        ["study.yaml:15:23: fusion.proxy.gate_alhpa: unknown path; did you mean 'fusion.proxy.gate_alpha'? [BF301]"],
    ),
    (
        "a path below a number",
        (
            "design",
            "c: {one_at_a_time: {train.lr.x: [0.1]}}",
        ),
        ["study.yaml:15:23: train.lr.x: unknown path; did you mean 'train.lr'? [BF301]"],
    ),
    (
        "a path with an unknown modality",
        (
            "design",
            "c: {one_at_a_time: {encoder.txet.width: [64]}}",
        ),
        ["study.yaml:15:23: encoder.txet.width: unknown path; did you mean 'encoder.text.width'? [BF301]"],
    ),
    (
        "a path with an unknown setting of all encoders",
        (
            "design",
            "c: {one_at_a_time: {encoder.widht: [64]}}",
        ),
        ["study.yaml:15:23: encoder.widht: unknown path; did you mean 'encoder.width'? [BF301]"],
    ),
    (
        "a path with a setting of another component",
        (
            "design",
            "c: {one_at_a_time: {fusion.proxy.score: [precision]}}",
        ),
        ["study.yaml:15:23: fusion.proxy.score: unknown path; known: 'gate_alpha', 'temperature' [BF301]"],
    ),
    (
        "a path with a gap",
        (
            "design",
            "c: {one_at_a_time: {losses..weight: [3]}}",
        ),
        ["study.yaml:15:23: losses..weight: unknown path; did you mean 'losses.kl.weight'? [BF301]"],
    ),
    (
        "a path from elsewhere",
        (
            "design",
            "c: {one_at_a_time: {learning.rate: [3]}}",
        ),
        [
            "study.yaml:15:23: learning.rate: unknown path; a path starts with dataset, splits, modalities, encoder, fusion, latent, head, modality_dropout, losses, train [BF301]"
        ],
    ),
    (
        "a word among numbers",
        (
            "design",
            "c: {one_at_a_time: {train.lr: [0.1, fast]}}",
        ),
        ["study.yaml:15:39: train.lr: expected a number greater than 0, got 'fast' [BF202]"],
    ),
    (
        "a number out of bounds in a design",
        (
            "design",
            "c: {one_at_a_time: {losses.kl.weight: [-1]}}",
        ),
        ["study.yaml:15:42: losses.kl.weight: expected a number of at least 0, got -1 [BF203]"],
    ),
    (
        "an unknown component in a design",
        (
            "design",
            "c: {one_at_a_time: {fusion: [concat, low_rnk]}}",
        ),
        ["study.yaml:15:40: fusion: unknown fusion 'low_rnk'; did you mean 'low_rank'? [BF205]"],
    ),
    (
        "a single value without list",
        (
            "design",
            "c: {one_at_a_time: {fusion: concat}}",
        ),
        [
            "study.yaml:15:31: ablations.c.one_at_a_time.fusion: expected a list of values, or a mapping of labels and values; put a single one into a list: [concat] [BF304]"
        ],
    ),
    (
        "a single component without list",
        (
            "design",
            "c: {one_at_a_time: {fusion: {name: concat}}}",
        ),
        [
            "study.yaml:15:31: ablations.c.one_at_a_time.fusion: expected a list of values, or a mapping of labels and values; put a single one into a list: [{name: ...}] [BF304]"
        ],
    ),
    (
        "an empty list of values",
        (
            "design",
            "c: {one_at_a_time: {fusion: []}}",
        ),
        [
            "study.yaml:15:31: ablations.c.one_at_a_time.fusion: expected a list of values, or a mapping of labels and values; such as [0.1, 0.5] [BF304]"
        ],
    ),
    (
        "a value twice",
        (
            "design",
            "c: {one_at_a_time: {fusion: [concat, concat]}}",
        ),
        ["study.yaml:15:40: ablations.c.one_at_a_time.fusion: the value concat stands here twice; remove one [BF309]"],
    ),
    (
        "a fusion removed",
        (
            "design",
            "c: {one_at_a_time: {fusion: [null]}}",
        ),
        ["study.yaml:15:32: fusion: cannot be removed; choose another fusion [BF207]"],
    ),
    (
        "one at a time from a list",
        (
            "design",
            "c: {one_at_a_time: [fusion]}",
        ),
        ["study.yaml:15:7: ablations.c.one_at_a_time: expected a mapping of paths and lists of values [BF304]"],
    ),
    (
        "left out though it is not there",
        (
            "design",
            "c: {leave_one_out: [losses.contrast]}",
        ),
        [
            "study.yaml:15:23: losses.contrast: there is no such term to remove; did you mean 'losses.contrastive'? [BF212]"
        ],
    ),
    (
        "left out though it must stay",
        (
            "design",
            "c: {leave_one_out: [fusion]}",
        ),
        ["study.yaml:15:23: fusion: cannot be removed; choose another fusion [BF207]"],
    ),
    (
        "left out by a word",
        (
            "design",
            "c: {leave_one_out: all}",
        ),
        [
            "study.yaml:15:7: ablations.c.leave_one_out: expected what is left out: a list of paths, or {label: {path: value}} [BF304]"
        ],
    ),
    (
        "left out by a number",
        (
            "design",
            "c: {leave_one_out: [3]}",
        ),
        ["study.yaml:15:23: ablations.c.leave_one_out: expected a path, got 3 [BF202]"],
    ),
    (
        "left out without a value",
        (
            "design",
            "c: {leave_one_out: {without kl: losses.kl}}",
        ),
        [
            "study.yaml:15:35: ablations.c.leave_one_out.without kl: expected a mapping of paths and values; such as {train.lr: 0.001} [BF304]"
        ],
    ),
    (
        "left out and still there",
        (
            "design",
            "c: {leave_one_out: {without gate: {fusion.proxy: gated}}}",
        ),
        ["study.yaml:15:23: ablations.c: 'without gate' leaves nothing out: it equals the baseline [BF307]"],
    ),
    (
        "left out nothing",
        (
            "design",
            "c: {leave_one_out: {without gate: {}}}",
        ),
        ["study.yaml:15:23: ablations.c.leave_one_out.without gate: nothing is set here [BF304]"],
    ),
    (
        "left out twice",
        (
            "design",
            "c: {leave_one_out: [losses.kl, losses.kl]}",
        ),
        ["study.yaml:15:34: ablations.c: two rows are labelled 'w/o kl'; give each a label of its own [BF308]"],
    ),
    (
        "a condition on nothing",
        (
            "design",
            "c: {factorial: {losses.contrastive: [keep, null], train.lr: [1e-3, 1e-2]}, when: {lr: {contrastve: keep}}}",
        ),
        [
            "study.yaml:15:90: ablations.c.when.lr: 'contrastve' does not vary in this design; did you mean 'contrastive'? [BF306]"
        ],
    ),
    (
        "a condition on itself",
        (
            "design",
            "c: {factorial: {losses.contrastive: [keep, null], train.lr: [1e-3, 1e-2]}, when: {lr: {lr: 1e-3}}}",
        ),
        ["study.yaml:15:90: ablations.c.when.lr: 'lr' cannot depend on itself [BF306]"],
    ),
    (
        "conditions in a circle",
        (
            "design",
            "c: {factorial: {losses.contrastive: [keep, null], train.lr: [1e-3, 1e-2]}, when: {lr: {contrastive: keep}, contrastive: {lr: 1e-3}}}",
        ),
        [
            "study.yaml:15:78: ablations.c.when: these depend on each other in a circle: losses.contrastive, train.lr [BF306]"
        ],
    ),
    (
        "an exclusion of nothing that varies",
        (
            "design",
            "c: {factorial: {losses.contrastive: [keep, null], train.lr: [1e-3, 1e-2]}, exclude: [{batch: 3}]}",
        ),
        [
            "study.yaml:15:89: ablations.c.exclude: 'batch' does not vary in this design; known: 'contrastive', 'lr', 'losses.contrastive', 'train.lr' [BF306]"
        ],
    ),
    (
        "a setting of what is removed",
        (
            "design",
            "c: {factorial: {losses.contrastive: [keep, null], losses.contrastive.temperature: [0.1, 0.2]}}",
        ),
        [
            "study.yaml:15:53: losses.contrastive.temperature: this cell has no such setting; let it vary only where it stands, with `when` [BF302]"
        ],
    ),
    (
        "an impossible combination",
        (
            "design",
            "c: {factorial: {encoder: [mlp, vmlp], fusion: [concat, uncertainty]}}",
        ),
        [
            "study.yaml:15:29: encoder.text: loss 'kl' needs an encoder with a variance; 'mlp' (text) has none [BF401]",
            "study.yaml:15:58: fusion: fusion 'uncertainty' needs an encoder with a variance; 'mlp' (text) has none [BF401]",
        ],
    ),
    (
        "lists that do not pair",
        (
            "design",
            "c: {zip: {train.lr: [1e-3, 1e-2], train.batch_size: [32]}}",
        ),
        [
            "study.yaml:15:7: ablations.c.zip: lists of different lengths: train.lr 2, train.batch_size 1; zip pairs them one by one [BF305]"
        ],
    ),
    (
        "a ladder that is a mapping",
        (
            "design",
            "c: {ladder: {a: b}}",
        ),
        ["study.yaml:15:7: ablations.c.ladder: expected a list of steps: {LABEL: {path: value}} [BF304]"],
    ),
    (
        "two steps in one",
        (
            "design",
            "c: {ladder: [{a: {train.lr: 1e-2}, b: {train.lr: 1e-3}}]}",
        ),
        [
            "study.yaml:15:16: ablations.c.ladder: expected {label: ..., set: {path: value}}, or {LABEL: {path: value}} [BF304]"
        ],
    ),
    (
        "a step without set",
        (
            "design",
            "c: {ladder: [{label: a}]}",
        ),
        ["study.yaml:15:16: ablations.c.ladder: `set` is missing [BF304]"],
    ),
    (
        "a ladder with two starts",
        (
            "design",
            "c: {from: {train.lr: 1}, ladder: [{from: {train.lr: 3}}, {b: {train.lr: 1e-3}}]}",
        ),
        ["study.yaml:15:37: ablations.c.ladder: the ladder has two starts; keep one `from` [BF304]"],
    ),
    (
        "subsets by a word",
        (
            "design",
            "c: {subsets: every}",
        ),
        [
            "study.yaml:15:16: ablations.c.subsets: expected `all`, {sizes: [1, 2]}, or a list of lists of modalities [BF304]"
        ],
    ),
    (
        "subsets with an unknown modality",
        (
            "design",
            "c: {subsets: [[text, adio]]}",
        ),
        ["study.yaml:15:24: ablations.c.subsets: unknown modality 'adio'; did you mean 'audio'? [BF209]"],
    ),
    (
        "subsets of no size",
        (
            "design",
            "c: {subsets: {sizes: [0, 1]}}",
        ),
        ["study.yaml:15:25: ablations.c.subsets.sizes: a size is a number from 1 to 3 [BF203]"],
    ),
    (
        "a cell with a misspelt key",
        (
            "design",
            "c: {cells: [{label: a, sets: {train.lr: 1}}]}",
        ),
        [
            "study.yaml:15:15: ablations.c.cells: `set` is missing [BF304]",
            "study.yaml:15:26: ablations.c.cells.sets: unknown key; did you mean 'set'? [BF111]",
        ],
    ),
    (
        "two rows of one label",
        (
            "design",
            "c: {cells: [{label: a, set: {train.lr: 1}}, {label: a, set: {train.lr: 2}}]}",
        ),
        ["study.yaml:15:47: ablations.c: two rows are labelled 'a'; give each a label of its own [BF308]"],
    ),
    (
        "a label that is a number",
        (
            "design",
            "c: {cells: [{label: 3, set: {train.lr: 1}}]}",
        ),
        ["study.yaml:15:23: ablations.c.cells.label: expected a text; quote it [BF202]"],
    ),
    (
        "a term removed and set",
        (
            "design",
            "c: {cells: [{label: b, set: {losses.kl: null, losses.kl.weight: 3}}]}",
        ),
        [
            "study.yaml:15:49: losses.kl.weight: this cell has no such setting; let it vary only where it stands, with `when` [BF302]"
        ],
    ),
    (
        "an unknown kind of condition",
        ("append", "evaluate: {mising: {rates: [0.3]}}\n"),
        ["study.yaml:14:12: evaluate.mising: unknown setting; did you mean 'missing'? [BF201]"],
    ),
    (
        "conditions that are no mapping",
        ("append", "evaluate: [missing]\n"),
        ["study.yaml:14:11: evaluate: expected a mapping with `missing`, `noise` or both, got ['missing'] [BF202]"],
    ),
    (
        "missing modalities without rates",
        ("append", "evaluate: {missing: {rate: [0.3]}}\n"),
        [
            "study.yaml:14:12: evaluate.missing: `rates` is missing [BF206]",
            "study.yaml:14:22: evaluate.missing.rate: unknown setting; did you mean 'rates'? [BF201]",
        ],
    ),
    (
        "a rate alone",
        ("append", "evaluate: {missing: {rates: 0.3}}\n"),
        ["study.yaml:14:29: evaluate.missing.rates: expected a list, got 0.3 [BF202]"],
    ),
    (
        "rates that are none",
        ("append", "evaluate: {missing: {rates: [30, a, -1]}}\n"),
        [
            "study.yaml:14:30: evaluate.missing.rates.0: expected a number of at most 1, got 30 [BF203]",
            "study.yaml:14:34: evaluate.missing.rates.1: expected a number, got 'a' [BF202]",
            "study.yaml:14:37: evaluate.missing.rates.2: expected a number of at least 0, got -1 [BF203]",
        ],
    ),
    (
        "no rate at all",
        ("append", "evaluate: {missing: {rates: []}}\n"),
        ["study.yaml:14:29: evaluate.missing.rates: this list is empty [BF208]"],
    ),
    (
        "a level in quotes",
        ("append", "evaluate: {noise: {levels: ['2']}}\n"),
        [
            "study.yaml:14:29: evaluate.noise.levels.0: expected a number, got '2'; write it without quotes or underscores [BF202]"
        ],
    ),
    (
        "an unknown pattern",
        ("append", "evaluate: {missing: {rates: [0.3], patterns: eech}}\n"),
        [
            "study.yaml:14:46: evaluate.missing.patterns: expected one of 'random', 'each', got 'eech'; did you mean 'each'? [BF204]"
        ],
    ),
    (
        "patterns of unknown modalities, twice, and of all",
        ("append", "evaluate: {missing: {rates: [0.3], patterns: [audo, [text, text], [audio, text, video]]}}\n"),
        [
            "study.yaml:14:47: evaluate.missing.patterns: unknown modality 'audo'; did you mean 'audio'? [BF209]",
            "study.yaml:14:60: evaluate.missing.patterns: modality 'text' stands here twice [BF210]",
            "study.yaml:14:67: evaluate.missing.patterns: this takes all that the baseline reads, and leaves nothing to predict from [BF317]",
        ],
    ),
    (
        "patterns that are no names",
        ("append", "evaluate: {noise: {levels: [1], patterns: [[], 3]}}\n"),
        [
            "study.yaml:14:44: evaluate.noise.patterns.0: this list is empty [BF208]",
            "study.yaml:14:48: evaluate.noise.patterns.1: expected text, got 3 [BF202]",
        ],
    ),
    (
        "conditions that stand twice",
        ("append", "evaluate: {missing: {rates: [0.3, 0.30], patterns: [audio, [audio]]}}\n"),
        [
            "study.yaml:14:35: evaluate.missing.rates: 0.3 stands here twice; remove one [BF317]",
            "study.yaml:14:60: evaluate.missing.patterns: ['audio'] stands here twice; remove one [BF317]",
        ],
    ),
    (
        "a moment that is none",
        ("design", "c: {subsets: all, at: tset}"),
        [
            "study.yaml:15:25: ablations.c.at: expected `train`, `test` or a list of both, got 'tset'; did you mean 'test'? [BF204]"
        ],
    ),
    (
        "moments that stand twice",
        ("design", "c: {subsets: all, at: [test, test, 3]}"),
        [
            "study.yaml:15:32: ablations.c.at: 'test' stands here twice; remove one [BF309]",
            "study.yaml:15:38: ablations.c.at: expected `train`, `test` or a list of both, got 3 [BF204]",
        ],
    ),
    (
        "a moment for a factorial",
        ("design", "c: {factorial: {train.lr: [1, 2]}, at: test}"),
        [
            "study.yaml:15:38: ablations.c: `at` has no meaning for factorial; it belongs to leave_one_out, one_at_a_time and subsets [BF303]"
        ],
    ),
    (
        "parts that cannot be taken away at test time",
        ("design", "c: {leave_one_out: [modalities.audoi, losses.kl, modalities.text], at: [train, test]}"),
        [
            "study.yaml:15:23: ablations.c.leave_one_out: unknown modality 'audoi'; did you mean 'audio'? [BF209]",
            "study.yaml:15:41: ablations.c.at: 'losses.kl' cannot be taken away at test time: only modalities can; leave `at` out [BF319]",
        ],
    ),
    (
        "a fusion at test time",
        ("design", "c: {one_at_a_time: {fusion: [concat]}, at: test}"),
        [
            "study.yaml:15:23: ablations.c.at: 'fusion' cannot be taken away at test time: only modalities can; leave `at` out [BF319]"
        ],
    ),
]


def study_text(base: str, how: tuple[str, ...]) -> str:
    kind, *parts = how
    if kind == "change":
        assert base.count(parts[0]) == 1
        return base.replace(*parts)
    if kind == "design":
        return f"{base}ablations:\n  {parts[0]}\n"
    return base + parts[0] if kind == "append" else parts[0]


@pytest.mark.parametrize(("how", "messages"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_wrong_study_is_told_where_and_what(parse, base, how, messages):
    with pytest.raises(StudyError) as caught:
        parse(text=study_text(base, how) or " ")
    assert [f"{finding} [{finding.code}]" for finding in caught.value.findings] == messages


def test_every_finding_names_the_cells_that_it_concerns(parse):
    with pytest.raises(StudyError) as caught:
        parse("c: {one_at_a_time: {losses.contrastve.weight: [0.1, 0.2]}}")
    (finding,) = caught.value.findings
    assert finding.cells == ("weight=0.1", "weight=0.2")


def test_at_most_a_hundred_findings_are_shown_and_the_rest_is_counted(parse, base):
    with pytest.raises(StudyError) as caught:
        parse(text=base + "".join(f"key{number}: 1\n" for number in range(150)))
    assert len(caught.value.findings) == 101
    assert str(caught.value.findings[-1]) == "study.yaml:114:1: and 50 more problems from here"


def test_a_mapping_of_runs_is_told_to_be_none_and_what_reads_it(parse):
    with pytest.raises(StudyError) as caught:
        parse(text="study: elsewhere\nruns: runs.csv\nmetrics: {accuracy: acc}\nbaseline: {gate: true}\n")
    (finding,) = caught.value.findings
    assert (finding.line, finding.column, finding.path) == (2, 1, "runs")
    assert "no study: there is nothing to train; read it with `butfor import`" in str(finding)


def test_runs_beside_a_data_set_are_an_unknown_key(parse, base):
    with pytest.raises(StudyError, match=r"runs: unknown key"):
        parse(text=base + "runs: runs.csv\n")


def test_a_file_that_is_too_large_is_not_read(parse):
    with pytest.raises(StudyError, match="larger than 1024 KiB"):
        parse(text="#" * (1 << 20) + "\n")
