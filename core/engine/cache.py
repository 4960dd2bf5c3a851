"""Where later processes of this machine find what was made once."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path


def cache_folder() -> Path:
    """`BUTFOR_CACHE`, else a folder of the user's own."""
    named = os.environ.get("BUTFOR_CACHE")
    return Path(named) if named else user_cache_path("butfor")
