"""The page of a report as Chromium lays it out: nothing is fetched, nothing is too wide, no two labels overlap."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from assistant.evaluation.report import report
from assistant.evaluation.report_page import page
from tests.made_evaluation import HOSTILE, run_of

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
)  # fmt: skip
OWN = re.compile(r"^(http://)?([\w-]+\.)+(google|googleapis|gstatic|gvt1)\.com\b")  # what the browser asks for itself
WIDTHS = (1280, 700, 400, 320)  # pixels
LONG = "a-tag-without-any-blank-in-it-" * 5
# What is laid out beyond the window, apart from what is cut on purpose; and texts of plots that lie over each other.
MEASURE = """
function measure(frame) {
  const page = frame.contentDocument, width = frame.clientWidth, wide = [], over = []
  for (const each of page.body.querySelectorAll("*")) {
    const box = each.getBoundingClientRect()
    const out = box.width && (box.right > width + 1 || box.left < -1)
    if (out) wide.push(each.tagName + " " + each.textContent.slice(0, 40))
  }
  for (const strip of page.querySelectorAll("svg")) {
    const texts = [...strip.querySelectorAll("text")].map(each => each.getBoundingClientRect())
    texts.forEach((one, place) => texts.slice(place + 1).forEach(two => {
      if (one.left < two.right && two.left < one.right && one.top < two.bottom && two.top < one.bottom) over.push(one.x)
    }))
  }
  return {name: frame.name, width: page.documentElement.scrollWidth - width, wide, over,
          marks: page.querySelectorAll("circle, rect").length, images: page.images.length}
}
onload = () => {
  document.getElementById("found").textContent = JSON.stringify([...document.querySelectorAll("iframe")].map(measure))
}
"""


class _Handler(BaseHTTPRequestHandler):
    """Serves pages, and is the browser's proxy for everything else, all of which it notes and refuses."""

    pages: dict[str, str]
    elsewhere: list[str]

    def do_GET(self) -> None:
        body = self.pages.get(self.path, "").encode()
        if not body and self.path != "/favicon.ico":
            self.elsewhere.append(self.path)
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_CONNECT(self) -> None:
        self.elsewhere.append(self.path)
        self.send_error(403)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""


@pytest.fixture
def served() -> Iterator[tuple[ThreadingHTTPServer, type[_Handler]]]:
    """A server on this machine, and what it was asked."""
    handler = type("Handler", (_Handler,), {"pages": {}, "elsewhere": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server, handler
    server.shutdown()
    server.server_close()
    thread.join()


def laid_out(server: ThreadingHTTPServer, pages: dict[str, str], folder: Path) -> list[dict[str, Any]]:
    """Each page in a frame of each width, measured after it was loaded."""
    frames = "".join(
        f'<iframe name="{name}" src="/{name}" style="border:0;height:600px;width:{width}px"></iframe>'
        for name in pages
        for width in WIDTHS
    )
    own = f'<!doctype html><script>{MEASURE}</script><pre id="found"></pre>{frames}'
    served = {f"/{name}": text for name, text in pages.items()}
    server.RequestHandlerClass.pages.update({"/": own, **served})  # type: ignore[attr-defined]  # our own handler
    address = f"127.0.0.1:{server.server_port}"
    assert CHROMIUM
    command = [
        CHROMIUM,
        *QUIET,
        f"--user-data-dir={folder}",
        f"--proxy-server={address}",
        "--dump-dom",
        f"http://{address}/",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stderr[-2000:]
    measured: list[dict[str, Any]] = json.loads(unescape(found[1]))
    return measured


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not on this machine")
def test_the_page_fits_every_window_and_fetches_nothing(
    served: tuple[ThreadingHTTPServer, type[_Handler]], tmp_path: Path
) -> None:
    """200 hostile questions in two arms, five arms, one question; beside them a page of which the same is not true."""
    server, handler = served
    tags = [(("dates", "money", LONG, HOSTILE)[place % 4],) for place in range(200)]
    rights = [[place % 3 > 0 for place in range(200)], [place % 7 > 0 for place in range(200)]]
    two = report(run_of(rights, 2, tags), run_of([[place % 2 > 0 for place in range(200)]]))
    five = report(run_of([[place % (arm + 2) > 0 for place in range(30)] for arm in range(5)], 1, tags[:30]))
    pages = {"two": page(two), "five": page(five), "one": page(report(run_of([[1]])))}
    wide = '<p style="width:1500px"><img src="http://bad.example/y"></p>'
    bad = f'<body>{wide}<svg><text y="9">one</text><text y="9">two</text></svg>'
    found = laid_out(server, {**pages, "bad": bad}, tmp_path)
    assert len(found) == len(WIDTHS) * 4
    for each in found:
        if each["name"] == "bad":
            assert each["width"] > 0 and each["wide"] and each["over"] and each["images"]
        else:
            assert (each["width"], each["wide"], each["over"], each["images"]) == (0, [], [], 0), each
            assert each["marks"] >= 2
    assert {path for path in handler.elsewhere if not OWN.search(path)} == {"http://bad.example/y"}
