# Two commands: `make demo` (set-up and the main job on the embedded suite), `make test` (set-up and all tests).
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
OUT ?= runs
SITE ?= site

.PHONY: demo test lint docs docs-serve reports notebooks setup setup-dev clean

demo: $(VENV)/.ready
	$(BIN)/spm-bench run --suite demo --tracker SPM-lite --tracker CSRT --tracker KCF --tracker MOSSE --tracker static \
		--out $(OUT)
	@echo "Look at $(OUT)/demo/report: tables (Markdown, LaTeX, CSV), scores.json and plots (PNG, PDF)."

test: $(VENV)/.ready-dev
	$(BIN)/python -m pytest -n 2 --dist worksteal

lint: $(VENV)/.ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The notice is about the next major version of mkdocs, which the extra excludes.
docs: $(VENV)/.ready-dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --site-dir $(SITE)

docs-serve: $(VENV)/.ready-dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

notebooks: $(VENV)/.ready-dev
	$(BIN)/python notebooks/make.py

# The samples in reports/; those that need data say so. DATA: sequences; PUBLISHED: raw results of others.
reports: $(VENV)/.ready-dev
	$(BIN)/python reports/samples.py $(if $(DATA),--data $(DATA)) $(if $(PUBLISHED),--published $(PUBLISHED))

setup: $(VENV)/.ready
setup-dev: $(VENV)/.ready-dev

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.ready: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install -c constraints.txt -e .
	touch $@

# vot-toolkit brings opencv-python, which writes into the same folder as the contrib build: that one goes on top.
$(VENV)/.ready-dev: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install -c constraints.txt -e '.[dev]'
	$(PIP) install -c constraints.txt --no-deps --force-reinstall opencv-contrib-python-headless
	touch $(VENV)/.ready $@

clean:
	rm -rf $(VENV) $(OUT) $(SITE)
