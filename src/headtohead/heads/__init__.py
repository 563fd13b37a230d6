"""Readouts: everything that turns a trunk's hidden states into scores of shape rows x width."""

from headtohead.heads.audit import LabelAudit as LabelAudit
from headtohead.heads.audit import answer_tokens as answer_tokens
from headtohead.heads.audit import audit_labels as audit_labels
from headtohead.heads.audit import require_answers_in_place as require_answers_in_place
from headtohead.heads.generative import GenerativeHead as GenerativeHead
from headtohead.heads.pooled import NativeHead as NativeHead
from headtohead.heads.pooled import PooledHead as PooledHead
from headtohead.heads.protocol import Head as Head
from headtohead.heads.protocol import batch_of_states as batch_of_states
from headtohead.heads.protocol import slice_outputs as slice_outputs
from headtohead.heads.shell import drop_pooler as drop_pooler
