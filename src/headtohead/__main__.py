"""``python -m headtohead``, where the console script is not on the path."""

import sys
from pathlib import Path

# Jobs of a sweep run this file by its path: its folder must not hide Python's own modules, such as statistics.
sys.path[:] = [path for path in sys.path if Path(path).resolve() != Path(__file__).resolve().parent]

from headtohead.entry import start  # noqa: E402

if __name__ == "__main__":
    start()
