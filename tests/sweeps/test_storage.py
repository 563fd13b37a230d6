"""Where a study may live, what is said of places where it cannot, and that no password leaves the environment."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import optuna
import pytest

import postgres_server
from command_line import ROOT, CommandLine, in_child
from headtohead.errors import UserError
from headtohead.sweeps.study.storage import (
    open_storage,
    refuse_written_password,
    resolve_storage,
    storage_errors,
    told_to_jobs,
    without_password,
)

PRUNED_SWEEP = [
    "evaluate.resamples=100",
    "train.epochs=8",
    "train.evaluate_every=4",
    "hydra/sweeper/sampler=random",
    "hydra/sweeper/pruner=threshold",
    "hydra.sweeper.pruner.lower=0.5",
    "hydra.sweeper.n_trials=2",
    "hydra.sweeper.enqueue=[{train.learning_rate:0.00001},{train.learning_rate:0.01}]",
    "train.learning_rate=1e-5,1e-2",
]
"""Of its two trials one learns and one is stopped."""


def opened(url: str) -> None:
    with storage_errors(url):
        optuna.create_study(storage=open_storage(url), study_name="tried", load_if_exists=True)


@pytest.mark.parametrize(
    ("configured", "meant"),
    [
        ("auto", "journal:////sweep/study.journal"),
        ("sqlite:////data/study.db", "sqlite:////data/study.db"),
        ("journal:////data/a.journal", "journal:////data/a.journal"),
        ("sqlite:///study.db", f"sqlite:///{Path.cwd()}/study.db"),
        ("journal:///~/a.journal", f"journal:///{Path.home()}/a.journal"),
        ("sqlite:///file:study.db?mode=ro&uri=true", "sqlite:///file:study.db?mode=ro&uri=true"),
        ("postgresql://me@host/db", "postgresql+psycopg://me@host/db"),
        ("postgresql+psycopg2://me@host/db", "postgresql+psycopg2://me@host/db"),
        ("grpc://host:13000", "grpc://host:13000"),
    ],
)
def test_every_process_means_the_same(configured: str, meant: str) -> None:
    assert resolve_storage(configured, Path("/sweep")) == meant


@pytest.mark.parametrize(
    ("configured", "said"),
    [
        ("postgres://me@host/db", "did you mean 'postgresql://'"),
        ("mongodb://host/db", "neither auto nor the URL"),
        ("study.db", "neither auto nor the URL"),
        ("sqlite:///:memory:", "no job could reach"),
        ("sqlite://", "no job could reach"),
    ],
)
def test_what_is_no_storage_is_said(configured: str, said: str) -> None:
    with pytest.raises(UserError, match=re.escape(said)):
        resolve_storage(configured, Path("/sweep"))


@pytest.mark.changed_meaning("storage: a password in the URL")
@pytest.mark.parametrize(
    ("written", "refused"),
    [
        ("postgresql://me:s3cret@host/db", True),
        ("postgresql://me:s3${oc.env:A}@host/db", True),
        ("mysql://host/db?user=me&password=s3cret", True),
        ("postgresql://me:${oc.env:A}@host/db", False),
        ("${oc.env:A}", False),
        ("postgresql://me@host/db", False),
        ("sqlite:////data/a:b@c.db", False),
    ],
)
def test_a_written_password_is_refused(written: str, refused: bool) -> None:
    if not refused:
        refuse_written_password(written)
        return
    with pytest.raises(UserError, match="holds a password") as caught:
        refuse_written_password(written)
    assert "s3" not in str(caught.value)


def test_passwords_are_left_out_of_messages() -> None:
    url = "postgresql://me:p%40ss@host/db?sslpassword=other"
    assert without_password(f"{url} said p@ss, p%40ss and other", url) == (
        "postgresql://me:***@host/db?sslpassword=*** said ***, *** and ***"
    )


@pytest.mark.parametrize(
    ("url", "told"),
    [("journal:////a/b", "journal:////a/b"), ("sqlite:////a/b", "sqlite:////a/b"), ("postgresql://me:x@h/d", None)],
)
def test_jobs_are_told_of_files_alone(url: str, told: str | None) -> None:
    assert told_to_jobs(url) == told


def garbage(folder: Path) -> str:
    (folder / "study.journal").write_text("this is\nno journal\n")
    return f"journal:///{folder}/study.journal"


def another_database(folder: Path) -> str:
    (folder / "study.db").write_text("this is no database" * 100)
    return f"sqlite:///{folder}/study.db"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (lambda folder: "postgresql+psycopg://me@127.0.0.1:1/db", "Connection refused"),
        (lambda folder: "mysql://me@127.0.0.1:1/db", "No module named 'MySQLdb'. install its driver"),
        (lambda folder: f"sqlite:///{folder}/nowhere/study.db", "unable to open database file"),
        (garbage, "Expecting value"),
        (another_database, "file is not a database"),
    ],
    ids=["server down", "driver missing", "no such folder", "no journal", "no database"],
)
def test_what_cannot_be_opened_is_said_in_one_line(tmp_path: Path, url: Callable[[Path], str], said: str) -> None:
    with pytest.raises(UserError, match=re.escape(said)) as caught:
        opened(url(tmp_path))
    assert str(caught.value).startswith("hydra.sweeper.storage=")
    assert "\n" not in str(caught.value)


def test_a_missing_driver_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(UserError, match=r"pip install 'headtohead\[postgres\]'"):
        opened("postgresql+psycopg://me@127.0.0.1:1/db")


@pytest.mark.parametrize("there", [False, True], ids=["new", "existing"])
def test_a_database_that_cannot_be_written(tmp_path_factory: pytest.TempPathFactory, there: bool) -> None:
    folder = Path("/tmp") / f"headtohead-read-only-{os.getpid()}-{there}"  # the tests' own is closed to others
    folder.mkdir()
    url = f"sqlite:///{folder}/study.db"
    if there:
        opened(url)
        (folder / "study.db").chmod(0o444)
    folder.chmod(0o555)

    def attempt() -> None:
        if os.geteuid() == 0:  # may write anywhere
            os.setuid(65534)
        with (
            pytest.raises(UserError, match="readonly database" if there else "unable to open database file"),
            storage_errors(url),
        ):
            optuna.create_study(storage=open_storage(url), study_name="another")

    try:
        assert in_child(attempt) == 0
    finally:
        folder.chmod(0o755)
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


# Sweeps: slow.


@pytest.fixture(scope="module")
def grpc_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Optuna's own proxy server, before a SQLite file."""
    pytest.importorskip("grpc", reason="the extra grpc is not installed")
    port = postgres_server.free_port()
    file = tmp_path_factory.mktemp("grpc") / "study.db"
    serve = f"""if True:
        from optuna.storages import get_storage, run_grpc_proxy_server
        run_grpc_proxy_server(get_storage("sqlite:///{file}"), host="localhost", port={port})
    """
    process = subprocess.Popen([sys.executable, "-W", "ignore", "-c", serve], stderr=subprocess.DEVNULL)
    yield f"grpc://localhost:{port}"
    process.terminate()
    process.wait()


def outcomes(folder: Path) -> list[tuple[str, int]]:
    """Return the state and the number of reports of every trial."""
    found = json.loads((folder / "study.json").read_text())
    return [(trial["state"], len(trial["reports"])) for trial in found["trials"]]


def check_pruned_sweep(line: CommandLine, *given: str, launcher: str) -> None:
    asked = ["-m", *PRUNED_SWEEP, f"hydra/launcher={launcher}", "hydra.sweeper.study_name=own", *given]
    line(*asked)
    first = outcomes(line.folder())
    assert sorted(state for state, _ in first) == ["complete", "pruned"]
    assert min(reports for _, reports in first) == 1
    if launcher == "basic":
        line(*asked)  # goes on with what the storage holds: nothing is left
        assert outcomes(line.folder()) == first


@pytest.mark.long
@pytest.mark.parametrize("launcher", ["basic", "local"])
@pytest.mark.parametrize("kind", ["journal", "sqlite"])
def test_a_sweep_in_a_file(line: CommandLine, kind: str, launcher: str) -> None:
    storage = "auto" if kind == "journal" else f"sqlite:///{line.outputs.parent}/study.db"
    check_pruned_sweep(line, f"hydra.sweeper.storage={storage}", launcher=launcher)


@pytest.mark.long
@pytest.mark.parametrize("launcher", ["basic", "local"])
def test_a_sweep_through_grpc(line: CommandLine, grpc_url: str, launcher: str) -> None:
    check_pruned_sweep(
        line, f"hydra.sweeper.storage={grpc_url}", f"hydra.sweeper.study_name={launcher}", launcher=launcher
    )


@pytest.mark.long
@pytest.mark.postgres
def test_a_sweep_on_postgres_in_this_process(
    line: CommandLine, postgres: postgres_server.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", postgres.password)  # libpq's own way
    check_pruned_sweep(
        line, f"hydra.sweeper.storage={postgres.url()}", "hydra.sweeper.study_name=here", launcher="basic"
    )


@pytest.mark.long
@pytest.mark.postgres
def test_a_password_stays_in_the_environment(line: CommandLine, postgres: postgres_server.Server) -> None:
    """Neither in a file of the sweep, nor in what it prints, nor in the command line of any process."""
    url = postgres.url("${oc.env:MY_DATABASE_PASSWORD}")
    asked = [*PRUNED_SWEEP, "track=offline", "hydra/launcher=local", "hydra.sweeper.study_name=secret"]
    command = [sys.executable, "run.py", *line.arguments(["-m", *asked, f"hydra.sweeper.storage='{url}'"], train=True)]
    environment = {**os.environ, "MY_DATABASE_PASSWORD": postgres.password, "HYDRA_FULL_ERROR": "1"}
    output = line.outputs.parent / "output.txt"
    seen = set()
    with output.open("wb") as file:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=file, stderr=subprocess.STDOUT)
        while process.poll() is None:
            seen |= command_lines()
            time.sleep(0.05)
    assert process.returncode == 0, output.read_text()
    assert any("hydra.mode=RUN" in said for said in seen)  # jobs were seen at all
    files = [path for path in [output, *line.outputs.rglob("*")] if path.is_file()]
    assert any(path.suffix == ".wandb" for path in files)
    secret = postgres.password.encode()
    assert [path for path in files if secret in path.read_bytes()] == []
    assert [said for said in seen if postgres.password in said] == []


def command_lines() -> set[str]:
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.add(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:  # it has ended
            continue
    return found


@pytest.mark.long
@pytest.mark.postgres
def test_what_a_server_refuses_is_said_before_any_training(
    line: CommandLine, postgres: postgres_server.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WRONG", "wrong-password")
    refused = line("-m", "lora.rank=2,4", f"hydra.sweeper.storage='{postgres.url('${oc.env:WRONG}')}'", code=1)
    assert "password authentication failed" in refused.stderr
    assert "wrong-password" not in refused.stderr + refused.stdout
    written = line("-m", "lora.rank=2,4", f"hydra.sweeper.storage='{postgres.url(postgres.password)}'", code=1)
    assert "holds a password" in written.stderr
    assert postgres.password not in written.stderr + written.stdout
    for done in (refused, written):
        assert "Traceback" not in done.stderr
    assert not list(line.outputs.glob("*/trial_*"))


@pytest.mark.long
def test_two_folders_do_not_share_a_study(line: CommandLine, tmp_path: Path) -> None:
    asked = ["-m", "export.form=none", "lora.rank=2", f"hydra.sweeper.storage=sqlite:///{tmp_path}/shared.db"]
    line(*asked, "hydra.sweeper.study_name=own")
    other = CommandLine(tmp_path / "elsewhere", line.cache, line.rows)
    refused = other(*asked, "hydra.sweeper.study_name=own", code=1)
    assert "holds a study own already, of the sweep in" in refused.stderr
