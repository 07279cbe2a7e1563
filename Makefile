# Thin names over the scripts; `python3 tools/setup_env.py TARGET` and
# `.venv/bin/python ...` do the same on a machine without make.
PYTHON ?= python3
VENV := .venv/bin/python

.PHONY: quickstart test gpu-test lint doctor

quickstart:  ## set up what pretraining needs, then run it on photographs
	@$(PYTHON) tools/setup_env.py quickstart
	$(VENV) tools/quickstart.py

test:  ## set up the full stack, then run the default tests
	@$(PYTHON) tools/setup_env.py test
	OMP_NUM_THREADS=1 $(VENV) -m pytest -n 2 --dist loadfile

gpu-test:  ## run the tests that need a CUDA device
	@$(PYTHON) tools/setup_env.py test
	$(VENV) -m pytest -m gpu

lint:  ## run ruff, mypy and codespell as pre-commit does
	@$(PYTHON) tools/setup_env.py test
	$(VENV) -m pre_commit run --all-files

doctor:  ## show the stack, what is wrong with it, and what cures it
	@$(firstword $(wildcard $(VENV)) $(PYTHON)) tools/doctor.py
