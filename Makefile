# Everything rests on `make install`: a virtual environment in .venv/ with pinned versions.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
STAMP := $(VENV)/.installed
ORACLES := $(VENV)/oracles/.installed
ENGINES := $(VENV)/engines/.installed
VLLM := $(VENV)/vllm/.installed

.PHONY: install demo test test-engines test-llama-cpp test-vllm chaos fuzz audit check recorded sample tasks wheel clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@test -x $(RUN)/python || $(PYTHON) -m venv $(VENV)
	$(RUN)/python -m pip install --quiet --constraint constraints.txt torch
	$(RUN)/python -m pip install --quiet --constraint constraints.txt --editable ".[test,dev]"
	@touch $(STAMP)

demo: install  ## the embedded model on the embedded questions, to a report in demo/report/
	$(RUN)/apprehend demo

test: install $(ORACLES)  ## all tests, two at a time
	$(RUN)/python -m pytest --numprocesses 2 --dist worksteal

$(ORACLES): tests/oracles.txt $(STAMP)  ## packages that tests compare with
	rm -rf $(@D)
	$(RUN)/python -m pip install --quiet --no-deps --target $(@D) --requirement tests/oracles.txt \
	    || echo "packages to compare with could not be installed: their tests will skip"
	@mkdir -p $(@D) && touch $@

test-engines: test-llama-cpp test-vllm  ## other engines, installed or compiled first (minutes)

test-llama-cpp: install $(ENGINES)  ## the same numbers from a llama.cpp server
	$(RUN)/python -m pytest tests/engines/test_llama_cpp.py

test-vllm: install $(VLLM)  ## the same numbers from vLLM
	APPREHEND_VLLM=$(dir $(VLLM)) $(RUN)/python -m pytest tests/engines/test_vllm.py

$(ENGINES): tests/engines.txt $(STAMP)
	rm -rf $(@D)
	$(RUN)/python -m pip install --quiet --target $(@D) --requirement tests/engines.txt \
	    || echo "llama.cpp could not be compiled: its tests will skip"
	@mkdir -p $(@D) && touch $@

$(VLLM): tests/engines_vllm.txt $(STAMP)
	rm -rf $(@D)
	$(RUN)/python -m pip install --quiet --no-deps --target $(@D) --requirement $< \
	    && PYTHONPATH=$(@D) $(RUN)/python -c "from vllm import LLM" >/dev/null \
	    || { rm -rf $(@D); echo "vLLM could not be installed: its tests will skip"; }
	@mkdir -p $(@D) && touch $@

chaos: install  ## a hundred runs killed with SIGKILL at random moments and resumed
	APPREHEND_CHAOS_RUNS=$(or $(RUNS),100) $(RUN)/python -m pytest -s tests/chaos

.venv/fuzz/done: | install
	@mkdir -p $(@D)
	$(RUN)/python -m pip install --quiet --no-deps --target $(@D) atheris==3.0.0
	@touch $@

fuzz: .venv/fuzz/done  ## ten minutes of fuzzing per reader, guided by coverage (SECONDS=600)
	$(RUN)/python tests/fuzz_guided.py $(or $(SECONDS),600)

audit: install  ## known weaknesses of the pinned dependencies, from a service on the net
	$(RUN)/python -m pip install --quiet pip-audit
	APPREHEND_AUDIT=1 $(RUN)/python -m pytest tests/test_security.py -k weaknesses

check: install  ## style and types
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy --any-exprs-report build/types
	$(RUN)/python tests/typed_share.py build/types/any-exprs.txt

recorded: install  ## report and paper of recorded answers (docs/recorded.md)
	$(RUN)/python docs/recorded.py

bench: install  ## what a run costs beside other packages, to build/bench.json (BENCH=quick GPU=cuda)
	$(RUN)/python tests/performance/bench.py $(if $(filter quick,$(BENCH)),--quick) $(if $(GPU),--gpu $(GPU))

sample: install  ## rebuild the embedded model and questions from their seed (minutes)
	$(RUN)/python -m apprehend.tasks.sample.build

tasks: install  ## rewrite the lm-eval task files
	$(RUN)/python -m apprehend.tasks.generate

wheel: install  ## build the wheel into dist/
	$(RUN)/python -m build --wheel --outdir dist .

clean:
	rm -rf build dist demo *.egg-info
