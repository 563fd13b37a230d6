"""Hydra's internal API, by name: its parser, errors handed over, how jobs ended, one store for all."""

from __future__ import annotations

import copy

import pytest
from hydra._internal.utils import run_and_report
from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobStatus

from headtohead.hydra_io.internals import ended_job, get_args_parser, handed_over, result_of, share_config_store


def test_hydra_s_parser_takes_its_own_options_and_overrides():
    given = get_args_parser().parse_args(["--multirun", "--cfg", "job", "seed=1"])
    assert (given.multirun, given.cfg, given.overrides) == (True, "job", ["seed=1"])


@pytest.mark.parametrize("error", [ValueError("given"), KeyError("given")])
def test_hydra_hands_errors_over_and_exits_without(error: Exception, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)

    def fail() -> None:
        raise error

    with handed_over(), pytest.raises(type(error)):
        run_and_report(fail)
    with pytest.raises(SystemExit):
        run_and_report(fail)


def test_ended_job_raises_its_error_as_hydra_s_own(capsys: pytest.CaptureFixture[str]):
    failed = ended_job(["seed=1"], ValueError("diverged"))
    assert failed.status == JobStatus.FAILED
    assert isinstance(result_of(failed), ValueError)
    with pytest.raises(ValueError, match="diverged"):
        _ = failed.return_value
    assert "seed=1" in capsys.readouterr().err


def test_ended_job_without_an_error_is_complete():
    done = ended_job(["seed=1"], None)
    assert (done.status, done.return_value, result_of(done)) == (JobStatus.COMPLETED, None, None)


def test_config_store_is_shared_not_copied():
    share_config_store()
    store = ConfigStore.instance()
    assert copy.deepcopy(store) is store
    assert store.load("hydra/config.yaml").node is not store.load("hydra/config.yaml").node  # nodes are copies
