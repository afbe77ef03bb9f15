# The commands of the course. `make book` and `make test` are all that a reader or a contributor needs;
# the README gives the plain commands behind them.

PYTHON ?= python3
PORT ?= 8000
# Tests that wait (for a browser, a kernel, a grader) leave a core free for another.
WORKERS ?= 4
SOLUTIONS ?= yes
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip
READY := $(VENV)/.ready
BROWSER_READY := $(VENV)/.browser
TORCH := $(shell sed -n 's/^\(torch==[^ ;]*\).*/\1/p' requirements.txt)
TORCH_CPU_INDEX := https://download.pytorch.org/whl/cpu

# Waiting threads sleep instead of spinning: on a busy machine that is several times faster.
export OMP_WAIT_POLICY ?= passive
# Hundreds of processes import the course: what one has compiled, the others need not compile again.
unexport PYTHONDONTWRITEBYTECODE
# Programs of the environment find each other.
export PATH := $(abspath $(BIN)):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help setup book html picture slides lab check test test-all lint bench experiments notebooks lock clean

help:
	@echo "make book         set up, build the book and serve it on localhost until stopped"
	@echo "make html         set up and build the book into _build/html; SOLUTIONS=no leaves those of the exercises out"
	@echo "make slides       build the book, and slides from its chapters into _build/slides"
	@echo "make picture      make the picture of the book, for its README and for links to it, anew from the built book"
	@echo "make lab          set up and open the chapters in JupyterLab"
	@echo "make test         set up (a browser too) and run the tests"
	@echo "make check        for the daily work: linters, and the tests that need neither a browser nor the book"
	@echo "make test-all     the same, with every wrong answer and a whole class of submissions graded"
	@echo "make bench        run the benchmarks"
	@echo "make experiments  re-make all recorded results, the speed records too"
	@echo "make notebooks    refresh the stored outputs of checked cells, strip all others"
	@echo "make lock         pin the environment anew from the ranges in pyproject.toml"
	@echo "make clean        remove what was built (the environment stays)"

setup: $(READY)

# On Linux the CPU-only torch comes first: a wheel that pip already finds, else torch's own index. Where
# neither answers, the requirements bring the default build; torch is never downloaded twice.
$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; ok = (3, 11) <= sys.version_info[:2] <= (3, 13); \
	sys.exit(0 if ok else "Python 3.11 to 3.13 is needed, this is " + sys.version.split()[0] + "; name another: make PYTHON=python3.12 ...")'
	@$(PIP) --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV) || { \
	echo "No virtual environment could be made. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@if [ "$$(uname -s)" = Linux ]; then \
	  echo "Looking for the CPU-only build of $(TORCH)"; \
	  $(PIP) install --quiet --no-deps --no-index "$(TORCH)" 2>/dev/null \
	  || $(PIP) install --no-deps --retries 1 --timeout 15 --index-url $(TORCH_CPU_INDEX) "$(TORCH)" \
	  || echo "Not found: taking the default build"; \
	fi
	$(PIP) install --quiet --requirement requirements.txt
	$(PIP) install --quiet --no-deps --editable .
	@touch $(READY)

html: $(READY)
	RANKING_SILENT=1 BOOKWORK_SOLUTIONS=$(SOLUTIONS) $(BIN)/jupyter-book build book --config _config.yml --toc _toc.yml --path-output . -W --keep-going

# Port 0 lets the system choose a free port where the usual one is taken.
book: html
	@echo "The book is served at the address below; stop with Ctrl-C."
	@$(BIN)/python -c 'import socket, sys; s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("127.0.0.1", $(PORT)))' 2>/dev/null \
	&& exec $(BIN)/python -u -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html \
	|| exec $(BIN)/python -u -m http.server 0 --bind 127.0.0.1 --directory _build/html

picture: html $(BROWSER_READY)
	$(BIN)/python tests/card.py

slides: html
	$(BIN)/python -m bookwork.slides _build/slides book/0*/index.ipynb --caches _build/.jupyter_cache \
	  --explorers ranking_course --palette ranking_course.palette:PALETTE
	@echo "Open _build/slides/index.html"

lab: $(READY)
	$(BIN)/jupyter lab --config lab/config.json

$(BROWSER_READY): $(READY)
	$(BIN)/python tests/browser.py
	@touch $(BROWSER_READY)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/oxlint --deny-warnings src
	git ls-files -z '*.py' | xargs -0 $(BIN)/python tests/book/literal_splats.py
	$(BIN)/lint-imports
	$(BIN)/mypy

check: lint
	RANKING_SILENT=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist loadscope \
	  -m "not browser and not lab and not slow"

test: $(READY) $(BROWSER_READY) lint html
	RANKING_SILENT=1 RANKING_BUILT_BOOK=_build/html OMP_NUM_THREADS=1 \
	  $(BIN)/python -m pytest --nbval -n $(WORKERS) --dist loadscope --no-loadscope-reorder book tests

test-all: export RANKING_TEST_ALL = 1
test-all: test

bench: $(READY) $(BROWSER_READY)
	@set -e; for script in benchmarks/*.py; do \
	  module=$$(echo $${script%.py} | tr / .); echo "== $$module"; $(BIN)/python -m $$module; done

experiments: $(READY)
	$(BIN)/python -m experiments

notebooks: $(READY)
	$(BIN)/python tests/book/notebook_hygiene.py --refresh $$(git ls-files 'book/*.ipynb')

lock:
	$(PYTHON) -m venv _build/lock && _build/lock/bin/pip install --quiet uv
	{ echo '# Made by `make lock` from the ranges in pyproject.toml: every package of the course, pinned.'; \
	  echo '# The CUDA packages of Linux are left out on purpose: a default torch brings its own, a CPU-only one needs none.'; \
	  _build/lock/bin/uv pip compile --universal --python-version 3.11 --extra book --extra teach --extra test --upgrade --quiet \
	    --index-strategy unsafe-best-match --no-header --no-annotate pyproject.toml \
	  | grep -v -E '^(nvidia-|cuda-|triton)'; } > requirements.new
	mv requirements.new requirements.txt

clean:
	rm -rf _build
