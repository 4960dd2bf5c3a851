"""How large a study may be: far above any that a person writes, and small enough that none of any bytes costs much."""

from __future__ import annotations

MAX_BYTES = 1 << 20
"""Of the text of one file, and of a study with all that it includes."""
MAX_DEPTH = 64
"""Mappings and lists inside each other."""
MAX_NODES = 50_000
"""Values and keys of a study with all that it includes."""
MAX_KEY = 200
"""Characters of a key, so of a label, a path and a name."""
MAX_TEXT = 4_000
"""Characters of any other text."""
MAX_DIGITS = 300
"""Characters of a number. A whole number must also fit 64 bits."""
MAX_FILES = 100
"""Included files, each counted as often as it is included."""
MAX_NESTED = 10
"""Includes of includes."""
MAX_PROBLEMS = 100
"""Problems that are told of; the rest is counted."""
MAX_STEPS = 500
"""Steps of a ladder, and parts that a `leave_one_out` leaves out: each row of those says something of all others."""
MAX_LABEL = 200
"""Characters of a label that is made from values; what is longer is cut."""
MAX_WORK = 5_000_000
"""Cells x settings, and rows x values of conditions: what an expansion looks at."""
MAX_PARTS = 200
"""Modalities of a data set, terms of a loss."""
MAX_CONDITIONS = 500
"""Conditions that every trial is tested under."""
