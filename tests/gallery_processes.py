"""What the tests of a gallery's durability let other processes do to it: enrol until killed, or until a disk is full.

Run as a program, it takes one command a line, as JSON, and answers each with a line. It imports once and forks for each
command, so that hundreds of kills take seconds; `python gallery_processes.py live PATH SEED PEOPLE` is the same without
a fork, for Windows.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from facelab.gallery_search import Model
from facelab.gallery_vectors import VectorGallery

MODEL = Model("toy", 32, "0123456789ab")


def vectors_of(label: int, count: int) -> np.ndarray:
    """The vectors of made-up person `label`: (count, 32) float32 of unit length, always the same."""
    vectors = np.random.default_rng(label).normal(size=(count, 32))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def thumbnails_of(label: int, count: int) -> list[np.ndarray]:
    """Their thumbnails: noise, so that JPEG makes several pages of each."""
    return list(np.random.default_rng(label).integers(0, 256, (count, 60, 60, 3), dtype=np.uint8))


def enrol(gallery: VectorGallery, name: str, label: int, start: int, stop: int) -> None:
    gallery.enrol_vectors(name, vectors_of(label, stop)[start:], thumbnails=thumbnails_of(label, stop)[start:])


def live(path: str, seed: int, people: dict[str, tuple[int, int]], report) -> None:
    """Enrol, add photos, rename and forget for ever, saying what before and after; people are name: (label, photos)."""
    rng, people = random.Random(seed), dict(people)
    gallery = VectorGallery(path, model=MODEL)
    while True:
        what = rng.choices(["new", "more", "rename", "forget"], [12, 4, 1, 1])[0] if people else "new"
        name, after = rng.choice(sorted(people)) if people else "", dict(people)
        if what == "new":
            label = rng.randrange(10**9)
            name = f"Person {label}"
            after[name] = (label, rng.randint(1, 5))
        elif what == "more":
            label, count = people[name]
            after[name] = (label, count + rng.randint(1, 3))
        elif what == "rename":
            after[f"Renamed {rng.randrange(10**9)}"] = after.pop(name)
        else:
            del after[name]
        report({"begins": what, "after": after})
        if what in ("new", "more"):
            enrol(gallery, name, after[name][0], people.get(name, (0, 0))[1], after[name][1])
        elif what == "rename":
            gallery.rename(name, next(iter(set(after) - set(people))))
        else:
            gallery.forget(name)
        people = after
        report({"done": what})


def without_transactions() -> None:
    """Break the gallery: every row is stored on its own, as by code that does not know of transactions."""
    from contextlib import contextmanager

    from facelab.gallery_file import GalleryFile

    @contextmanager
    def writing(self):
        with self._lent() as connection:
            yield connection
        self.own_changes += 1

    GalleryFile.writing = writing


def reporter(file: int):
    # One write to a pipe: what is said before a kill arrives whole.
    return lambda message: os.write(file, json.dumps(message).encode() + b"\n")


def child(work) -> tuple[int, int]:
    """Fork; give the child's process and the end of a pipe at which `work(report)` is heard."""
    hear, say = os.pipe()
    process = os.fork()
    if process == 0:
        status = 1
        try:
            os.close(hear)
            work(reporter(say))
            status = 0
        finally:
            os._exit(status)
    os.close(say)
    return process, hear


def heard(process: int, hear: int, said: bytes = b"") -> list:
    with os.fdopen(hear, "rb") as stream:
        lines = (said + stream.read()).splitlines()
    os.waitpid(process, 0)
    return [json.loads(line) for line in lines]


def killed(path: str, seed: int, people: dict, changes: int, delay: float, broken: bool) -> list:
    """Let somebody live in the gallery, and kill them `delay` seconds after they began so many changes."""

    def work(report):
        if broken:
            without_transactions()
        live(path, seed, people, report)

    process, hear = child(work)
    said = b""
    while said.count(b"begins") < changes:
        said += os.read(hear, 1)
    time.sleep(delay)
    os.kill(process, signal.SIGKILL)
    return heard(process, hear, said)


def together(path: str, writers: int, people: int) -> list:
    """Let several processes open the gallery and enrol into it at once: each its own people, and one in common."""

    def work(writer, report):
        gallery = VectorGallery(path, model=MODEL)
        for label in range(people):
            enrol(gallery, f"Person {writer}-{label}", 1000 * writer + label, 0, 2)
            enrol(gallery, "Everybody's", 999_999, 0, label + 1)
        report("done")

    children = [child(lambda report, writer=writer: work(writer, report)) for writer in range(1, writers + 1)]
    return [heard(*one) for one in children]


def filling(path: str, largest: int | None, most_pages: int | None) -> list:
    """Enrol until the disk is full, which a limit on files or on pages can play the part of."""

    def work(report):
        if largest:
            import resource

            resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
        gallery = VectorGallery(path, model=MODEL)
        if most_pages:
            with gallery._file._lent() as connection:
                connection.execute(f"PRAGMA max_page_count = {most_pages}")
        for label in range(10_000):
            try:
                enrol(gallery, f"Person {label}", label, 0, 3)
            except ValueError as error:
                report({"refused": label, "sentence": str(error), "readable": len(gallery.names)})
                break
            report({"enrolled": label})
        os._exit(0)  # without closing, as in a crash

    return heard(*child(work))


def main() -> None:
    if sys.argv[1:2] == ["live"]:
        path, seed, people = sys.argv[2:]
        live(path, int(seed), json.loads(people), reporter(1))
    enrol(VectorGallery(model=MODEL), "Once", 0, 0, 1)  # so that what loads when it is first used is loaded
    commands = {"killed": killed, "together": together, "filling": filling}
    for line in sys.stdin:
        command, arguments = json.loads(line)
        print(json.dumps(commands[command](**arguments)), flush=True)


if __name__ == "__main__":
    main()
