"""Is a model fetched only after a yes, told before, and right after? Is offline really offline?"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from made_gguf import tiny_model
from made_https import CERTIFICATE, Site, served

from adapters.offline_guard import is_loopback
from assistant.cli import main
from assistant.errors import UsageError
from assistant.models.catalogue import catalogue
from assistant.models.source import parse_source

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A hub of our own: HF_ENDPOINT names it, and its certificate is trusted here."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    monkeypatch.setenv("no_proxy", "localhost,127.0.0.1")
    with served(Site(tiny_model(tmp_path / "served.gguf").read_bytes())) as site:
        monkeypatch.setenv("HF_ENDPOINT", site.address)
        yield site


@pytest.fixture
def run(home: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["--home", str(home), *words])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


def test_the_catalogue_is_whole() -> None:
    """Small, middle and large models, Mistral 7B among them; every entry has what is needed to fetch and choose it."""
    entries = catalogue()
    assert {entry.group for entry in entries} == {"small", "middle", "large"}
    assert [entry.size for entry in entries if entry.name == "mistral-7b"] == [4_372_812_000]
    assert len({entry.name for entry in entries}) == len({entry.sha256 for entry in entries}) == len(entries)
    for entry in entries:
        source = parse_source(entry.name)
        assert source.url == f"https://huggingface.co/{entry.repository}/resolve/main/{entry.file}"
        assert (source.name, source.size, source.sha256) == (entry.name, entry.size, entry.sha256)
        assert len(entry.sha256) == 64 and entry.source in ("gallery", "public")
        assert 3 < entry.size * 8 / entry.parameters < 7  # bits a parameter of a file with four to five
        assert all((entry.title, entry.licence, entry.template, entry.good_for)) and entry.context >= 8192


@pytest.mark.parametrize(
    ("text", "url", "name"),
    [
        ("Org/repo/file.Q4_K_M.gguf", "https://huggingface.co/Org/repo/resolve/main/file.Q4_K_M.gguf", "file.Q4_K_M"),
        ("hf:o/r/sub/x.gguf", "https://huggingface.co/o/r/resolve/main/sub/x.gguf", "x"),
        (
            "https://huggingface.co/o/r/blob/main/x.gguf?download=true",
            "https://huggingface.co/o/r/resolve/main/x.gguf?download=true",
            "x",
        ),
        ("https://example.org/a%20b.gguf", "", ""),
        ("http://huggingface.co/o/r/x.gguf", "", ""),
        ("ftp://example.org/x.gguf", "", ""),
        ("https://user:secret@example.org/x.gguf", "", ""),
        ("o/r", "", ""),
        ("o/../x.gguf", "", ""),
        ("o/r/.hidden.gguf", "", ""),
        ("o/r/model.bin", "", ""),
        ("mistral-7", "", ""),
        ("https:///x.gguf", "", ""),
        ("", "", ""),
    ],
)
def test_what_can_be_asked_for(text: str, url: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names, files of repositories, and https addresses; everything else is refused in words."""
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    if not url:
        with pytest.raises(UsageError) as refused:
            parse_source(text)
        assert refused.value.hint
        return
    source = parse_source(text)
    assert (source.url, source.name) == (url, name)


def test_pulled_from_the_shell_after_a_yes(site: Site, home: Path, run: Run) -> None:
    """Without a yes nobody is asked; then size and hash are told, and what came is listed, checked and answers."""
    digest = hashlib.sha256(site.content).hexdigest()
    code, _, told = run("models", "pull", "org/repo/tiny.gguf")
    assert code == 2 and "Fetching needs a yes" in told and not site.asked
    site.headers = {"X-Linked-Etag": f'"{digest}"'}
    code, out, told = run("models", "pull", "org/repo/tiny.gguf", "--as", "mine", "--yes", "--json")
    assert code == 0 and all(word in told for word in ("host", "localhost", "size", "free", digest))
    assert json.loads(out) == {
        "name": "mine", "path": str(home / "models" / "mine.gguf"), "url": site.url("/org/repo/resolve/main/tiny.gguf"),
        "fetched": True, "size": len(site.content), "sha256": digest,
    }  # fmt: skip
    assert "mine" in run("models", "list")[1]
    assert run("models", "check")[0] == 0
    data = bytearray(site.content)
    data[-1] ^= 1
    (home / "models" / "mine.gguf").write_bytes(data)
    code, out, _ = run("models", "check", "mine", "--json")
    assert code == 1 and not json.loads(out)[0]["ok"]
    assert run("models", "check", "nobody")[0] == 3
    code, _, told = run("models", "pull", "org/repo/tiny.gguf", "--as", "mine", "--yes")
    assert code == 4 and "is there already, and is another file" in told
    code, _, told = run("models", "pull", "org/repo/tiny.gguf", "--sha256", "0" * 64, "--yes")
    assert code == 4 and "Nothing was changed here" in told
    code, _, told = run("models", "pull", "org/repo/tiny.gguf", "--sha256", "12", "--yes")
    assert code == 2 and "That is no SHA-256" in told


OFFLINE = """
import ctypes, socket
from assistant import offline
offline.go_offline()
refused = []
def tried(act):
    try:
        refused.append(act() not in (None, 0))
    except OSError as error:
        refused.append(type(error).__name__ in ("OfflineError", "PermissionError", "gaierror"))
addresses = {"192.0.2.1": socket.AF_INET, "2001:db8::1": socket.AF_INET6, "example.org": socket.AF_INET}
for address, family in addresses.items():
    with socket.socket(family, socket.SOCK_STREAM) as one:
        tried(lambda: one.connect((address, 9)))
        tried(lambda: one.connect_ex((address, 9)))
    tried(lambda: socket.socket(family, socket.SOCK_DGRAM))
tried(lambda: socket.getaddrinfo("example.org", 443))
tried(lambda: socket.gethostbyname("example.org"))
tried(lambda: socket.create_connection(("example.org", 443), 1))
native = ctypes.CDLL(None)
refused += [native.socket(family, kind, 0) == -1 for family in (2, 10) for kind in (2, 2 | 0o2000000)]
with socket.create_server(("127.0.0.1", 0)) as server:
    for host in ("127.0.0.1", "localhost"):
        socket.create_connection((host, server.getsockname()[1])).close()
left, right = socket.socketpair()
left.sendmsg([b"x"])
print(len(refused), all(refused))
"""


def test_offline_makes_every_connection_impossible() -> None:
    """Connections, datagrams and look-ups of names are refused, to native code too; loopback works."""
    done = subprocess.run([sys.executable, "-c", OFFLINE], capture_output=True, text=True)
    assert done.stdout.split() == ["16", "True"], done.stdout + done.stderr
    assert is_loopback("127.0.0.8") and is_loopback("::1") and is_loopback("LOCALHOST") and is_loopback(None)
    assert not is_loopback("localhost.example.org") and not is_loopback("128.0.0.1") and not is_loopback("0.0.0.1")


ATTEMPT = """
import socket
class Worker:
    def ask(self, url):
        try:
            socket.create_connection(("127.0.0.1" if url else "192.0.2.1", 9), 0.2)
        except OSError as error:
            return type(error).__name__
DownloadWorker = Finder = Worker
"""
CHILD = """
import asyncio, sys
from pathlib import Path
from assistant.worker_process import WorkerProcess
async def go():
    for name, url in (("download", ""), ("download", "here"), ("finder", "here")):
        worker = WorkerProcess(name, {}, Path(sys.argv[1]))
        print((await worker.call("ask", url=url)).data)
        await worker.stop()
from assistant import offline
if sys.argv[2] == "offline": offline.go_offline()
asyncio.run(go())
"""


def test_children_are_offline_too(tmp_path: Path) -> None:
    """The very child that may go out is refused when the assistant is offline, and only then; the others always are,
    on loopback too."""
    package = tmp_path / "code" / "patched"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "attempt.py").write_text(ATTEMPT)
    (tmp_path / "code" / "sitecustomize.py").write_text(
        "import sys\n"
        "if 'assistant.worker_host' in ' '.join(sys.orig_argv):\n"
        "    import patched.attempt\n"
        "    for name in ('download_worker', 'finder'):\n"
        "        sys.modules[f'assistant.models.{name}'] = patched.attempt\n"
    )
    seen = []
    for mode in ("online", "offline"):
        done = subprocess.run(
            [sys.executable, "-c", CHILD, str(tmp_path / "logs"), mode],
            capture_output=True, text=True, env={"PYTHONPATH": str(tmp_path / "code"), "PATH": "/usr/bin"},
        )  # fmt: skip
        seen.append(done.stdout.split())
    online, offline = seen
    assert offline == ["OfflineError", "ConnectionRefusedError", "PermissionError"]
    assert online[0] not in ("OfflineError", "PermissionError") and online[1:] == offline[1:]


def test_the_shell_refuses_to_fetch_while_offline(home: Path) -> None:
    """By the option or by the settings: one line that says so, and no connection."""
    command = [sys.executable, "-m", "assistant", "--home", str(home)]
    done = subprocess.run(
        [*command, "--offline", "models", "pull", "mistral-7b", "--yes"], capture_output=True, text=True
    )
    assert done.returncode == 2 and "The assistant is offline, so huggingface.co is not asked" in done.stderr
    with (home / "config.toml").open("a") as file:
        file.write("[network]\noffline = true\n")
    done = subprocess.run([*command, "models", "pull", "o/r/x.gguf", "--yes"], capture_output=True, text=True)
    assert done.returncode == 2 and "network.offline = false" in done.stderr
