"""Errors meant for people. Knows nothing of the rest of the package."""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable, Iterator

LISTED = 20
"""Items of a list that a message, a page or a tracker names before it says how many more there are."""
LONGEST_NAME = 80
"""Characters of one of them."""


class UserError(ValueError):
    """A mistake the user can mend: bad input, a setting that does not fit, something missing.

    The message says what was given, where, and what to do. The entry point prints it alone, without a stack
    trace, and exits with status 1.
    """


class DiskFull(UserError):
    """Nothing can be written any more: a run is cut off, not failed, and a sweep waits for space."""


class Pruned(Exception):
    """A sweep has stopped this trial; its record has status ``pruned``."""


TO_BE_CONTINUED = 75
"""Exit status of a run that was asked to stop: the same command continues it (EX_TEMPFAIL of sysexits.h)."""


class Interrupted(BaseException):
    """A run was asked to stop and has saved where it stands. Not an ``Exception``: it is no failure to be handled."""


class OutOfMemory(UserError):
    """Not even a single row fits; weights and counters are as they were before the step."""


class Diverged(RuntimeError):
    """Training produced a non-finite loss, gradient or score; the run's status becomes ``diverged``."""


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what it came from, the bottom last."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def is_disk_full(error: BaseException | None) -> bool:
    """Whether an error, or what it came from, says that no space or quota is left."""
    full = (errno.ENOSPC, errno.EDQUOT)
    return any(isinstance(cause, OSError) and cause.errno in full for cause in causes(error))


def has_lost_device(error: BaseException) -> bool:
    """Whether an error leaves this process without its GPU: every later call on it fails too."""
    return "CUDA error" in str(error) and not is_out_of_memory(error)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out, on a GPU (torch's own class) or on the CPU (its words alone say so)."""
    text = str(error).lower()
    said = ("out of memory", "can't allocate memory", "status_alloc_failed")  # the last by cuBLAS and cuDNN
    return isinstance(error, MemoryError) or any(words in text for words in said)


def shortened(text: str, longest: int = LONGEST_NAME) -> str:
    """Return a text with its middle left out if it is long."""
    return text if len(text) <= longest else f"{text[: longest - 9]}…{text[-8:]}"


def some_of(items: Iterable[object], most: int = LISTED) -> str:
    """Return a list in words, of a long one its beginning and how many more there are: ``a, b and 998 more``."""
    listed = [shortened(str(item)) for item in items]
    left = len(listed) - most
    return ", ".join(listed) if left <= 1 else f"{', '.join(listed[:most])} and {left:,} more"


def near_names(given: str, choices: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'? Choices: a, b, x"`` for an unknown name; of many choices some are named."""
    known = sorted(choices)
    if not known:
        return ""
    close = difflib.get_close_matches(given, known, n=3, cutoff=0.5) or [name for name in known if given in name][:3]
    hint = f"; did you mean {' or '.join(repr(shortened(name)) for name in close)}?" if close else "."
    return f"{hint} Choices: {some_of(known)}"


def require_choice(key: str, given: str, choices: Iterable[str]) -> None:
    """Refuse a value outside a closed set, naming the key and the choices.

    Raises:
        UserError: ``given`` is not among ``choices``.
    """
    known = list(choices)
    if given not in known:
        raise UserError(f"{key}={shortened(str(given))!r} is unknown{near_names(given, known)}")
