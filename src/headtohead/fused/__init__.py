"""Jobs of a sweep trained together in one process: ``hydra/launcher=fused`` starts ``headtohead.fused.worker``."""
