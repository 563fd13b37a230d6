"""``python run.py`` in a clone: what ``headtohead`` is where the package is installed."""

from headtohead.entry import start

if __name__ == "__main__":
    start()
