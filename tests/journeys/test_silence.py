"""Nothing leaves the machine: a whole session is watched for network calls by the kernel's own eyes."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.timeout(300)
def test_no_process_of_a_session_opens_an_internet_socket(real_home, tmp_path):
    """Ingest and ask with the real models, children included: no AF_INET or AF_INET6 socket is ever made."""
    document = tmp_path / "note.txt"
    document.write_text("The spare key is under the blue pot behind the shed.")
    trace = tmp_path / "trace"
    program = [sys.executable, "-m", "assistant", "--home", str(real_home)]
    for command in (["ingest", str(document)], ["ask", "--max-tokens", "8", "Where is the spare key?"]):
        watched = ["strace", "-f", "-qq", "-e", "trace=socket,connect,bind,listen,sendto", "-o", str(trace)]
        run = subprocess.run([*watched, *program, *command], capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        calls = trace.read_text()
        assert "AF_INET" not in calls
    assert "blue pot" in subprocess.run([*program, "search", "spare key"], capture_output=True, text=True).stdout


def test_the_inference_library_carries_no_telemetry():
    """ONNX Runtime's Linux wheels report to Microsoft from 1.29 on; the one installed must not be able to."""
    folder = Path(importlib.util.find_spec("onnxruntime").origin).parent / "capi"
    binaries = list(folder.glob("*.so*"))
    assert binaries
    assert not [path for path in binaries if b"OneCollector" in path.read_bytes()]
