"""facenet-pytorch's published weights: found on this machine, or downloaded once and checked (notebook 02).

facenet-pytorch fetches these files itself, but checks nothing, and has left its users with a web page saved as
`.pt` (its issue #96). Here a file is used only if it is the published one, whatever folder it comes from.
"""

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pooch
import requests
import torch
from facenet_pytorch.models.inception_resnet_v1 import get_torch_home

from facelab.progress import progress_bar

RELEASE_URL = "https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9/"
TIMEOUT = 20  # seconds without a byte after which a download counts as cut
CHUNK = 2**16  # bytes; a cut loses at most one


class DownloadError(FileNotFoundError):
    """Published weights are not on this machine and could not be fetched."""


@dataclass(frozen=True)
class Release:
    """One published file: what to ask for, and how to know it."""

    file: str
    size: int  # bytes
    sha256: str | None  # None: nobody has published one, so the first file seen is checked and then remembered
    trained_on: str
    dimension: int = 512
    image_size: int = 160  # pixels


RELEASES = {
    "vggface2": Release(
        file="20180402-114759-vggface2.pt",
        size=111_898_327,
        sha256="281cebca8662831adb987a874bdcb36e73f5b1c6dc5ee5878f305e985625d99b",
        trained_on="VGGFace2, photographs of 8,631 people",
    ),
    "casia-webface": Release(
        file="20180408-102900-casia-webface.pt",
        # The same network with a longer list of people, each of whom takes 512 weights and a bias of four bytes each.
        size=111_898_327 + (10_575 - 8_631) * (512 + 1) * 4,
        sha256=None,
        trained_on="CASIA-WebFace, photographs of 10,575 people",
    ),
}


def fetch_weights(name: str, check: Callable[[Path], object]) -> Path:
    """Find the file of published weights, or download it into facelab's cache.

    Looked for in the folder that `FACELAB_WEIGHTS` names, in facelab's cache, then in torch's, where facenet-pytorch
    leaves it. Size and SHA-256 are checked wherever it is found: a wrong file in `FACELAB_WEIGHTS` is an error (in a
    classroom without a network it is the one that counts), a wrong one in facelab's cache is deleted, a wrong one in
    torch's is passed over.

    Parameters
    ----------
    name : str
        A key of `RELEASES`.
    check : callable
        Given the path of a file whose hash nobody has published, raises ValueError if it is not such a network. It is
        called on first sight only; the file's hash is then kept in facelab's cache, and no other is accepted later.

    Raises
    ------
    DownloadError
        The file is nowhere on this machine and could not be downloaded in full; what arrived is kept for the next try.
    ValueError
        The file is not the published one.
    """
    release = RELEASES[name]
    record = cache_folder() / f"{release.file}.sha256"
    sha256 = release.sha256 or (record.exists() and record.read_text().strip()) or None
    path = _on_this_machine(release, sha256) or _download(release, sha256, record)
    if sha256 is None:
        try:
            check(path)
        except ValueError:
            (cache_folder() / release.file).unlink(missing_ok=True)
            raise
        with contextlib.suppress(OSError):  # a cache that cannot be written must not stop a classroom's own folder
            record.parent.mkdir(parents=True, exist_ok=True)
            record.write_text(pooch.file_hash(path) + "\n")
    return path


def where_weights_are(name: str) -> str:
    """Say where a file of the right name and size is: `FACELAB_WEIGHTS`, a cache, or `to download`."""
    release = RELEASES[name]
    for where, folder in _folders():
        path = folder / release.file
        if path.is_file() and path.stat().st_size == release.size:
            return where
    return "to download"


def cache_folder() -> Path:
    """Give the folder in which facelab keeps downloads, the one that the operating system has for such things."""
    return Path(pooch.os_cache("facelab"))


def _folders() -> list[tuple[str, Path]]:
    folders = [
        ("facelab's cache", cache_folder()),
        ("torch's cache", Path(get_torch_home()) / "checkpoints"),  # facenet-pytorch's choice
        ("torch's cache", Path(torch.hub.get_dir()) / "checkpoints"),  # torch's own
    ]
    if named := os.environ.get("FACELAB_WEIGHTS"):
        folders.insert(0, ("FACELAB_WEIGHTS", Path(named).expanduser()))
    return folders


def _on_this_machine(release: Release, sha256: str | None) -> Path | None:
    for where, folder in _folders():
        path = folder / release.file
        if where == "FACELAB_WEIGHTS" and not folder.is_dir():
            raise FileNotFoundError(f"FACELAB_WEIGHTS names {folder}, which is not a folder: correct it or unset it.")
        if not path.is_file():
            continue
        if path.stat().st_size == release.size and sha256 in (None, pooch.file_hash(path)):
            return path
        if where == "FACELAB_WEIGHTS":
            raise ValueError(f"{path} is not the published file (its size or SHA-256 differs): copy it there again.")
        if where == "facelab's cache":
            path.unlink()
    return None


def _download(release: Release, sha256: str | None, record: Path) -> Path:
    cache = cache_folder()
    pooch.get_logger().setLevel("WARNING")  # the progress bar says it better
    try:
        return Path(
            pooch.retrieve(
                RELEASE_URL + release.file,
                known_hash=sha256 and f"sha256:{sha256}",
                fname=release.file,
                path=cache,
                downloader=ResumableDownloader(release, cache / f"{release.file}.part"),
            )
        )
    except ValueError as error:  # pooch's verdict on the hash; it has deleted the file
        known_from = "published" if release.sha256 else f"remembered in {record}"
        raise ValueError(
            f"What was downloaded as {release.file} is not the file whose SHA-256 is {known_from}, so it was deleted: "
            "try again, perhaps over another network."
        ) from error
    except DownloadError:
        raise
    except OSError as error:
        raise DownloadError(
            f"{release.file} ({release.size / 1e6:.0f} MB) could not be written to {cache} ({error.strerror}): make "
            "room or mend the permissions there."
        ) from error


class ResumableDownloader:
    """A downloader for pooch that keeps what has arrived, and the next time asks only for the rest.

    Parameters
    ----------
    release : Release
    part : path
        Where bytes are kept until all of them are there.
    """

    def __init__(self, release: Release, part: Path) -> None:
        self.release, self.part = release, part

    def __call__(self, url: str, output_file: str, pooch: object) -> None:
        """Fetch `url` into `output_file`, as `pooch.retrieve` asks."""
        if self._arrived() < self.release.size:
            self._receive(url, urlsplit(url).hostname)
        if (arrived := self._arrived()) > self.release.size:
            self.part.unlink()
            raise DownloadError(f"What {url} sends is longer than {self.release.file} should be, so it was deleted.")
        if arrived < self.release.size:
            raise DownloadError(
                f"The download of {self.release.file} was cut after {arrived / 1e6:.1f} of "
                f"{self.release.size / 1e6:.1f} MB: run this again to go on from there."
            )
        os.replace(self.part, output_file)

    def _receive(self, url: str, host: str | None) -> None:
        start = self._arrived()
        try:
            response = self._ask(url, start)
        except requests.RequestException as error:
            raise DownloadError(self._no_file(f"{host} cannot be reached ({type(error).__name__})")) from error
        with response:
            if response.status_code not in (200, 206):
                raise DownloadError(self._no_file(f"{host} answered {response.status_code} {response.reason}"))
            self._refuse_strangers(response, host)
            resumed = response.status_code == 206
            with (
                self.part.open("ab" if resumed else "wb") as file,
                progress_bar(
                    desc=self.release.file,
                    initial=start if resumed else 0,
                    total=self.release.size,
                    unit="B",
                    unit_scale=True,
                ) as bar,
                contextlib.suppress(requests.RequestException),  # cut: the caller sees it by the size
            ):
                for chunk in response.iter_content(CHUNK):
                    file.write(chunk)
                    bar.update(len(chunk))
                    if file.tell() > self.release.size:
                        break

    def _ask(self, url: str, start: int) -> requests.Response:
        """Ask for the bytes from `start` on, or for all of them from a server that cannot do that."""
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
        response = requests.get(url, headers=headers, stream=True, timeout=TIMEOUT)
        resumes = response.headers.get("Content-Range", "").startswith(f"bytes {start}-")
        if start and response.status_code != 200 and not (response.status_code == 206 and resumes):
            response.close()
            return self._ask(url, 0)
        return response

    def _refuse_strangers(self, response: requests.Response, host: str | None) -> None:
        """Turn a web page or a file of another length away before a byte of it is kept."""
        if "html" in response.headers.get("Content-Type", ""):
            raise DownloadError(self._no_file(f"{host} answered with a web page, as filters and log-in pages do"))
        promised = response.headers.get("Content-Range", "").rpartition("/")[2] or response.headers.get(
            "Content-Length"
        )
        if promised and promised.isdigit() and int(promised) != self.release.size:
            raise DownloadError(
                self._no_file(f"{host} has a file of {int(promised):,} bytes where {self.release.size:,} were expected")
            )

    def _no_file(self, why: str) -> str:
        return (
            f"{self.release.file} could not be downloaded because {why}: get it elsewhere, put it into a folder and "
            "set FACELAB_WEIGHTS to that folder, or use weights='facelab128', which needs no download."
        )

    def _arrived(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0
