"""Where weights come from: a fake release served here, bad files of every kind, and the compact form undone by hand."""

import hashlib
import inspect
import os
import re
import threading
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from facenet_pytorch import InceptionResnetV1
from facenet_pytorch.models.inception_resnet_v1 import load_weights
from one_sentence import sentence
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from facelab import published
from facelab.checkpoints import BUNDLED, available_weights, load_checkpoint, pack, save_compact, unpack
from facelab.published import RELEASES, DownloadError, fetch_weights

BODY = np.random.default_rng(0).bytes(300_000)  # what the fake release serves in place of 112 MB
CUT = 2 * published.CHUNK  # where a cut download ends
PAGE = b"<!DOCTYPE html><title>Please log in</title>"
FILE = RELEASES["vggface2"].file


# The published files --------------------------------------------------------------------------------------------------


@dataclass
class FakeRelease:
    """What the server does, and what it was asked: status, Range header and bytes sent of each request."""

    mode: str = "good"
    asked: list = field(default_factory=list)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        body = {"web page": PAGE, "wrong": BODY[::-1], "short": BODY[:5_000], "long": BODY * 2}.get(self.mode, BODY)
        wanted, start, status = request.headers.get("Range"), 0, 200
        if self.mode == "404":
            status, body = 404, PAGE
        elif wanted and self.mode != "no ranges":
            status, start = 206, int(re.fullmatch(r"bytes=(\d+)-", wanted)[1])
        sent = body[start:CUT] if self.mode == "cut" else body[start:]
        self.asked.append((status, wanted, len(sent)))
        request.send_response(status)
        request.send_header("Content-Type", "text/html; charset=utf-8" if body == PAGE else "application/octet-stream")
        if self.mode != "long":  # without a length, the end of the connection is the end of the file
            request.send_header("Content-Length", str(len(body) - start))
        if status == 206:
            request.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        request.end_headers()
        request.wfile.write(sent)


@pytest.fixture
def release(tmp_path, monkeypatch):
    """A server of 300 kB in place of facenet-pytorch's release, and empty caches."""
    fake = FakeRelease()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            fake.answer(self)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    sha256 = hashlib.sha256(BODY).hexdigest()
    monkeypatch.setitem(RELEASES, "vggface2", replace(RELEASES["vggface2"], size=len(BODY), sha256=sha256))
    monkeypatch.setitem(RELEASES, "casia-webface", replace(RELEASES["casia-webface"], size=len(BODY)))
    monkeypatch.setattr(published, "RELEASE_URL", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setattr(published, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("FACELAB_WEIGHTS", raising=False)
    yield fake
    server.shutdown()
    server.server_close()


@pytest.fixture
def cache(tmp_path, release):
    return tmp_path / "cache"


def fetch(name="vggface2", check=lambda path: None):
    return fetch_weights(name, check)


def test_the_releases_are_those_of_facenet_pytorch():
    source = inspect.getsource(load_weights)
    assert all(published.RELEASE_URL + release.file in source for release in RELEASES.values())
    assert re.fullmatch("[0-9a-f]{64}", RELEASES["vggface2"].sha256)
    assert RELEASES["casia-webface"].size == 115_887_415


def test_download_once(release, cache):
    path = fetch()
    assert path == cache / FILE
    assert path.read_bytes() == BODY
    assert [entry.name for entry in cache.iterdir()] == [FILE]
    assert fetch() == path
    assert release.asked == [(200, None, len(BODY))]


def test_a_cut_download_is_resumed_where_it_stopped(release, cache):
    release.mode = "cut"
    with pytest.raises(DownloadError) as error:
        fetch()
    assert "cut after 0.1 of 0.3 MB" in sentence(error)
    assert {entry.name: entry.stat().st_size for entry in cache.iterdir()} == {f"{FILE}.part": CUT}
    release.mode = "good"
    assert fetch().read_bytes() == BODY
    assert release.asked[1:] == [(206, f"bytes={CUT}-", len(BODY) - CUT)]
    assert [entry.name for entry in cache.iterdir()] == [FILE]


def test_a_server_that_cannot_resume_starts_again(release, cache):
    release.mode = "cut"
    with pytest.raises(DownloadError):
        fetch()
    release.mode = "no ranges"
    assert fetch().read_bytes() == BODY
    assert release.asked[1:] == [(200, f"bytes={CUT}-", len(BODY))]


def test_a_part_longer_than_the_file_is_started_again(release, cache):
    cache.mkdir()
    (cache / f"{FILE}.part").write_bytes(BODY * 2)
    with pytest.raises(DownloadError) as error:
        fetch()
    assert "longer" in sentence(error)
    assert fetch().read_bytes() == BODY


@pytest.mark.parametrize(
    ("mode", "kind", "says"),
    [
        ("web page", DownloadError, "answered with a web page"),
        ("404", DownloadError, "answered 404 Not Found"),
        ("short", DownloadError, "5,000 bytes where 300,000 were expected"),
        ("long", DownloadError, "longer than"),
        ("wrong", ValueError, "SHA-256"),
    ],
)
def test_what_is_not_the_file_is_refused_and_not_kept(release, cache, mode, kind, says):
    release.mode = mode
    with pytest.raises(kind, match=re.escape(says)) as error:
        fetch()
    sentence(error)
    assert list(cache.iterdir()) == []
    release.mode = "good"
    assert fetch().read_bytes() == BODY


def test_without_a_network_it_says_what_to_do(release, cache, monkeypatch):
    monkeypatch.setattr(published, "RELEASE_URL", "http://127.0.0.1:9/")  # the discard port: nobody listens
    with pytest.raises(DownloadError) as error:
        fetch()
    assert all(word in sentence(error) for word in ("cannot be reached", "FACELAB_WEIGHTS", "facelab128", FILE))
    assert list(cache.iterdir()) == []


def test_a_cache_that_cannot_be_written(release, cache):
    cache.write_text("a file where the folder should be")
    with pytest.raises(DownloadError, match="could not be written") as error:
        fetch()
    sentence(error)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full to stand for a full disk")
def test_a_full_disk(release, cache):
    cache.mkdir()
    (cache / f"{FILE}.part").symlink_to("/dev/full")
    with pytest.raises(DownloadError, match=r"0 MB\) could not be written .* \(No space left on device\)") as error:
        fetch()
    sentence(error)


def test_a_folder_for_classrooms_comes_first(release, tmp_path, monkeypatch):
    folder = tmp_path / "share"
    monkeypatch.setenv("FACELAB_WEIGHTS", str(folder))
    with pytest.raises(FileNotFoundError, match="which is not a folder") as error:
        fetch()
    sentence(error)
    folder.mkdir()
    (folder / FILE).write_bytes(BODY)
    assert fetch() == folder / FILE
    (folder / FILE).write_bytes(BODY[::-1])
    with pytest.raises(ValueError, match="is not the published file") as error:
        fetch()
    sentence(error)
    assert release.asked == []


@pytest.mark.parametrize("folder", ["torch/checkpoints", "torch/hub/checkpoints"])
def test_what_facenet_pytorch_has_downloaded_is_used(release, tmp_path, folder):
    (tmp_path / folder).mkdir(parents=True)
    path = tmp_path / folder / FILE
    path.write_bytes(BODY)
    assert fetch() == path
    path.write_bytes(PAGE)  # facenet-pytorch's issue #96
    assert fetch() == tmp_path / "cache" / FILE
    assert len(release.asked) == 1


def test_a_damaged_file_in_the_cache_is_fetched_again(release, cache):
    fetch().write_bytes(BODY[::-1])
    assert fetch().read_bytes() == BODY


def test_a_file_without_a_published_hash_is_remembered(release, cache, tmp_path, monkeypatch):
    checked = []
    path = fetch("casia-webface", checked.append)
    assert fetch("casia-webface", checked.append) == path
    assert checked == [path]
    assert (cache / f"{path.name}.sha256").read_text().strip() == hashlib.sha256(BODY).hexdigest()
    path.unlink()
    release.mode = "wrong"
    with pytest.raises(ValueError, match="remembered in") as error:
        fetch("casia-webface")
    sentence(error)
    assert not path.exists()
    monkeypatch.setenv("FACELAB_WEIGHTS", str(tmp_path))
    (tmp_path / path.name).write_bytes(BODY[::-1])
    with pytest.raises(ValueError, match="is not the published file"):
        fetch("casia-webface")


def test_a_file_without_a_published_hash_must_be_such_a_network(release, cache):
    with pytest.raises(ValueError, match="cannot be read as a checkpoint") as error:
        load_checkpoint("casia-webface")
    sentence(error)
    assert list(cache.iterdir()) == []


# Loading --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bundled():
    return load_checkpoint("facelab128")


def test_the_bundled_file(bundled):
    assert (bundled.name, bundled.dimension, bundled.image_size) == ("facelab128", 128, 96)
    assert re.fullmatch("[0-9a-f]{12}", bundled.fingerprint)
    assert not bundled.network.training
    assert BUNDLED.stat().st_size < 30e6


def test_the_bundled_weights_undone_by_hand(bundled):
    state = bundled.network.state_dict()
    with safe_open(BUNDLED, "np") as file:
        stored = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    scales = {key for key in stored if key.endswith(".scale")}
    assert stored.keys() - scales == {key for key in state if not key.endswith("num_batches_tracked")}
    assert len(scales) == 133  # 132 convolutions and the last layer
    for key in stored.keys() - scales:
        expected = stored[key].astype(np.float32)
        if f"{key}.scale" in stored:
            assert stored[key].dtype == np.int8
            expected = np.einsum("o...,o->o...", expected, stored[f"{key}.scale"])
        np.testing.assert_array_equal(state[key].numpy(), expected)


def test_rounding_is_half_a_step_at_most():
    weight = torch.randn(5, 7, 3, 3) * torch.tensor([1e-3, 1, 30, 0, 1]).view(5, 1, 1, 1)
    bias = torch.randn(5)
    packed = pack({"weight": weight, "bias": bias, "num_batches_tracked": torch.tensor(3)})
    assert packed.keys() == {"weight", "weight.scale", "bias"}
    again = unpack(packed)
    step = weight.abs().amax(dim=(1, 2, 3)) / 127
    assert bool(((again["weight"] - weight).abs().amax(dim=(1, 2, 3)) <= step * 0.5001).all())
    assert torch.equal(again["bias"], bias)
    assert bool((again["weight"][3] == 0).all())


def test_save_and_load(bundled, tmp_path):
    path = save_compact(bundled.network.train(), tmp_path / "mine.safetensors", name="mine", image_size=112,
                        trained_on="my friends", consent="written")  # fmt: skip
    bundled.network.eval()
    assert [entry.name for entry in tmp_path.iterdir()] == ["mine.safetensors"]
    with safe_open(path, "pt") as file:
        header = file.metadata()
    assert header["format_version"] == "1"
    assert (header["dimension"], header["consent"]) == ("128", "written")
    again = load_checkpoint(str(path))
    assert (again.name, again.image_size, again.trained_on) == ("mine", 112, "my friends")
    state = again.network.state_dict()
    for key, value in bundled.network.state_dict().items():  # int8 already, so rounding again changes nothing
        assert torch.allclose(state[key], value, rtol=1e-6, atol=0), key


def test_published_weights_of_512_numbers(release, tmp_path, monkeypatch):
    torch.manual_seed(0)
    original = InceptionResnetV1(classify=True, num_classes=7).eval()
    for module in original.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
    path = tmp_path / RELEASES["casia-webface"].file
    torch.save(original.state_dict(), path, _use_new_zipfile_serialization=False)  # the published files' format
    monkeypatch.setitem(RELEASES, "casia-webface", replace(RELEASES["casia-webface"], size=path.stat().st_size))
    monkeypatch.setenv("FACELAB_WEIGHTS", str(tmp_path))
    by_name, by_path = load_checkpoint("casia-webface"), load_checkpoint(path)
    path.unlink()  # 94 MB
    assert (by_name.name, by_name.dimension, by_name.image_size) == ("casia-webface", 512, 160)
    assert (by_path.name, by_path.dimension, by_path.image_size) == (path.stem, 512, 160)
    assert by_name.fingerprint == by_path.fingerprint
    original.classify = False
    crops = torch.randn(2, 3, 80, 80)
    with torch.inference_mode():
        assert torch.equal(by_name.network(crops), original(crops))


def test_the_fingerprint_is_of_the_weights(bundled, tmp_path):
    state = bundled.network.state_dict()
    torch.save(state, tmp_path / "same.pt")
    assert load_checkpoint(tmp_path / "same.pt").fingerprint == bundled.fingerprint
    state["last_bn.running_mean"] = state["last_bn.running_mean"] + 1e-6
    torch.save(state, tmp_path / "same.pt")
    assert load_checkpoint(tmp_path / "same.pt").fingerprint != bundled.fingerprint
    (tmp_path / "same.pt").unlink()  # 90 MB


class Intruder:
    """A pickle that would make a folder when it is read."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


def test_a_pickle_cannot_run_code(tmp_path):
    torch.save({"conv2d_1a.conv.weight": Intruder(tmp_path / "ran")}, tmp_path / "trap.pt")
    with pytest.raises(ValueError, match="cannot be read as a checkpoint") as error:
        load_checkpoint(tmp_path / "trap.pt")
    sentence(error)
    assert not (tmp_path / "ran").exists()
    torch.load(tmp_path / "trap.pt", weights_only=False)  # the trap does work
    assert (tmp_path / "ran").exists()


def test_files_that_are_no_checkpoints(tmp_path):
    torch.save([torch.zeros(3)], tmp_path / "list.pt")
    torch.save(torch.nn.Linear(2, 2), tmp_path / "module.pth")
    torch.save({"epoch": 3}, tmp_path / "numbers.pt")
    (tmp_path / "text.pt").write_text("not a checkpoint")
    (tmp_path / "page.pt").write_bytes(PAGE)
    (tmp_path / "empty.safetensors").write_bytes(b"")
    (tmp_path / "cut.safetensors").write_bytes(BUNDLED.read_bytes()[:100_000])
    save_file({"conv2d_1a.conv.weight": torch.ones(2, 2, dtype=torch.int8)}, tmp_path / "no_scale.safetensors")
    paths = sorted(tmp_path.iterdir())
    assert len(paths) == 8
    for path in paths:
        with pytest.raises(ValueError, match="cannot be read as a checkpoint") as error:
            load_checkpoint(path)
        assert path.name in sentence(error)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda state: state.pop("mixed_6a.branch0.bn.bias"), "1 of its tensors are missing.*mixed_6a.branch0.bn.bias"),
        (lambda state: state.update({"mixed_6a.branch0.bn.bias": torch.zeros(3)}), "of another shape"),
        (lambda state: state.update({"another.bias": torch.zeros(3)}), "unknown.*another.bias"),
        (lambda state: state.update({"last_bn.running_mean": torch.full((128,), torch.nan)}), "not finite"),
        (lambda state: [state.pop(key) for key in list(state) if "conv2d_1a" not in key], "does not hold"),
    ],
)
def test_tensors_that_are_not_the_network(tmp_path, spoil, says):
    state = load_file(BUNDLED)
    spoil(state)
    save_file(state, tmp_path / "spoilt.safetensors")
    with pytest.raises(ValueError, match=says) as error:
        load_checkpoint(tmp_path / "spoilt.safetensors")
    sentence(error)
    (tmp_path / "spoilt.safetensors").unlink()


def test_a_file_from_a_newer_facelab(tmp_path):
    save_file({"unheard_of": torch.zeros(1)}, tmp_path / "new.safetensors", {"format_version": "2"})
    with pytest.raises(ValueError, match="upgrade facelab") as error:
        load_checkpoint(tmp_path / "new.safetensors")
    sentence(error)


def test_names_and_paths_that_lead_nowhere(tmp_path, bundled):
    for unknown in ("vggface", "", str(tmp_path), "weights.onnx"):
        with pytest.raises(ValueError, match="facelab128, vggface2, casia-webface") as error:
            load_checkpoint(unknown)
        sentence(error)
    with pytest.raises(FileNotFoundError, match="There is no file") as error:
        load_checkpoint(tmp_path / "absent.pt")
    sentence(error)
    with pytest.raises(ValueError, match=r"does not end in \.safetensors") as error:
        save_compact(bundled.network, tmp_path / "mine.pt", name="mine", image_size=96, trained_on="")
    sentence(error)
    with pytest.raises(ValueError, match="This model does not hold") as error:
        save_compact(torch.nn.Linear(2, 2), tmp_path / "m.safetensors", name="mine", image_size=96, trained_on="")
    sentence(error)


def test_available_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(published, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("FACELAB_WEIGHTS", str(tmp_path))
    table = available_weights()
    columns = ["name", "dimension", "image_size", "megabytes", "where", "accuracy", "threshold", "trained_on"]
    assert list(table.columns) == columns
    assert 0.5 < table["accuracy"][0] <= 1
    assert 0 < table["threshold"][0] < 2
    assert table[["accuracy", "threshold"]][1:].isna().all(axis=None)  # nobody has measured them here
    assert table["name"].tolist() == ["facelab128", "vggface2", "casia-webface"]
    assert table["dimension"].tolist() == [128, 512, 512]
    assert table["image_size"].tolist() == [96, 160, 160]
    assert table["where"].tolist() == ["bundled", "to download", "to download"]
    assert table["megabytes"].tolist() == [round(BUNDLED.stat().st_size / 1e6, 1), 111.9, 115.9]
    with (tmp_path / FILE).open("wb") as file:
        file.truncate(RELEASES["vggface2"].size)  # a sparse file: only its size is looked at
    assert available_weights()["where"].tolist() == ["bundled", "FACELAB_WEIGHTS", "to download"]


def test_a_loaded_network_does_not_change_with_its_file(tmp_path):
    path = tmp_path / "own.safetensors"
    path.write_bytes(BUNDLED.read_bytes())
    network = load_checkpoint(path).network
    before = {key: value.clone() for key, value in network.state_dict().items()}
    path.write_bytes(bytes(path.stat().st_size))
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
