"""Training runs over one trunk. A run by itself is a pack of one: there is no other way to be trained.

A run is a generator (``tasks.train.training``): it prepares itself, yields itself as a ``Member`` to be trained, and
concludes when it is resumed. What goes wrong in between is thrown into it, so that its own record says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from headtohead.classifiers.build_pack import build_pack, undress
from headtohead.console.progress import TrainingProgress
from headtohead.console.status_lines import doing
from headtohead.errors import Diverged, Interrupted, OutOfMemory, UserError, has_lost_device
from headtohead.evaluation import HIGHER_IS_BETTER
from headtohead.results import RunRecord
from headtohead.runs.packs.split_reading import read_once
from headtohead.runs.packs.training_request import Member
from headtohead.runs.stop_request import StopRequest
from headtohead.training import Hooks, MemoryLimits, Pack, score, train_on

Training = Generator[Member, None, RunRecord]
"""A run, from its folder to its record."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asked:
    """A run that is asked for.

    Args:
        shared: what it has in common with those it may be trained with; None for one that is trained alone.
        within: entered whenever the run does something by itself, such as to write to its own log.
        ended: told of its end: None, or what ended it.
    """

    training: Training
    shared: Mapping[str, Any] | None
    within: Callable[[], AbstractContextManager[Any]]
    ended: Callable[[BaseException | None], None]


@runtime_checkable
class Queue(Protocol):
    """Runs that wait to be trained."""

    def wait(self) -> bool:
        """Wait until there is one; return whether there is, for else none will come."""
        ...

    def take(self, shared: Mapping[str, Any] | None) -> Asked | None:
        """Return the next run, or None: any where nothing is shared yet, else the next that shares it all."""
        ...

    def holds(self, shared: Mapping[str, Any] | None) -> bool:
        """Whether ``take`` would return one."""
        ...


def alone(training: Training, stop: StopRequest) -> RunRecord:
    """Do a run by itself."""
    try:
        member = next(training)
        try:
            train_members([member], stop)
        except BaseException as error:
            training.throw(error)
        del member  # and with it the model: the export loads its own
        training.send(None)
    except StopIteration as done:
        record: RunRecord = done.value
        return record
    raise AssertionError("a run is trained once")


class Group:
    """Runs over one trunk: trained as a pack, each leaving when it has ended, its place taken by the next in the queue.

    Args:
        size: of the pack, at most.
    """

    def __init__(self, queue: Queue, size: int, stop: StopRequest) -> None:
        self._queue, self._size, self._stop = queue, size, stop
        self._limit = size
        self._memory = MemoryLimits()
        self._memory_of: Mapping[str, Any] | None = None
        self._members: dict[Asked, Member] = {}

    def train_all(self) -> None:
        """Train every run of the queue. What ends one run ends it alone.

        Raises:
            Interrupted: asked to stop; every run has saved and says so in its record.
        """
        try:
            while self._members or self._queue.wait():
                self._fill()
                if self._members:
                    self._train()
                    self._let_go()
        except BaseException as error:
            ended = error if isinstance(error, Interrupted) else Interrupted(f"its worker ended: {error!r}")
            for asked in list(self._members):
                self._resume(asked, ended)
            raise

    @property
    def _shared(self) -> Mapping[str, Any] | None:
        return next((asked.shared for asked in self._members), None)

    @property
    def _has_room(self) -> bool:
        return not self._members or (self._shared is not None and len(self._members) < self._limit)

    def _fill(self) -> None:
        if not self._members:
            self._limit = self._size
        while self._has_room and (asked := self._queue.take(self._shared)):
            self._resume(asked)

    def _train(self) -> None:
        """Train as many as fit; where a pack goes wrong its runs are trained one by one, to see whose fault it is."""
        first = next(iter(self._members.values()))
        together = [asked for asked, member in self._members.items() if member.reads_as(first)][: self._limit]
        members = [self._members[asked] for asked in together]
        try:
            train_members(
                members,
                self._stop,
                pauses=lambda: self._has_room and self._queue.holds(self._shared),
                limits=self._known_limits(),
            )
        except Interrupted:
            raise
        except Exception as error:
            if has_lost_device(error):
                raise Interrupted(f"the device has failed: {error}") from error
            for member in members:
                member.drop_out()
            if len(members) == 1:
                self._resume(together[0], error)
                return
            self._limit = 1
            if isinstance(error, OutOfMemory):
                self._size = self._limit = len(members) // 2
                self._memory.rows = None  # of fewer trials more may fit
            print(f"{error}. {self._limit} at a time from here on instead of {len(members)}")

    def _known_limits(self) -> MemoryLimits:
        """Return what packs of such runs have learnt of memory; a run that shares nothing learns for itself."""
        if self._shared is None or self._shared != self._memory_of:
            self._memory, self._memory_of = MemoryLimits(), self._shared
        return self._memory

    def _let_go(self) -> None:
        """Conclude the runs that have ended while their weights are in place; the others will join another pack."""
        for asked in [asked for asked, member in self._members.items() if member.has_ended]:
            self._resume(asked)
        for member in self._members.values():
            member.leave()

    def _resume(self, asked: Asked, error: BaseException | None = None) -> None:
        """Let a run go on by itself, until it wants to be trained or has ended."""
        self._members.pop(asked, None)
        try:
            with asked.within():
                self._members[asked] = asked.training.throw(error) if error else next(asked.training)
        except StopIteration:
            asked.ended(None)
        except BaseException as ended:
            asked.ended(ended)
            if ended is error:
                return
            if isinstance(ended, Exception) and not isinstance(ended, UserError) and has_lost_device(ended):
                raise Interrupted(f"the device has failed: {ended}") from ended  # under the others too
            if isinstance(ended, Interrupted) or not isinstance(ended, Exception):
                raise  # it concerns the others as well


def train_members(
    members: Sequence[Member],
    stop: StopRequest,
    *,
    pauses: Callable[[], bool] = lambda: False,
    limits: MemoryLimits | None = None,
) -> None:
    """Train runs as one pack until the first of them has ended, or until it is told to pause.

    Afterwards each is still a member of the pack, to be scored or to leave it.

    Raises:
        UserError: out of memory, or runs that cannot share a trunk.
        Interrupted: asked to stop; every run's checkpoint stands.
    """
    first = members[0]
    undress(first.backbone)
    with doing("building the adapters and the trackers", is_told=first.run.processes.is_main):
        pack = build_pack(
            [member.run.config for member in members],
            first.backbone,
            [member.reader for member in members],
            first.corpus.labels,
            first.encoded["train"],
            processes=first.run.processes,
            limits=limits,
        )
        for number, member in enumerate(members):
            member.join(pack, number)
    names = [first.run.config.name] if len(members) == 1 else [member.run.folder.name for member in members]
    progress = TrainingProgress(names, pack)
    read_once(members, "train", "validation")
    with ExitStack() as stack:
        stack.enter_context(progress)
        stack.enter_context(stop.in_steps())
        train_on(
            pack,
            _hooks(members, progress, stop),
            checkpoints=[member.run.checkpoints for member in members],
            pauses=lambda pack: pauses() or any(trial.has_ended for trial in pack.trials),
        )


def _hooks(members: Sequence[Member], progress: TrainingProgress, stop: StopRequest) -> Hooks:
    validation = members[0].validation

    def evaluate(pack: Pack, due: Sequence[int]) -> dict[int, dict[str, float]]:
        """Score those that are due at once; they share the seconds."""
        started = time.monotonic()
        scores = score(pack, validation.rows, only=due)
        for number in due:
            members[number].run.phases.add_seconds("validate", (time.monotonic() - started) / len(due))
        found = {}
        for number in due:
            try:
                found[number] = members[number].validation.judge(pack.trials[number], scores[number])
            except Diverged as error:  # it is this trial's alone
                pack.trials[number].diverge(str(error))
        return found

    def log(number: int, step: int, values: dict[str, float]) -> None:
        members[number].log(step, values)
        progress.note(number, step, values)

    return Hooks(
        evaluate=evaluate,
        report=lambda number, step, value: members[number].report(step, value),
        stops=lambda number, step, value: members[number].stops(step, value),
        log=log,
        metric=validation.metric,
        higher_is_better=HIGHER_IS_BETTER[validation.metric],
        advance=progress.advance,
        is_asked_to_stop=stop.asked,
    )
