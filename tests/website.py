"""The website that `make book` makes, for the tests: how to build it, and what is wrong with its links."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[1]
OFFLINE = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}


def build(folder: Path) -> Path:
    """Make the website in this folder, by the command in the Makefile; return where its pages are."""
    command = re.search(r"-m (sphinx .+) \$\(ARGS\)", (ROOT / "Makefile").read_text(encoding="utf-8"))[1].split()
    arguments = [str(folder / part.removeprefix("build/")) if part.startswith("build/") else part for part in command]
    environment = {**os.environ, **OFFLINE}
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "book"


class Page(HTMLParser):
    """What can be linked to in a page, what it links to, what it loads, and its images without alternative text."""

    def __init__(self, path: Path):
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.mute: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        self.anchors |= {values[name] for name in ("id", "name") if values.get(name)}
        for name in ("href", "src", "poster"):
            if values.get(name):
                (self.links if tag == "a" else self.loads).append(values[name])
        if tag == "img" and not values.get("alt"):
            self.mute.append(values.get("src", ""))


def read(site: Path) -> dict[Path, Page]:
    """Read every page of a website."""
    return {path: Page(path) for path in sorted(site.rglob("*.html")) if "_static" not in path.parts}


def elsewhere(address: str) -> bool:
    """Is this on another host? (`data:` is in the page itself.)"""
    return bool(urlsplit(address).netloc) or urlsplit(address).scheme not in {"", "data"}


def broken_links(pages: dict[Path, Page]) -> list[str]:
    """Return what leads nowhere within the website: to a file that is not there, or to no place in a page."""
    broken = []
    for path, page in pages.items():
        for address in [*page.links, *page.loads]:
            if elsewhere(address) or address.startswith("data:"):
                continue
            parts = urlsplit(address)
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchors = pages[target].anchors if target in pages else set()
            if not target.is_file() or (parts.fragment and unquote(parts.fragment) not in anchors):
                broken.append(f"{path.name}: {address}")
    return broken


def foreign_loads(pages: dict[Path, Page], site: Path) -> list[str]:
    """Return what the pages and their style sheets would fetch from other hosts."""
    found = [f"{path.name}: {address}" for path, page in pages.items() for address in page.loads if elsewhere(address)]
    for path in site.rglob("*.css"):
        found += [
            f"{path.name}: {url}"
            for url in re.findall(
                r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\"')]+)", path.read_text(encoding="utf-8")
            )
        ]
    return found
