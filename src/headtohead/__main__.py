"""``python -m headtohead``, where the console script is not on the path."""

from headtohead.entry import start

if __name__ == "__main__":
    start()
