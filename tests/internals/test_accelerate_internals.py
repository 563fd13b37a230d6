"""accelerate's internal API, and the flags that ``accelerate launch`` sets: which modules FSDP2 shards as one."""

from __future__ import annotations

import pytest
from accelerate import FullyShardedDataParallelPlugin
from accelerate.commands.launch import launch_command_parser
from accelerate.utils.launch import prepare_multi_gpu_env, prepare_simple_launcher_cmd_env

from headtohead.internals.accelerate_internals import wrapped_as_one
from small_trunks import make_trunk


def units(policy: str, trunk_name: str, **given: object) -> list[str]:
    """Names of the modules of a small trunk that a policy shards as one."""
    trunk = make_trunk(trunk_name)
    plugin = FullyShardedDataParallelPlugin(fsdp_version=2, auto_wrap_policy=policy, **given)
    plugin.set_auto_wrap_policy(trunk)
    is_unit = wrapped_as_one(plugin, trunk)
    return [name for name, module in trunk.named_modules() if is_unit(module)]


@pytest.mark.parametrize(
    ("trunk", "layers"),
    [
        ("llama", ["layers.0", "layers.1"]),
        ("qwen3", ["layers.0", "layers.1"]),
    ],
)
def test_auto_wrap_policy_shards_each_layer_as_one(trunk: str, layers: list[str]):
    assert units("transformer_based_wrap", trunk) == layers


def test_auto_wrap_policy_takes_the_classes_it_is_told():
    assert units("transformer_based_wrap", "llama", transformer_cls_names_to_wrap=["LlamaMLP"]) == [
        "layers.0.mlp",
        "layers.1.mlp",
    ]


def test_auto_wrap_policy_without_wrapping_has_no_units():
    assert units("no_wrap", "llama") == []


ONE_MACHINE = ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]


def test_launch_sets_the_flags_that_sharding_reads():
    line = ["--use_fsdp", "--fsdp_version", "2", "--num_processes", "2", *ONE_MACHINE, "run.py"]
    environment = prepare_multi_gpu_env(launch_command_parser().parse_args(line))
    assert environment["ACCELERATE_USE_FSDP"].lower() == "true"
    assert environment["FSDP_VERSION"] == "2"


def test_launch_sets_the_flag_for_cpus():
    line = ["--cpu", "--num_processes", "1", *ONE_MACHINE, "run.py"]
    _, environment = prepare_simple_launcher_cmd_env(launch_command_parser().parse_args(line))
    assert environment["ACCELERATE_USE_CPU"].lower() == "true"
