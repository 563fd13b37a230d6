"""No documented command is refused: each composes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.types import IntervalSweep, Override

from command_line import ROOT
from headtohead.hydra_io.command_line import understood
from headtohead.hydra_io.composition import parsed
from headtohead.hydra_io.schema import to_typed

CONF = ROOT / "conf"
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
DOCUMENTS += [*sorted((ROOT / "experiments").rglob("*.md")), *sorted(CONF.rglob("*.yaml"))]
PROGRAM = re.compile(r"(?:python run\.py|\bheadtohead|accelerate launch [^`#]*?run\.py) +(?=[-'\"+~\w])(?!is |of |\.)")


def commands_in(text: str) -> Iterator[str]:
    """Yield what stands behind the program: in indented lines, in comments, between backticks (over line ends)."""
    spans = [" ".join(span.split()) for span in re.findall(r"(?<!`)`([^`]+)`(?!`)", text)]
    lines = [re.sub(r"^# ?", "", line) for line in re.sub(r" \\\n\s*", " ", text).splitlines()]
    blocks = [line.strip() for line in lines if re.match(r"\s{2,}\S", line)]
    for line in [*blocks, *spans]:
        if (found := PROGRAM.match(line)) and "group=choice" not in line:
            yield line[found.end() :]


def without_placeholders(command: str) -> list[str]:
    command = re.sub(r"outputs/<[^>]*>", "outputs/x", command)
    command = re.sub(r",? *\.\.\.", "", re.sub(r"<\w[^>]*>", "x", command))
    command = re.split(r" [<>|] ", command)[0]  # what the shell takes
    command = re.split(r"\s{2,}\(", command)[0]  # a remark
    return shlex.split(command, comments=True)


FOUND = sorted({command for path in DOCUMENTS for command in commands_in(path.read_text(encoding="utf-8"))})


def test_there_are_commands() -> None:
    assert len(FOUND) > 30
    assert any(command.startswith("-m ") for command in FOUND)


def one_of(text: str) -> str:
    """Return an override with the first of the values that it sweeps over."""
    override: Override = parsed(text)
    if not override.is_sweep_override():
        return text
    value = override.value()
    first = value.start if isinstance(value, IntervalSweep) else next(iter(override.sweep_string_iterator()))
    return f"{override.get_key_element()}={first}"


@pytest.mark.slow  # a composition each
@pytest.mark.parametrize("command", FOUND)
def test_a_documented_command_composes(command: str) -> None:
    arguments = without_placeholders(command)
    if any(argument.startswith(("--help", "--version", "-sc", "--hydra-help")) for argument in arguments):
        return
    overrides = [argument for argument in understood(arguments, CONF) if "=" in argument]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("config", overrides=list(map(one_of, overrides)), return_hydra_config=True)
    assert to_typed(cfg).name
