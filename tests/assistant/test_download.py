"""Does a model arrive whole and right, or not at all, whatever the network does? Against a real https server."""

from __future__ import annotations

import hashlib
import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from made_gguf import tiny_model
from made_https import CERTIFICATE, Site, served

from assistant.errors import AssistantError, ModelError, StorageError
from assistant.models.download import Download, Progress, part_of, record_of

QUICK = {"timeout": 10.0, "waits": (0.0, 0.0, 0.0)}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A server whose certificate is trusted here."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    monkeypatch.setenv("no_proxy", "localhost,127.0.0.1")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with served(Site(tiny_model(tmp_path / "served.gguf").read_bytes())) as site:
        yield site


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "models" / "tiny.gguf"


def never() -> bool:
    return False


def fetch(
    site: Site, target: Path, path: str = "/tiny.gguf", *, size: int = 0, sha256: str = "",
    cancelled: Callable[[], bool] = never, timeout: float = 10.0,
) -> list[Progress]:  # fmt: skip
    download = Download(site.url(path), target, size, sha256, timeout=timeout, waits=(0.0, 0.0, 0.0))
    return list(download.run(cancelled))


def digest(site: Site) -> str:
    return hashlib.sha256(site.content).hexdigest()


def is_whole(site: Site, target: Path) -> bool:
    """Whether the file is there, right, with its record, and nothing is left over."""
    return (
        target.read_bytes() == site.content
        and json.loads(record_of(target).read_text())["sha256"] == digest(site)
        and sorted(path.name for path in target.parent.iterdir()) == [target.name, record_of(target).name]
    )


def test_a_file_arrives_whole_with_its_hash(site: Site, target: Path) -> None:
    """Size and hash are checked, the record says where it is from; fetched again, nobody is asked."""
    last = fetch(site, target, size=len(site.content), sha256=digest(site))[-1]
    assert last == Progress("done", len(site.content), len(site.content), digest(site))
    assert is_whole(site, target) and json.loads(record_of(target).read_text())["verified"]
    assert oct(target.stat().st_mode & 0o777) == "0o600"
    assert site.asked[0][1]["Accept-Encoding"] == "identity" and "Authorization" not in site.asked[0][1]
    assert fetch(site, target, sha256=digest(site))[-1].stage == "done" and len(site.asked) == 1


def test_a_connection_that_is_cut_goes_on_where_it_was(site: Site, target: Path) -> None:
    """After each cut the rest alone is asked for, if it is still the same version; the hash is that of the whole."""
    site.cuts = [10_000, 30_000, 1, 20_000]
    fetch(site, target, sha256=digest(site))
    assert is_whole(site, target)
    ranges = [headers.get("Range") for _, headers in site.asked]
    assert ranges == [None, "bytes=10000-", "bytes=40000-", "bytes=40001-", "bytes=60001-"]
    assert {headers.get("If-Range") for _, headers in site.asked[1:]} == {'"v1"'}


def test_a_later_run_goes_on_and_checks_what_is_there(site: Site, target: Path) -> None:
    """What came is kept when the host fails for good or the user stops; the next run reads it into the hash first."""
    site.cuts, site.statuses = [25_000], [200, 503, 503, 503, 503]
    with pytest.raises(ModelError, match=r"cannot answer now \(status 503\)") as caught:
        fetch(site, target)
    assert "25,000 of" in caught.value.hint and "the same command goes on" in caught.value.hint
    assert part_of(target).stat().st_size == 25_000 and not target.exists()
    site.pause, seen = 0.02, []

    def after_some() -> bool:
        seen.append(part_of(target).stat().st_size)
        return seen[-1] > 50_000

    stopped = fetch(site, target, cancelled=after_some)
    assert stopped[-1].stage != "done" and not target.exists()
    kept = part_of(target).stat().st_size
    site.pause = 0.0
    assert fetch(site, target)[0] == Progress("checking", kept, len(site.content))
    assert site.asked[-1][1]["Range"] == f"bytes={kept}-" and is_whole(site, target)


def test_a_host_without_ranges_or_with_a_new_version_begins_anew(site: Site, target: Path) -> None:
    """No byte of another version is ever mixed in."""
    site.ranges, site.cuts = False, [30_000]
    fetch(site, target)
    assert is_whole(site, target)
    target.unlink()
    site.ranges, site.cuts, site.statuses = True, [30_000], [200, 404]
    with pytest.raises(ModelError, match="has no such file"):
        fetch(site, target)
    half = bytearray(site.content)
    half[-5000:] = bytes(5000)
    site.content, site.etag = bytes(half), '"v2"'
    fetch(site, target)
    assert is_whole(site, target)


def test_damage_to_what_was_kept_is_found(site: Site, target: Path) -> None:
    """A torn part cannot become the file: its hash is wrong, it is deleted, and the next run is right."""
    site.cuts, site.statuses = [40_000], [200, 404]
    with pytest.raises(ModelError):
        fetch(site, target)
    data = bytearray(part_of(target).read_bytes())
    data[20_000:30_000] = bytes(10_000)
    part_of(target).write_bytes(data)
    with pytest.raises(ModelError, match=r"was expected\. It was not used, and is deleted"):
        fetch(site, target, sha256=digest(site))
    assert not list(target.parent.iterdir())
    fetch(site, target, sha256=digest(site))
    assert is_whole(site, target)


def test_wrong_hashes_sizes_and_contents_are_refused(site: Site, target: Path) -> None:
    """One line says what was expected; a good file of that name stays as it is."""
    with pytest.raises(ModelError, match="What came has the SHA-256"):
        fetch(site, target, sha256="0" * 64)
    with pytest.raises(ModelError, match=r"offers a file of .* bytes; 5 were expected"):
        fetch(site, target, size=5)
    site.headers = {"X-Linked-Etag": f'"{"1" * 64}"', "X-Linked-Size": str(len(site.content))}
    with pytest.raises(ModelError, match=f"offers a file with the SHA-256 {'1' * 64}"):
        fetch(site, target, sha256=digest(site))
    with pytest.raises(ModelError, match=f"{'1' * 64} was expected"):
        fetch(site, target)
    site.headers = {}
    assert not list(target.parent.glob("*.gguf*"))
    fetch(site, target)
    for wanted in ({"sha256": "0" * 64}, {"size": 5, "sha256": digest(site)}):
        with pytest.raises(ModelError, match="is there already, and is another file"):
            fetch(site, target, **wanted)  # type: ignore[arg-type]  # a size and a hash
    with pytest.raises(ModelError, match="is another file"):
        fetch(site, target, "/other.gguf")
    assert is_whole(site, target)
    other, site.content = target.with_name("other.gguf"), b"<html>Please log in</html>" * 100
    with pytest.raises(ModelError, match="What came cannot be used, and is deleted: .* is not a GGUF model"):
        fetch(site, other)
    assert not other.exists() and not part_of(other).exists()


def test_a_body_of_another_length_is_not_believed(site: Site, target: Path) -> None:
    """Cut short it is not whole; longer than announced it is not read on; without a length it is not begun."""
    site.announced = len(site.content) + 1000
    with pytest.raises(ModelError, match="could not be fetched: the connection (broke|ended early)|offers a file of"):
        fetch(site, target)
    site.announced, whole = len(site.content) - 1000, site.content
    with pytest.raises(ModelError, match="cannot be used"):
        fetch(site, target.with_name("short.gguf"))
    assert not list(target.parent.glob("*.gguf")) and site.content == whole
    site.announced = 10**14
    with pytest.raises(StorageError, match="are free on this disk"):
        fetch(site, target.with_name("huge.gguf"))
    site.announced, site.headers = 0, {"Content-Encoding": "gzip"}
    with pytest.raises(ModelError, match="compressed"):
        fetch(site, target.with_name("packed.gguf"))


def test_redirects_stay_with_the_host_and_https(site: Site, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five at most; never to http, nor to another host; a token goes to the Hub's own address only."""
    with served(Site(site.content)) as store:
        site.redirects = {
            "/moved": "/tiny.gguf", "/loop": "/loop", "/plain": "http://localhost:1/x", "/file": "file:///etc/passwd",
            "/elsewhere": "https://127.0.0.1:1/x", "/store": store.url(),
        }  # fmt: skip
        for path, words in (
            ("/loop", "redirected more than 5 times"),
            ("/plain", "not https"),
            ("/file", "not https"),
            ("/elsewhere", "redirects to 127.0.0.1, another host"),
        ):
            with pytest.raises(ModelError, match=words):
                fetch(site, target, path)
        assert not target.exists()
        monkeypatch.setenv("HF_ENDPOINT", site.address)
        monkeypatch.setenv("HF_TOKEN", "hf_secret")
        fetch(site, target, "/store", sha256=digest(site))
        assert is_whole(site, target)
        assert site.asked[-1][1]["Authorization"] == "Bearer hf_secret"
        assert [headers.get("Authorization") for _, headers in store.asked] == [None]
    site.headers = {"X-Linked-Etag": f'"{digest(site)}"'}
    assert fetch(site, target.with_name("moved.gguf"), "/moved")[-1].told == digest(site)
    assert json.loads(record_of(target.with_name("moved.gguf")).read_text())["verified"]
    assert target.with_name("moved.gguf").read_bytes() == site.content


def test_a_slow_or_silent_host_is_given_up_in_words(site: Site, target: Path) -> None:
    """Each step has its time; what came before is kept."""
    site.pause, site.cuts = 0.0, [30_000]
    with pytest.raises(ModelError):
        site.statuses = [200, 404]
        fetch(site, target)
    site.pause = 1.0
    with pytest.raises(ModelError, match=r"could not be fetched: the connection broke \(it did not answer in time\)"):
        fetch(site, target, timeout=0.1)
    assert part_of(target).stat().st_size == 30_000
    site.pause = 0.0
    fetch(site, target)
    assert is_whole(site, target)


@pytest.mark.parametrize(
    ("status", "words"), [(401, "who you are"), (403, "who you are"), (404, "no such file"), (451, "refuses")]
)
def test_a_refusal_is_told(site: Site, target: Path, status: int, words: str) -> None:
    """A host that says no is asked once."""
    site.statuses = [status]
    with pytest.raises(ModelError, match=words):
        fetch(site, target)
    assert len(site.asked) == 1


def test_a_certificate_that_nobody_vouches_for_is_refused(
    site: Site, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is fetched from a host that cannot say who it is; so it is with one that is not there."""
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(ModelError, match="could not show a certificate that can be trusted"):
        fetch(site, target)
    assert not site.asked
    with pytest.raises(ModelError, match="localhost cannot be reached"):
        list(Download("https://localhost:1/x.gguf", target, waits=()).run(never))


def test_one_process_fetches_a_file_at_a_time(site: Site, target: Path) -> None:
    """A second one says so, and disturbs nothing."""
    first = Download(site.url(), target, waits=())
    site.pause = 0.01
    running = first.run(never)
    next(running)
    with pytest.raises(ModelError, match="is being fetched by another process"):
        fetch(site, target)
    site.pause = 0.0
    assert [*running][-1].stage == "done" and is_whole(site, target)


FETCH = """
import sys
from pathlib import Path
from assistant.models.download import Download
for each in Download(sys.argv[1], Path(sys.argv[2]), 0, sys.argv[3], waits=(0.0,)).run(lambda: False): pass
"""


@pytest.mark.parametrize("kills", [4, pytest.param(50, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_a_pull_that_is_killed_again_and_again_completes(site: Site, target: Path, kills: int) -> None:
    """Killed at random moments, also while it begins and while it ends; in the end the file is whole, and only then."""
    site.pause, chance = 0.06, random.Random(8)
    died = 0
    for _ in range(kills):
        child = subprocess.Popen([sys.executable, "-c", FETCH, site.url(), str(target), digest(site)])
        before = len(site.asked)
        deadline = time.monotonic() + 60
        while len(site.asked) == before and child.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.5))
        child.send_signal(signal.SIGKILL)
        died += child.wait() == -signal.SIGKILL
        if target.exists():  # it was quicker: once more
            assert target.read_bytes() == site.content
            target.unlink()
    assert died >= kills // 2
    site.pause = 0.0
    fetch(site, target, sha256=digest(site))
    assert is_whole(site, target)


def test_errors_of_the_disk_are_told(site: Site, tmp_path: Path) -> None:
    """A folder that cannot be written, and a part that is a link to somewhere else, end in one line."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("mine")
    target = tmp_path / "tiny.gguf"
    part_of(target).symlink_to(elsewhere)
    with pytest.raises(AssistantError, match="cannot be written"):
        fetch(site, target)
    assert elsewhere.read_text() == "mine"
