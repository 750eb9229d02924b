"""What `IdentifyPeople` shows, worked out by plain functions, without a browser (notebook 06).

Which photos it offers, where the threshold begins, what is drawn on a photo, and every sentence that it says.
"""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import platformdirs
from PIL import Image

from facelab.checkpoints import available_weights
from facelab.data import load_cast, load_scenes, scene_files
from facelab.gallery import Gallery
from facelab.gallery_faces import encode_thumbnail
from facelab.gallery_search import Identification
from facelab.images import open_image
from facelab.style import GENUINE

LARGEST_SIDE = 2048  # pixels, of a photo in which faces are looked for: seconds, not minutes, and faces need no more
SHOWN_SIDE = 1280  # pixels, of the photo that is sent to the browser
CANDIDATES = 5
START = 1.0  # the threshold of last resort


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo, and who was found on it.

    Attributes
    ----------
    name : str
    size : (int, int)
        Width and height in pixels, those that the faces' boxes are in.
    jpeg : bytes
        To show.
    faces : list of Identification
        From left to right.
    """

    name: str
    size: tuple[int, int]
    jpeg: bytes
    faces: list[Identification]

    @property
    def largest(self) -> int:
        """The place of the largest face, -1 where there is none."""
        return int(np.argmax([_area(face.box) for face in self.faces])) if self.faces else -1


def read_photo(source, name: str, gallery: Gallery, threshold: float) -> Photo:
    """Find out who is on a photo, in any form that `open_image` takes; its errors and those of `identify` pass."""
    image = open_image(source)
    image.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
    faces = gallery.identify(image, CANDIDATES, threshold)
    stream = BytesIO()
    shown = image.copy()
    shown.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
    shown.save(stream, "JPEG", quality=88)
    return Photo(name, image.size, stream.getvalue(), sorted(faces, key=lambda face: float(face.box[0])))


def search_again(photo: Photo, gallery: Gallery, threshold: float) -> Photo:
    """Search with the vectors of a photo in the gallery as it is now: no photo is read, no face looked for."""
    if not photo.faces:
        return photo
    found = gallery.identify_vectors(np.stack([face.vector for face in photo.faces]), CANDIDATES, threshold)
    return replace(
        photo, faces=[replace(face, candidates=new.candidates) for face, new in zip(photo.faces, found, strict=True)]
    )


def gallery_file() -> Path:
    """Give the file in which the app keeps people: FACELAB_GALLERY, or one in the user's data folder, which is made."""
    named = os.environ.get("FACELAB_GALLERY")
    if named:
        return Path(named).expanduser()
    return platformdirs.user_data_path("facelab", appauthor=False, ensure_exists=True) / "people.gallery"


def cast_samples() -> dict[str, Path]:
    """Choose photos of the cast to try: all group photos, and a portrait of each person and of each stranger.

    Empty where the cast is not there, as when facelab was installed without the repository.
    """
    try:
        faces, files = load_scenes(), scene_files()
        portraits, strangers = load_cast("portraits"), load_cast("strangers")
    except FileNotFoundError:
        return {}
    people = faces.groupby(faces["path"])["name"].size()
    samples = {}
    for path in files:
        count = int(people.get(path, 0))
        samples[f"{path.stem.split('_')[0]}, {_count(count, 'person', 'people')}"] = path
    probes = portraits[portraits["split"] == "probe"]
    for title, table in (("portrait", probes), ("stranger", strangers)):
        samples |= {f"{title}, {row.name}": row.path for row in table.drop_duplicates("person").itertuples(index=False)}
    return samples


def starting_threshold(gallery: Gallery) -> float:
    """Give the threshold that is stored in the gallery, or the one measured for its weights, or 1.0."""
    stored = gallery.threshold("identify")
    if stored is not None:
        return stored
    table = available_weights()
    measured = table.loc[table["name"] == gallery.model.name, "threshold"].dropna()
    return float(measured.iloc[0]) if len(measured) else START


def faces_to_draw(photo: Photo, threshold: float) -> list[dict]:
    """Say what `PhotoView` draws of each face: where it is, in percent of the photo, and who it is."""
    drawn = []
    for face in photo.faces:
        x0, y0, x1, y1 = (np.reshape(face.box, (2, 2)) / photo.size * 100).clip(0, 100).ravel().tolist()
        name = face.decide(threshold)
        drawn.append(
            {
                "left": x0,
                "top": y0,
                "width": x1 - x0,
                "height": y1 - y0,
                "name": name or "unknown",
                "known": name is not None,
                "distance": f", {face.distance:.2f}" if len(face.candidates) else "",
            }
        )
    return drawn


def photo_sentence(photo: Photo, threshold: float) -> str:
    """Say how many faces there are, and how many of them are known."""
    if not photo.faces:
        return (
            f"{photo.name}: no face was found. Faces are found best from the front, in good light, and at 20 pixels or "
            "more."
        )
    names = [name for face in photo.faces if (name := face.decide(threshold)) is not None]
    counted = f"{photo.name}: {_count(len(photo.faces), 'face', 'faces')}"
    if not names:
        return f"{counted}, nobody known."
    times = {name: f" ({names.count(name)} times)" if names.count(name) > 1 else "" for name in names}
    unknown = len(photo.faces) - len(names)
    return f"{counted}: {', '.join(name + times[name] for name in times)}{f' and {unknown} unknown' * bool(unknown)}."


def face_sentence(photo: Photo, place: int, threshold: float) -> str:
    """Say who a face is, and by what distance."""
    face, number = photo.faces[place], place + 1
    if not len(face.candidates):
        return f"Face {number} is unknown: nobody is enrolled yet. Give it a name below."
    nearest = face.candidates["name"].iloc[0]
    if face.decide(threshold):
        return f"Face {number} is {nearest}: {face.distance:.2f} away, within the threshold of {threshold:.2f}."
    return (
        f"Face {number} is unknown: the nearest, {nearest}, is {face.distance:.2f} away, beyond the threshold of "
        f"{threshold:.2f}."
    )


def candidate_bars(candidates: pd.DataFrame, threshold: float, portraits: Mapping[str, str | None]) -> str:
    """Draw the distances to the nearest people as bars, with the threshold as a line through them, in HTML.

    Parameters
    ----------
    candidates : pandas.DataFrame
        As of an `Identification`.
    threshold : float
    portraits : mapping of str to str or None
        The address of a face to show beside a name, where there is one.
    """
    if candidates.empty:
        return ""
    rows = []
    line = f"position:absolute;left:{threshold / 2:.2%};top:0;bottom:0;border-left:2px solid currentColor"
    for row in candidates.itertuples():
        within = row.distance <= threshold
        face = f'<img src="{portraits[row.name]}" alt="" style="{FACE}">' if portraits.get(row.name) else ""
        bar = f"position:absolute;left:0;top:22%;bottom:22%;width:{min(row.distance, 2) / 2:.2%};"
        bar += f"background:{GENUINE if within else '#8a8a8a'}"
        rows.append(
            f'<tr><td style="width:40px;padding:1px 0">{face}</td>'
            f'<th scope="row" style="{NAME}">{escape(row.name)}</th>'
            f'<td style="padding:0"><div style="position:relative;height:42px;background:rgba(128,128,128,.13)">'
            f'<div style="{bar}"></div><div style="{line}"></div></div></td>'
            f'<td style="width:3.2em;text-align:right;padding:0">{row.distance:.2f}</td>'
            f'<td style="width:1.4em;text-align:center;padding:0">{"✓" if within else ""}</td></tr>'
        )
    caption = "Distance to the nearest people, 0 to 2; the line is the threshold."
    return (
        '<table style="width:100%;max-width:640px;table-layout:fixed;border-collapse:collapse;line-height:1.3">'
        f'<caption style="caption-side:top;text-align:left;padding:2px 0 6px">{caption}</caption>'
        f"{''.join(rows)}</table>"
    )


FACE = "width:38px;height:38px;object-fit:cover;display:block;margin:0"
NAME = (
    "width:28%;text-align:left;padding:0 8px;font-weight:600;overflow:hidden;text-overflow:ellipsis;white-space:nowrap"
)


SPINNER = (
    '<svg width="14" height="14" viewBox="0 0 14 14" aria-hidden="true" style="vertical-align:-2px;margin-right:6px">'
    '<circle cx="7" cy="7" r="5.5" fill="none" stroke="currentColor" stroke-width="2" stroke-dasharray="24 12">'
    '<animateTransform attributeName="transform" type="rotate" from="0 7 7" to="360 7 7" dur="1s" '
    'repeatCount="indefinite"/></circle></svg>'
)


def face_address(image: Image.Image) -> str:
    """Give a thumbnail as an address that holds all of it (a data URI)."""
    return f"data:image/jpeg;base64,{b64encode(encode_thumbnail(image)).decode()}"


def privacy_sentence(gallery: Gallery) -> str:
    """Say what is kept of a photo, and where."""
    if gallery.path is None:
        return (
            "Photos stay in this program's memory. Of a face that you enrol, a thumbnail and a vector are kept, in "
            "memory too, until the program stops."
        )
    return (
        "Photos stay in this program's memory: nothing is written to disk unless you enrol a face. Then its thumbnail, "
        f"its vector and the name are, in {gallery.path.name}, until you forget the person."
    )


def enrolled_sentence(name: str, new: int, photos: int) -> str:
    """Say what enrolling did: `new` of this person's `photos` were not there before."""
    if not new:
        return f"{name} is enrolled with this very face already: nothing was added."
    if photos > new:
        return f"This face was added to {name}, who now has {photos} photos."
    return f"{name} is enrolled. Further photos of the same person make it surer."


def forgotten_sentence(name: str, photos: int) -> str:
    """Say that somebody is forgotten."""
    return f"{name} is forgotten, and {_count(photos, 'photo is', 'photos are')} erased."


def question(name: str, photos: int) -> str:
    """Ask whether to forget somebody, and say what that means."""
    return (
        f"Forget {name}? The name and {_count(photos, 'photo', 'photos')} (thumbnails and vectors) are erased from the "
        "gallery for good."
    )


def failure_sentence(error: Exception) -> str:
    """Say what went wrong. What was not foreseen is named, not quoted: its message is not for the person."""
    if isinstance(error, (ValueError, FileNotFoundError)) and not isinstance(error, UnicodeError):
        return str(error).removeprefix("The file object ")
    return f"That did not work, for a reason that was not foreseen ({type(error).__name__}): nothing was stored."


def as_html(sentences: Sequence[str], *, role: str = "status", spinning: bool = False) -> str:
    """Write sentences as paragraphs that a screen reader speaks: "status" when it has time, "alert" at once."""
    mark = SPINNER if spinning else ""
    colour = ";color:var(--jp-error-color1, #b3261e)" if role == "alert" else ""
    lines = "".join(f'<p style="margin:2px 0">{mark}{escape(sentence)}</p>' for sentence in sentences)
    return f'<div role="{role}" style="line-height:1.4;overflow-wrap:anywhere{colour}">{lines}</div>'


def _count(number: int, one: str, many: str) -> str:
    return f"{number or 'no'} {one if number == 1 else many}"


def _area(box: np.ndarray) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))
