"""Jupyter's servers, run for the length of a test."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STARTS_WITHIN = 90  # seconds, on a machine that does other things too


def app_command(token: str = "") -> list[str]:
    """Give the command of `make app`, as it stands in the Makefile, with a token of one's own."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return [*re.search(r"-m (voila .+) \$\(ARGS\)", makefile)[1].split(), f"--token={token}"]


@contextmanager
def serving(command: list[str], log: Path, environment: dict[str, str], folder: Path):
    """Run one of Jupyter's servers on a free port, and give its address."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    address = f"http://127.0.0.1:{port}/"
    with log.open("wb") as output:
        command = [sys.executable, "-m", *command, f"--port={port}", "--no-browser"]
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        end = time.monotonic() + STARTS_WITHIN
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
                break
            if process.poll() is not None or time.monotonic() > end:
                pytest.fail(f"{' '.join(command)} did not start:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()
