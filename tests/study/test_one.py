"""One run alone that is asked to end, more than once."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]
# In the place of DVC: at work, and deaf to what asks it to end.
DEAF = """import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("at work", flush=True)
time.sleep(60)
"""
RUN = """from stages import project
from study import one
one.PATIENCE = 0.3
project.run(lambda: one._dvc("layers-1", "exp", "run"))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_does_not_break_off_the_end_of_what_it_has_started(number: int, tmp_path: Path) -> None:
    (tmp_path / "dvc").mkdir()
    (tmp_path / "dvc" / "__init__.py").touch()
    (tmp_path / "dvc" / "__main__.py").write_text(DEAF)
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    with subprocess.Popen([sys.executable, "-c", RUN], env=environment, stderr=subprocess.PIPE, text=True) as started:
        assert started.stderr
        assert started.stderr.readline() == "at work\n"
        left = psutil.Process(started.pid).children(recursive=True)
        started.send_signal(number)
        time.sleep(0.1)
        started.send_signal(number)
        said = started.stderr.read()
    assert said.endswith("run it again to go on\n")
    assert "Traceback" not in said
    assert psutil.wait_procs(left, timeout=30)[1] == []
