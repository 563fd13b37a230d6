"""Typed configuration: one dataclass per concept, range checks in ``__post_init__``. Imports nothing heavy."""

from headtohead.config.build import build_config as build_config
from headtohead.config.build import takes_any_name as takes_any_name
from headtohead.config.compare import CompareConfig as CompareConfig
from headtohead.config.data import DataConfig as DataConfig
from headtohead.config.head import HeadConfig as HeadConfig
from headtohead.config.lora import LORA_CONFIGS as LORA_CONFIGS
from headtohead.config.lora import FrozenConfig as FrozenConfig
from headtohead.config.lora import FullConfig as FullConfig
from headtohead.config.lora import LoraConfig as LoraConfig
from headtohead.config.lora import TrainedConfig as TrainedConfig
from headtohead.config.loss import LOSS_CONFIGS as LOSS_CONFIGS
from headtohead.config.loss import LossConfig as LossConfig
from headtohead.config.loss import loss_in_words as loss_in_words
from headtohead.config.model import ModelConfig as ModelConfig
from headtohead.config.model import loading as loading
from headtohead.config.prompt import ExampleConfig as ExampleConfig
from headtohead.config.prompt import PromptConfig as PromptConfig
from headtohead.config.run import Config as Config
from headtohead.config.run import EvaluateConfig as EvaluateConfig
from headtohead.config.run import ExportConfig as ExportConfig
from headtohead.config.run import PathsConfig as PathsConfig
from headtohead.config.run import TaskConfig as TaskConfig
from headtohead.config.run import TrackConfig as TrackConfig
from headtohead.config.run import require_adapter as require_adapter
from headtohead.config.source import SourceConfig as SourceConfig
from headtohead.config.train import TrainConfig as TrainConfig
