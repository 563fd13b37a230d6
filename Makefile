# One command each; everything runs from the environment in .venv, made from pyproject.toml and constraints.txt.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
# Tests start Python many times: where this is set, each would compile our modules anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test test-unit test-long test-slurm bench check format
run: $(READY)            ## set-up, then one real run: MiniLM + LoRA on BBC News
	$(BIN)/python run.py

test: test-unit          ## set-up, then units, whole offline runs, and the real-model path, in under a quarter of an hour
	$(BIN)/python -m pytest -m "slow and not real and not slurm and not long" -n auto --dist worksteal
	$(BIN)/python -m pytest -m "real and not long"

test-unit: $(READY)      ## offline tests with tiny random models, in parallel, under two minutes on two cores
	$(BIN)/python -m pytest -m "not slow and not real and not slurm and not long" -n auto --dist loadfile

test-long: $(READY)      ## whole sweeps, several processes, kills at every write, full disks, W&B; a quarter of an hour
	$(BIN)/python -m pytest -m long -n auto --dist worksteal

test-slurm: $(READY)     ## jobs on a real SLURM of one node: SLURM_TEST_INSTALL=1 installs Debian's packages (apt-get), else they are skipped
	$(BIN)/python -m pytest -m slurm

# A violated gate is an error that make shows and passes by: the others are worth having.
bench: $(READY)          ## what benchmarks/RESULTS.md says of speed on a CPU, several hours on two quiet cores (a GPU: benchmarks/gpu.py)
	-$(BIN)/python benchmarks/single_run.py --short --rows 160 --test-rows 200
	-$(BIN)/python benchmarks/single_run.py --model minilm_l6 --short --batch 16 --rows 640 --epochs 2 --test-rows 400
	-$(BIN)/python benchmarks/single_run.py --model minilm_l6 --rows 480 --test-rows 400
	-$(BIN)/python benchmarks/classify.py
	-$(BIN)/python benchmarks/scoring.py --prompt examples --rows 128 --few 1
	-$(BIN)/python benchmarks/scoring.py --rows 8 --few 1
	-$(BIN)/python benchmarks/frozen_heads.py
	-$(BIN)/python benchmarks/packs.py --precision bf16
	-$(BIN)/python benchmarks/packs.py
	-$(BIN)/python benchmarks/packs.py --model smollm2_135m --lora r16_top_half --top-layers 0.25 --frozen-states memory --rows 24 --steps 9 --max-tokens 64
	-$(BIN)/python benchmarks/sweep.py
	-$(BIN)/python benchmarks/peft_layer.py
	-$(BIN)/python benchmarks/pack_memory.py
	-$(BIN)/python benchmarks/start_up.py

check: $(READY)          ## ruff, types, layers, configuration
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/conf

format: $(READY)         ## ruff's formatter and safe fixes
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $(READY)
