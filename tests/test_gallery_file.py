"""What is enrolled survives kills, full disks, other writers and damaged files; what is forgotten does not."""

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from gallery_processes import MODEL, enrol, thumbnails_of, vectors_of
from one_sentence import sentence
from PIL import Image

from facelab import gallery_file
from facelab.gallery_faces import encode_thumbnail
from facelab.gallery_file import GalleryFile
from facelab.gallery_schema import APPLICATION_ID, FORMAT
from facelab.gallery_vectors import VectorGallery

PROGRAM = Path(__file__).with_name("gallery_processes.py")
FORKS = hasattr(os, "fork")
KILLS = 200
needs_fork = pytest.mark.skipif(not FORKS, reason="this system cannot fork, and a process takes too long to start")


def opened(path):
    return closing(VectorGallery(path, model=MODEL))


def refusal(path, error=ValueError):
    with pytest.raises(error) as caught:
        VectorGallery(path, model=MODEL).close()
    return sentence(caught)


@cache
def blobs_of(label, count):
    vectors = [vector.tobytes() for vector in vectors_of(label, count)]
    return list(zip(vectors, map(encode_thumbnail, thumbnails_of(label, count)), strict=True))


def faults(path, expected):
    """List what is wrong with a gallery that should hold just these people, {name: (label, photos)}, byte for byte."""
    found = []
    with opened(path) as gallery:
        if set(gallery.names) != set(expected):
            found.append("other names are read than expected")
        for name in set(gallery.names) & set(expected):
            if not np.array_equal(gallery.vectors(name), vectors_of(*expected[name])):
                found.append(f"{name} is read otherwise than expected")
    with closing(sqlite3.connect(path)) as raw:
        found += [row[0] for row in raw.execute("PRAGMA integrity_check") if row[0] != "ok"]
        found += [
            f"{table} {row} without {parent}" for table, row, parent, _ in raw.execute("PRAGMA foreign_key_check")
        ]
        blobs = {}
        rows = raw.execute(
            "SELECT person.name, embedding.vector, photo.thumbnail FROM person LEFT JOIN photo ON photo.person = "
            "person.id LEFT JOIN embedding ON embedding.photo = photo.id ORDER BY photo.id"
        )
        for name, vector, thumbnail in rows:
            blobs.setdefault(name, []).append((vector, thumbnail))
        logged = raw.execute(
            "SELECT person.name, SUM(log.photos) FROM person JOIN log ON log.person = person.id GROUP BY person.id"
        )
        logged = dict(logged.fetchall())
    for name in sorted(blobs.keys() ^ expected.keys()):
        found.append(f"{name} is {'there' if name in blobs else 'gone'}")
    for name in blobs.keys() & expected.keys():
        label, count = expected[name]
        if blobs[name] != blobs_of(label, count):
            found.append(f"{name} is there in part")
        if logged.get(name) != count:
            found.append(f"{name} is logged with {logged.get(name)} photos")
    return found


@pytest.fixture
def path(tmp_path):
    return tmp_path / "people.gallery"


@pytest.fixture
def people(path):
    """A gallery of three people, closed."""
    people = {"Ada": (1, 2), "Grace": (2, 1), "Émilie du Châtelet": (3, 3)}
    with opened(path) as gallery:
        for name, (label, count) in people.items():
            enrol(gallery, name, label, 0, count)
    return people


@pytest.fixture(scope="module")
def processes():
    """Call commands of gallery_processes.py in a light process of its own, which forks for each."""
    with subprocess.Popen(
        [sys.executable, PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:

        def call(command, **arguments):
            process.stdin.write(json.dumps([command, arguments]) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield call
        process.stdin.close()


# --- the checker -----------------------------------------------------------------------------------------------------


def test_nothing_is_wrong_with_a_sound_gallery(path, people):
    assert faults(path, people) == []


@pytest.mark.parametrize(
    ("change", "finds"),
    [
        ("DELETE FROM embedding WHERE photo = 1", "Ada is there in part"),
        ("DELETE FROM photo WHERE id = 1", "Ada is there in part"),
        ("DELETE FROM person WHERE id = 2", "photo 3 without person"),
        ("UPDATE photo SET thumbnail = NULL WHERE id = 1", "Ada is there in part"),
        ("UPDATE embedding SET vector = (SELECT vector FROM embedding WHERE photo = 2) WHERE photo = 1", "in part"),
        ("INSERT INTO person (name, key) VALUES ('Eve', 'eve')", "Eve is there"),
        ("UPDATE log SET photos = 7 WHERE id = 1", "Ada is logged with 7 photos"),
    ],
)
def test_what_is_wrong_is_found(path, people, change, finds):
    with closing(sqlite3.connect(path)) as raw:
        raw.execute(change)
        raw.commit()
    assert any(finds in fault for fault in faults(path, people))


# --- kills -----------------------------------------------------------------------------------------------------------


def survived(path, before, heard):
    """What is wrong after a kill, who is there now, and whether it came in the middle of something."""
    expected, unfinished = before, None
    for message in heard:
        if "begins" in message:
            unfinished = message["after"]
        else:
            expected, unfinished = unfinished, None
    expected = {name: tuple(one) for name, one in expected.items()}
    found = faults(path, expected)
    if found and unfinished is not None:  # then it has happened wholly
        expected = {name: tuple(one) for name, one in unfinished.items()}
        found = faults(path, expected)
    return found, expected, unfinished is not None


def kill_often(call, folder, kills, lives=20, broken=False):
    """Kill writers at random moments, some twenty times a gallery; give faults, changes made and changes cut short."""
    rng, wrong, done, cut = random.Random(0), [], 0, 0
    for kill in range(kills):
        if kill % lives == 0:
            path, people = folder / f"{kill}.gallery", {}
        wait = {"changes": rng.randint(0, 3), "delay": rng.uniform(0, 0.02)}
        heard = call("killed", path=str(path), seed=kill, people=people, broken=broken, **wait)
        if path.exists():
            found, people, within = survived(path, people, heard)
            wrong += found
            done += sum("done" in message for message in heard)
            cut += within
    return wrong, done, cut


@needs_fork
def test_kills_at_random_moments_lose_nothing_and_leave_nothing_half_there(processes, tmp_path):
    wrong, done, cut = kill_often(processes, tmp_path, KILLS)
    print(f"{KILLS} kills: {done} changes were made, {cut} were cut short")
    assert wrong == []
    assert cut > KILLS / 4
    assert done > KILLS / 4


@needs_fork
def test_the_kills_find_out_a_gallery_without_transactions(processes, tmp_path):
    wrong, *_ = kill_often(processes, tmp_path, 20, lives=1, broken=True)
    assert any("in part" in fault for fault in wrong)


def test_a_whole_interpreter_killed(path):
    people, cut = {}, 0
    for kill in range(2 if FORKS else 20):
        command = [sys.executable, PROGRAM, "live", path, str(kill), json.dumps(people)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            lines = [process.stdout.readline() for _ in range(10 + kill)]
            process.kill()
            lines += process.stdout.readlines()
        found, people, within = survived(path, people, [json.loads(line) for line in lines if line.endswith(b"\n")])
        assert found == []
        cut += within
    assert people
    assert cut


def test_a_log_cut_at_any_byte_gives_back_whole_enrolments(tmp_path, path):
    """What is left when the power fails: the beginning of the log, and anything in the rest of its last sector."""
    with opened(path) as gallery:
        for label in range(12):
            enrol(gallery, f"Person {label}", label, 0, 3)
        copy = path.read_bytes(), path.with_name("people.gallery-wal").read_bytes()
    rng, seen = random.Random(0), set()
    for cut in [0, len(copy[1]), *(rng.randrange(len(copy[1])) for _ in range(50))]:
        other = tmp_path / "cut.gallery"
        other.write_bytes(copy[0])
        other.with_name("cut.gallery-wal").write_bytes(copy[1][:cut] + rng.randbytes(rng.choice([0, 512])))
        with opened(other) as gallery:
            count = len(gallery)
        seen.add(count)
        assert faults(other, {f"Person {label}": (label, 3) for label in range(count)}) == []
    assert {0, 12} < seen


def test_an_interrupt_while_enrolling_leaves_nothing(path, people, monkeypatch):
    with opened(path) as gallery:
        monkeypatch.setattr("facelab.gallery_people.write_log", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            enrol(gallery, "Eve", 9, 0, 3)
        assert "Eve" not in gallery
        monkeypatch.undo()
        enrol(gallery, "Eve", 9, 0, 3)
    assert faults(path, people | {"Eve": (9, 3)}) == []


# --- several writers -------------------------------------------------------------------------------------------------


@needs_fork
def test_processes_that_make_and_write_one_gallery_at_once(processes, path):
    assert processes("together", path=str(path), writers=3, people=12) == [["done"]] * 3
    people = {f"Person {writer}-{label}": (1000 * writer + label, 2) for writer in (1, 2, 3) for label in range(12)}
    assert faults(path, people | {"Everybody's": (999_999, 12)}) == []


def test_another_writer_is_seen_at_once(path):
    with opened(path) as one, opened(path) as other:
        assert one.names == []
        enrol(other, "Ada", 1, 0, 2)
        assert one.names == ["Ada"]
        assert one.identify_vectors(vectors_of(1, 1), threshold=0.1)[0].name == "Ada"
        other.rename("Ada", "Ada Lovelace")
        assert one.names == ["Ada Lovelace"]
        enrol(one, "Grace", 2, 0, 1)
        assert other.names == ["Ada Lovelace", "Grace"]
        other.forget("ada lovelace")
        assert one.identify_vectors(vectors_of(1, 1), threshold=0.1)[0].name is None
        assert one._known() is one._known()  # nobody wrote: the matrix is not read again


def test_a_second_gallery_in_one_process_leaves_the_first_its_locks(path, people):
    """Closing any handle of a file ends all of the process's locks on it (POSIX), and others would delete its log."""
    with opened(path) as gallery:
        enrol(gallery, "Eve", 9, 0, 1)
        with opened(path) as second:
            assert "Eve" in second
        code = f"import sqlite3; raw = sqlite3.connect({str(path)!r}); raw.execute('SELECT * FROM log'); raw.close()"
        subprocess.run([sys.executable, "-c", code], check=True)  # the last to leave, as far as it can see?
        assert path.with_name("people.gallery-wal").exists()
        enrol(gallery, "Mallory", 10, 0, 1)
    assert faults(path, people | {"Eve": (9, 1), "Mallory": (10, 1)}) == []


def test_a_read_is_of_one_moment(path, people):
    with opened(path) as one, opened(path) as other, one._file.reading():
        before = one.names
        enrol(other, "Eve", 9, 0, 1)
        assert one.names == before
    with opened(path) as one:
        assert one.names == [*before, "Eve"]


def test_a_writer_that_does_not_end(path, people, monkeypatch):
    monkeypatch.setattr(gallery_file, "BUSY_SECONDS", 0.1)
    with opened(path) as gallery, closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("BEGIN IMMEDIATE")
        with pytest.raises(ValueError, match="is being written by another program, for more than") as error:
            enrol(gallery, "Eve", 9, 0, 1)
        assert sentence(error)
        assert gallery.names == list(people)  # reading goes on meanwhile
        raw.execute("ROLLBACK")
        enrol(gallery, "Eve", 9, 0, 1)
    assert faults(path, people | {"Eve": (9, 1)}) == []


@needs_fork
def test_a_gallery_carried_over_a_fork_is_refused(path, people):
    with opened(path) as gallery:
        gallery._file._process -= 1  # as a child's os.getpid() would show
        with pytest.raises(ValueError, match="was opened by another process") as error:
            gallery.names  # noqa: B018
        assert sentence(error)
        gallery._file._process += 1


# --- a full disk, a disk that may only be read -----------------------------------------------------------------------


@contextmanager
def small_disk():
    """A disk of 500 kB, where that can be mounted."""
    folder = tempfile.mkdtemp()
    mounted = sys.platform == "linux" and shutil.which("mount") and os.geteuid() == 0
    if not (mounted and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=500k", "tmpfs", folder]).returncode == 0):
        os.rmdir(folder)
        pytest.skip("a small disk can be mounted on Linux and by an administrator only; limits play its part")
    try:
        yield Path(folder)
    finally:
        subprocess.run(["umount", folder], check=True)
        os.rmdir(folder)


def check_full(path, heard, call):
    *enrolled, refused = heard
    assert len(enrolled) > 5
    assert refused["refused"] == refused["readable"] == len(enrolled)
    assert "the disk is full or failing" in refused["sentence"]
    assert refused["sentence"].endswith("make room and try again.")
    people = {f"Person {label}": (label, 3) for label in range(len(enrolled))}
    assert faults(path, people) == []
    with opened(path) as gallery:  # and it goes on where there is room
        enrol(gallery, "Eve", 999_999, 0, 1)
    assert faults(path, people | {"Eve": (999_999, 1)}) == []


@needs_fork
@pytest.mark.parametrize("limit", [{"largest": 400_000, "most_pages": None}, {"largest": None, "most_pages": 60}])
def test_a_full_disk_by_limits(processes, path, limit):
    check_full(path, processes("filling", path=str(path), **limit), processes)


@needs_fork
def test_a_full_disk_by_a_disk(processes):
    with small_disk() as folder:
        ballast = folder / "ballast"
        ballast.write_bytes(bytes(100_000))
        path = folder / "people.gallery"
        heard = processes("filling", path=str(path), largest=None, most_pages=None)
        with opened(path) as gallery:  # on the full disk
            assert len(gallery) == len(heard) - 1
        ballast.unlink()
        check_full(path, heard, processes)


@pytest.fixture
def locked():
    """A folder, and a way to take away the right to write what is in it, from an administrator too."""
    folder = Path(tempfile.mkdtemp()).resolve()
    administrator = hasattr(os, "geteuid") and os.geteuid() == 0

    @contextmanager
    def lock():
        paths = [folder, *folder.iterdir()]
        for path in paths:
            path.chmod(0o555 if path.is_dir() else 0o444)
        if administrator:
            os.seteuid(65534)  # nobody: an administrator's permission does not end with the file's
        try:
            yield
        finally:
            if administrator:
                os.seteuid(0)
            for path in paths:
                path.chmod(0o755 if path.is_dir() else 0o644)

    if os.name == "nt":
        pytest.skip("Windows has no folders that may only be read")
    yield folder, lock
    shutil.rmtree(folder)


def test_a_gallery_that_may_only_be_read(locked):
    folder, lock = locked
    path = folder / "people.gallery"
    with opened(path) as gallery:
        enrol(gallery, "Ada", 1, 0, 2)
        gallery.set_threshold(0.5)
    before = path.read_bytes()
    with lock(), opened(path) as gallery:
        assert gallery.names == ["Ada"]
        assert gallery.identify_vectors(vectors_of(1, 1))[0].name == "Ada"
        for change in (
            lambda: enrol(gallery, "Eve", 9, 0, 1),
            lambda: gallery.rename("Ada", "Eve"),
            lambda: gallery.forget("Ada"),
        ):
            with pytest.raises(ValueError, match="may only be read, so that nothing was changed") as error:
                change()
            assert sentence(error)
    assert path.read_bytes() == before
    with opened(path) as gallery:
        enrol(gallery, "Eve", 9, 0, 1)
    assert faults(path, {"Ada": (1, 2), "Eve": (9, 1)}) == []


def test_a_log_that_may_only_be_read_is_not_passed_over(locked):
    folder, lock = locked
    path, other = folder / "people.gallery", folder / "copy.gallery"
    with opened(path) as gallery:
        enrol(gallery, "Ada", 1, 0, 2)
        shutil.copy(path, other)
        shutil.copy(f"{path}-wal", f"{other}-wal")  # as a kill leaves it: Ada is in the log only
    with lock():
        assert "may only be read" in refusal(other)
    assert faults(other, {"Ada": (1, 2)}) == []


def test_no_new_gallery_where_none_may_be_written(locked):
    folder, lock = locked
    with lock():
        assert "cannot be made (Permission denied): choose a place that" in refusal(folder / "people.gallery")


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_a_new_gallery_is_its_owners_alone(path, people):
    with opened(path) as gallery:
        enrol(gallery, "Eve", 9, 0, 1)
        for file in path.parent.iterdir():
            assert file.stat().st_mode & 0o077 == 0, file


# --- files that are none ---------------------------------------------------------------------------------------------


def jpeg(path):
    Image.new("RGB", (60, 60)).save(path, "JPEG")


def database(path):
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("CREATE TABLE person (name TEXT)")


def emptied_database(path):
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA user_version = 3")


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (lambda path: path.write_text("name,photo\nAda,ada.jpg\n"), "is not a gallery, but a file of another kind"),
        (lambda path: path.write_bytes(b"x"), "but a file of another kind"),
        (jpeg, "but a file of another kind"),
        (database, "is an SQLite database, but not a gallery"),
        (emptied_database, "is an SQLite database, but not a gallery"),
        (
            lambda path: path.write_bytes(b"SQLite format 3\0" + bytes(5000)),
            "or the beginning of one, and was left as it is",
        ),
        (lambda path: path.write_bytes(b"SQLite for"), "or the beginning of one"),
    ],
)
def test_a_foreign_file_is_refused_and_left_alone(path, write, says):
    write(path)
    before = path.read_bytes()
    assert says in refusal(path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_file_from_a_newer_version(path, people):
    with closing(sqlite3.connect(path)) as raw:
        raw.execute(f"PRAGMA user_version = {FORMAT + 1}")
        raw.execute("CREATE TABLE aura (colour TEXT)")
    before = path.read_bytes()
    message = refusal(path)
    assert f"has format {FORMAT + 1}, from a newer facelab than this one, which reads up to {FORMAT}" in message
    assert "upgrade facelab" in message
    assert path.read_bytes() == before


def test_a_schema_that_was_tampered_with(path, people):
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("CREATE TRIGGER leak AFTER INSERT ON person BEGIN DELETE FROM log; END")
    assert "is damaged" in refusal(path)


def test_a_file_cut_short_anywhere_is_refused(path, people):
    whole, rng = path.read_bytes(), random.Random(0)
    for size in [1, 15, 16, 99, 100, 4096, len(whole) - 1, *(rng.randrange(1, len(whole)) for _ in range(30))]:
        path.write_bytes(whole[:size])
        says = refusal(path)
        assert "is damaged or cut short, and was left as it is: go back" in says or (size < 512 and "beginning" in says)
        assert path.read_bytes() == whole[:size]
    path.write_bytes(whole)
    assert faults(path, people) == []


def test_a_file_cut_to_nothing_while_its_log_is_there(path):
    with opened(path) as gallery:
        enrol(gallery, "Ada", 1, 0, 1)
        log = path.with_name("people.gallery-wal").read_bytes()
    path.write_bytes(b"")
    path.with_name("people.gallery-wal").write_bytes(log)
    assert "is damaged or cut short" in refusal(path)
    assert path.with_name("people.gallery-wal").read_bytes() == log


def test_bytes_overwritten_are_noticed_or_harmless(path, people):
    """Whatever page is overwritten, opening says so, or what can be read is what was stored, or reading says so."""
    whole, rng, noticed = path.read_bytes(), random.Random(0), set()
    for page in range(len(whole) // 4096):
        damaged = bytearray(whole)
        damaged[page * 4096 : page * 4096 + 200] = rng.randbytes(200)
        path.write_bytes(damaged)
        try:
            gallery = VectorGallery(path, model=MODEL)
        except ValueError:
            noticed.add(page)
            continue
        with closing(gallery), suppress(ValueError):
            assert gallery.names == list(people)
            for name, (label, count) in people.items():
                assert np.array_equal(gallery.vectors(name), vectors_of(label, count))
    print(f"{len(noticed)} of {len(whole) // 4096} pages")
    assert len(noticed) >= 10


def test_vectors_that_are_none_are_damage(path, people):
    for blob in (b"", bytes(32 * 4), b"\xff" * 128, bytes(12)):
        with closing(sqlite3.connect(path)) as raw:
            raw.execute("UPDATE embedding SET vector = ? WHERE photo = 1", [blob])
            raw.commit()
        with opened(path) as gallery, pytest.raises(ValueError, match="is damaged") as error:
            gallery.identify_vectors(vectors_of(1, 1), threshold=1)
        assert sentence(error)


def test_places_that_are_none(tmp_path):
    assert "is a folder: give a file in it" in refusal(tmp_path)
    assert "There is no folder" in refusal(tmp_path / "nowhere" / "people.gallery", FileNotFoundError)


@pytest.mark.parametrize("name", ["with blank.gallery", "50 %41&mode=ro#1.gallery", "Größe.gallery"])
def test_any_name_of_a_file(tmp_path, name):
    with opened(tmp_path / name) as gallery:
        enrol(gallery, "Ada", 1, 0, 1)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_an_empty_file_becomes_a_gallery(path):
    path.touch()
    with opened(path) as gallery:
        enrol(gallery, "Ada", 1, 0, 1)
    assert faults(path, {"Ada": (1, 1)}) == []
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_the_connection_asks_for_durability(path):
    with opened(path) as gallery, gallery._file.reading() as connection:
        for pragma, value in {"synchronous": 2, "foreign_keys": 1, "secure_delete": 1, "trusted_schema": 0}.items():
            assert connection.execute(f"PRAGMA {pragma}").fetchone() == (value,)


def test_closed(path, people):
    gallery = VectorGallery(path, model=MODEL)
    gallery.close()
    gallery.close()
    with pytest.raises(ValueError, match="is closed: make a new Gallery") as error:
        gallery.names  # noqa: B018
    assert sentence(error)


# --- forgotten for good ----------------------------------------------------------------------------------------------


def traces(path, name, label, count):
    """List which traces of a person are in the file or in what SQLite keeps beside it: any 40 bytes of theirs."""
    stored = b"".join(file.read_bytes() for file in path.parent.iterdir() if file.name.startswith(path.name))
    wanted = {"name": [name.encode()], "key": [name.casefold().encode()]}
    wanted["vector"], thumbnails = zip(*blobs_of(label, count), strict=True)
    wanted["thumbnail"] = [thumbnail[700:] for thumbnail in thumbnails]  # their headers are alike
    pieces = {
        what: {blob[i : i + 40] for blob in blobs for i in range(0, max(1, len(blob) - 39), 40)}
        for what, blobs in wanted.items()
    }
    return [what for what, some in pieces.items() if any(piece in stored for piece in some)]


EVERYTHING = ["name", "key", "vector", "thumbnail"]


def test_traces_are_found_as_long_as_there_are_any(path, people, monkeypatch):
    assert traces(path, "Grace", 2, 1) == EVERYTHING
    assert traces(path, "Nobody", 77, 1) == []
    monkeypatch.setattr(GalleryFile, "scrub", lambda self: None)
    with opened(path) as gallery:
        enrol(gallery, "Eve", 9, 0, 2)
        gallery.forget("Eve")
        assert "Eve" not in gallery
        assert traces(path, "Eve", 9, 2) == EVERYTHING


def test_who_is_forgotten_leaves_no_byte(path, people):
    with opened(path) as gallery, opened(path) as other:
        other.names  # noqa: B018, another kernel has them in memory
        for label in range(100, 120):
            enrol(gallery, f"Person {label}", label, 0, 5)
        size = sum(file.stat().st_size for file in path.parent.iterdir())
        for label in range(100, 119):
            assert gallery.forget(f"Person {label}") == 5
            assert traces(path, f"Person {label}", label, 5) == []
        assert traces(path, "Person 119", 119, 5) == EVERYTHING
        assert sum(file.stat().st_size for file in path.parent.iterdir()) < size / 4
        assert other.names == [*people, "Person 119"]
        events = gallery.log()
        assert events["event"].value_counts().to_dict() == {"enrolled": 23, "forgotten": 19}
        assert set(events.loc[events["event"] == "forgotten", "photos"]) == {5}
    assert faults(path, people | {"Person 119": (119, 5)}) == []


def test_a_name_given_up_leaves_no_byte(path, people):
    with opened(path) as gallery:
        gallery.rename("Grace", "Grace Hopper, once and for all")
        gallery.rename("Grace Hopper, once and for all", "Admiral")
        assert traces(path, "Grace", 2, 1) == ["vector", "thumbnail"]
    assert faults(path, {("Admiral" if name == "Grace" else name): one for name, one in people.items()}) == []


def test_killed_between_forgetting_and_erasing(path, people, monkeypatch):
    monkeypatch.setattr(GalleryFile, "scrub", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
    with opened(path) as gallery, pytest.raises(KeyboardInterrupt):
        gallery.forget("Grace")
    monkeypatch.undo()
    with opened(path) as gallery:
        assert "Grace" not in gallery
        assert traces(path, "Grace", 2, 1) == []


def test_a_reader_keeps_traces_alive_and_is_told_on(path, people, monkeypatch):
    monkeypatch.setattr(gallery_file, "BUSY_SECONDS", 0.1)
    with opened(path) as gallery, closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("BEGIN")
        raw.execute("SELECT * FROM person").fetchall()
        with pytest.raises(ValueError, match="traces of what was there remain in the file for now") as error:
            gallery.forget("Grace")
        assert "Another program is reading" in sentence(error)
        assert "Grace" not in gallery
        assert traces(path, "Grace", 2, 1) == EVERYTHING
        raw.execute("ROLLBACK")
        with opened(path):
            assert traces(path, "Grace", 2, 1) == []
