# Set up, learn, test: `make help` lists the targets. Written for GNU make from 3.81 on, which is macOS's own, and a POSIX
# shell, which on Windows comes with Git.

WINDOWS := $(filter Windows_NT,$(OS))
# The Python that the environment is made with, 3.11 to 3.14; choose another with `make PYTHON=python3.13`.
PYTHON ?= $(if $(WINDOWS),python,python3)
# More arguments for JupyterLab, pytest or uv: `make test ARGS=tests/test_images.py`, `make lock ARGS=--upgrade`.
ARGS ?=
# Strict by default: every stored output must come out again. On other platforms than the one they were stored on,
# `make test NBVAL=--nbval-lax` only asks that every cell runs.
NBVAL ?= --nbval
WORKERS ?= 2
NOTEBOOKS ?= $(sort $(wildcard notebooks/*.ipynb))

VENV := .venv
PY := $(VENV)/$(if $(WINDOWS),Scripts/python.exe,bin/python)
READY := $(VENV)/ready

# What `make run` stores, `make test` must see again: one thread (sums are rounded in the order they are added), no GPU,
# a fixed order of sets, and no progress bars among the outputs.
PINNED := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 CUDA_VISIBLE_DEVICES= PYTHONHASHSEED=0 \
	TQDM_DISABLE=1
# Nothing here needs the network, and this keeps it so: a download would fail. `make run OFFLINE=` allows it, for runs
# with the published weights or LFW.
OFFLINE := http_proxy=http://127.0.0.1:9 https_proxy=http://127.0.0.1:9 no_proxy=127.0.0.1,localhost
# Of what editors write into a notebook, time stamps and widget state say, keep what the notebook is about.
WITHOUT_BLOAT := --ClearMetadataPreprocessor.enabled=True \
	--ClearMetadataPreprocessor.preserve_cell_metadata_mask=tags \
	--ClearMetadataPreprocessor.preserve_cell_metadata_mask=jupyter \
	--ClearMetadataPreprocessor.preserve_nb_metadata_mask=kernelspec \
	--ClearMetadataPreprocessor.preserve_nb_metadata_mask=language_info

.PHONY: setup check lab app book test lint format run lock cast clean help

setup: $(READY)  ## make the environment in .venv (2 to 4 minutes and, on Linux, 6 GB); the default

lab: QUICK := --quick
lab: check  ## open JupyterLab at the first notebook
	$(PY) -m jupyterlab --LabApp.default_url=lab/tree/notebooks/00_start_here.ipynb $(ARGS)

app: QUICK := --quick
app: check  ## open an app that says who is on a photo, with a file of people of your own
	$(PY) -m voila facelab/app/identify_people.ipynb --Voila.config_file_paths=facelab/app $(ARGS)

# Sphinx takes the pages from where they lie; what it remembers of them stays out of the website.
book: QUICK := --quick
book: check  ## make a website of all notebooks, in build/book
	rm -rf build/book
	$(OFFLINE) $(PY) -m sphinx -q -W --keep-going -c notebooks/book -d build/book-cache . build/book $(ARGS)
	@echo 'The website is build/book: open build/book/index.html, or put the folder on a server.'

test: check  ## run all tests, and all notebooks against their stored outputs
	$(PINNED) $(OFFLINE) $(PY) -m pytest -n $(WORKERS) --dist loadscope --no-loadscope-reorder $(NBVAL) $(ARGS)

lint: $(READY)  ## say what is wrong with the style of code and notebooks
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) tests/notebook_checks.py $(NOTEBOOKS)

format: $(READY)  ## mend what of that can be mended automatically
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

run: check  ## execute the notebooks in place (one of them: NOTEBOOKS=notebooks/01_detect_faces.ipynb)
	$(PINNED) $(OFFLINE) $(PY) -m nbconvert --to notebook --execute --inplace \
		--ExecutePreprocessor.kernel_name=python3 --ExecutePreprocessor.record_timing=False \
		--ExecutePreprocessor.store_widget_state=False $(WITHOUT_BLOAT) $(NOTEBOOKS)
	$(PY) tests/notebook_checks.py $(NOTEBOOKS)
	$(PY) data/make_overview.py

lock: $(READY)  ## write requirements.txt anew from pyproject.toml (ARGS=--upgrade for the newest versions)
	$(PY) -m uv pip compile --quiet --universal --python-version 3.11 --all-extras --generate-hashes --no-header \
		$(ARGS) pyproject.toml --output-file requirements.txt

# Blender's Python module wants an environment of its own, and Python 3.11 exactly. `make clean` leaves hours of work alone.
.cast/env/ready: data/make_cast/requirements.txt
	$(PYTHON) -m venv .cast/env
	.cast/env/bin/python -m pip install --quiet -r data/make_cast/requirements.txt
	@touch $@

cast:  ## render the cast into .cast/out, resuming (HEAD_MODEL=head.npz, see data/make_cast/README.md; hours)
	@test -f '$(HEAD_MODEL)' || { \
		echo 'Name the head model, as in `make cast HEAD_MODEL=head.npz`: data/make_cast/README.md says how to make it.'; exit 1; }
	@$(MAKE) .cast/env/ready
	.cast/env/bin/python data/make_cast/render.py --head-model '$(HEAD_MODEL)' --out .cast/out --resume $(ARGS)

clean:  ## back to a fresh clone: removes .venv and all caches
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .coverage
	find . -name .git -prune -o \( -name __pycache__ -o -name .ipynb_checkpoints \) -type d -prune -exec rm -rf {} +

help:  ## list these targets
	@awk -F ':.*  ## ' '/^[a-z]+:.*  ## / { printf "make %-7s %s\n", $$1, $$2 }' Makefile

# Says in a sentence what is broken, before JupyterLab or pytest say it in a traceback. Without the stamp, the next
# `make` installs again whatever is missing.
check: $(READY)
	@$(PY) -c '' 2>/dev/null || { rm -f $(READY); \
		echo 'The Python in $(VENV) no longer runs (was it upgraded or removed?): run `make`, which sets up anew.'; exit 1; }
	@$(PY) -m facelab.environment $(QUICK) || { rm -f $(READY); exit 1; }

# Three ways to a pip, because any may be missing: the environment's own; the outer one, from release 22.3 on; and the
# copy that comes with Python, which Debian leaves out. `--no-deps` because requirements.txt is complete, and because
# facenet-pytorch's own pins are out of date.
$(READY): requirements.txt pyproject.toml
	@$(PY) -c '' 2>/dev/null || { rm -rf $(VENV); \
		command -v $(PYTHON) >/dev/null || { \
			echo 'There is no `$(PYTHON)` here: install Python 3.11 to 3.14, or name yours, as in `make PYTHON=python3.13`.'; \
			exit 1; }; \
		$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' || { \
			echo "`$(PYTHON) --version 2>&1` is not supported:" \
				'name a Python from 3.11 to 3.14, as in `make PYTHON=python3.13`.'; \
			exit 1; }; \
		$(PYTHON) -m venv --without-pip $(VENV); }
	@if $(PY) -m pip --version >/dev/null 2>&1; then pip='$(PY) -m pip'; \
	elif $(PYTHON) -m pip --python $(PY) --version >/dev/null 2>&1; then pip='$(PYTHON) -m pip --python $(PY)'; \
	elif $(PY) -m ensurepip >/dev/null 2>&1; then pip='$(PY) -m pip'; \
	else echo 'Set-up needs pip 22.3 or newer: run `$(PYTHON) -m pip install --upgrade pip`,' \
			'or on Debian and Ubuntu install python3-venv.'; \
		exit 1; fi; \
	if [ -t 1 ]; then quiet=; else quiet=--quiet; fi; \
	echo 'Installing the packages that requirements.txt names into $(VENV); this takes some minutes.'; \
	pip="$$pip --disable-pip-version-check install --no-deps"; \
	$$pip $$quiet --require-hashes -r requirements.txt && \
	PYTHONWARNINGS=ignore $$pip --quiet --no-build-isolation --no-index -e . || { \
		echo 'Set-up did not finish; what pip says above tells why. Run `make` again to go on where it stopped.'; \
		echo '(If it found no torch: there are builds for 64-bit Linux and Windows, and for Apple silicon from macOS 14 on.)'; \
		exit 1; }
	@touch $(READY)
	@echo 'Ready: `make lab` opens the first notebook.'
