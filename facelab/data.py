"""The photo sets as tables: the cast, Labeled Faces in the Wild, or a folder of your own (used from notebook 00 on).

Every table of photos begins with the columns `path` (pathlib.Path), `file` (the same relative to its set, so that it
reads alike on every machine), `person` (who, as text) and `name` (who, to print). The cast's tables add what only a
renderer knows exactly: box, landmarks, head pose, expression, light; data/cast/DATASHEET.md explains each column.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from facelab.checks import brief, check_columns, checked_path, finite_columns
from facelab.frames import read_frames

CAST = Path(__file__).resolve().parent.parent / "data" / "cast"
SUBSETS = ("portraits", "strangers", "sweeps")
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif")

BOX = ["x0", "y0", "x1", "y1"]
POINTS = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
LANDMARKS = [f"{point}_{axis}" for point in POINTS for axis in "xy"]


def _typed(texts: str = "", numbers: str = "", flags: str = "", counts: str = "") -> dict[str, type]:
    kinds = {str: texts, float: numbers, bool: flags, int: counts}
    return {column: kind for kind, columns in kinds.items() for column in columns.split()}


# The columns that each of the cast's tables must have. Others may stand beside them.
FACE = _typed("file person", " ".join([*BOX, *LANDMARKS, "yaw pitch roll"]))
SHOT = _typed("expression split", "light_azimuth light_elevation lens_mm span_cm", "glasses hat")
PHOTOS = FACE | SHOT | _typed("subset factor value")
SCENES = FACE | _typed("scene", "visible")
CLIP = FACE | _typed(numbers="visible", counts="frame")
DOOR = SCENES | _typed("printed")
PEOPLE = _typed("person name split hair", flags="beard", counts="monk")


def load_photos(photos: str | os.PathLike | None = None) -> pd.DataFrame:
    """Load the photos that the notebooks work on: the switch between the cast, LFW and your own.

    Parameters
    ----------
    photos : "cast", "lfw" or a folder (one that is itself called lfw as "./lfw"), optional
        What the environment variable FACELAB_PHOTOS says unless given, and the cast where neither says anything.

    Returns
    -------
    pandas.DataFrame
        A row per photo, as `load_cast`, `load_lfw` or `load_folder` gives it, whose errors are passed on.
    """
    if photos is None:
        photos = os.environ.get("FACELAB_PHOTOS") or "cast"
    named = {"cast": load_cast, "lfw": load_lfw}
    return named[photos]() if isinstance(photos, str) and photos in named else load_folder(photos)


def load_cast(subset: str | None = "portraits", folder: str | os.PathLike | None = None) -> pd.DataFrame:
    """Load the cast: photos of synthetic people, with everything about them known exactly.

    Parameters
    ----------
    subset : "portraits", "strangers", "sweeps" or None
        Varied photos of the people; photos of others, who are never enrolled; photos in which one `factor` at a time
        takes one `value` after another; all of these.
    folder : path, optional
        Where the cast lies, if not in data/cast of the repository. The other loaders of the cast take it too.

    Returns
    -------
    pandas.DataFrame
        A row per photo: `path`, `file`, `person`, `name`; box and landmarks in pixels (see `boxes`, `landmarks`);
        `yaw`, `pitch`, `roll` in degrees, and what else is known of the photo; `split` (gallery or probe, by photo);
        of the person `training_split` (train, validation or test), `hair`, `beard`, `monk` (skin tone, 1 to 10), `age`
        and `build`;
        `subset`, and in sweeps `factor` and `value` (a number where it is one, else text).

    Raises
    ------
    ValueError, FileNotFoundError
        If there is no such subset, or a table of the cast is damaged or missing.
    """
    if not (subset is None or (isinstance(subset, str) and subset in SUBSETS)):
        names = ", ".join(SUBSETS)
        raise ValueError(f"The cast has no subset {brief(subset)}: choose one of {names}, or None for all.")
    path = _cast(folder, "photos.csv")
    table = _read(path, PHOTOS)
    number = pd.to_numeric(table["value"], errors="coerce").astype(object)
    table["value"] = number.where(number.notna(), table["value"])
    chosen = table if subset is None else table[table["subset"] == subset]
    if chosen.empty:
        found = ", ".join(table["subset"].unique()) or "nothing"
        raise ValueError(f"The cast in {path.parent} has no {subset or 'photos'} yet: it has {found}.")
    return _with_people(chosen, path.parent)


def load_scenes(folder: str | os.PathLike | None = None) -> pd.DataFrame:
    """Load the cast's group photos: a row per face, so that a photo without people has none (see `scene_files`).

    Columns and errors are those of `load_cast`, as far as they concern a face and a person, with `scene` (its name) and
    `visible` (the fraction of the face that nothing hides, 0 to 1).
    """
    return _faces(SCENES, "scenes.csv", folder)


def load_clip(folder: str | os.PathLike | None = None) -> pd.DataFrame:
    """Load what is known of the cast's video clip: as `load_scenes`, a row per face, with `frame` (int) for `scene`."""
    return _faces(CLIP, "clip.csv", folder)


def load_door(folder: str | os.PathLike | None = None) -> pd.DataFrame:
    """Load the pictures of the camera at a door, of a resident, a stranger, and the stranger behind a printed photo.

    As `load_scenes`, with `printed`: the file, relative to the cast, of the photo that is held before the face, or NaN.
    What is known of the face, such as its box, is then of the one behind the paper.
    """
    return _faces(DOOR, "door.csv", folder)


def clip_frames(folder: str | os.PathLike | None = None) -> list[Image.Image]:
    """Read the frames of the cast's video clip, RGB, in order, those without people too; errors as `load_cast`."""
    listing = _cast(folder, "clip.csv")
    table = _read(listing, CLIP)
    path = listing.parent / table["file"].iloc[0]
    frames = list(read_frames(path))
    if len(frames) != table["frame"].nunique():
        raise _damaged(path, f"it has {len(frames)} frames, clip.csv has {table['frame'].nunique()}")
    return frames


def scene_files(folder: str | os.PathLike | None = None) -> list[Path]:
    """List all of the cast's group photos in order, those without people too; errors as `load_cast`."""
    path = _cast(folder, "scenes.csv")
    return [path.parent / file for file in _read(path, SCENES)["file"].unique()]


def boxes(table: pd.DataFrame) -> np.ndarray:
    """Take the boxes from a table of the cast: (n, 4) float32, x0 y0 x1 y1 in pixels; ValueError if it has none."""
    return _columns(table, BOX, "boxes")


def landmarks(table: pd.DataFrame) -> np.ndarray:
    """Take the landmarks from a table of the cast: (n, 5, 2) float32, x y in pixels; ValueError if it has none.

    They are in MTCNN's order, as the viewer sees them: left eye, right eye, nose, left and right corner of the mouth.
    """
    return _columns(table, LANDMARKS, "landmarks").reshape(-1, 5, 2)


def _columns(table: pd.DataFrame, columns: list[str], what: str) -> np.ndarray:
    check_columns(table, columns, what, "only the cast's tables have them, so find the faces with FaceDetector")
    return finite_columns(table, columns).astype(np.float32)


def _cast(folder: str | os.PathLike | None, table: str) -> Path:
    """Where a table of the cast lies; its photos lie beside it."""
    return checked_path(checked_path(CAST if folder is None else folder) / table)


def _read(path: Path, columns: dict[str, type]) -> pd.DataFrame:
    if not path.is_file():
        raise FileNotFoundError(f"There is no {path}: use a checkout of the repository, or pass the cast's folder.")
    try:
        table = pd.read_csv(path, dtype=columns, keep_default_na=False, na_values=[""])
    except ValueError as error:  # not a table, not UTF-8, or text where a number belongs
        raise _damaged(path, str(error).splitlines()[0].replace(". ", ": ").rstrip(". ")) from error
    missing = [column for column in columns if column not in table]
    if missing:
        raise _damaged(path, f"it lacks {', '.join(missing)}")
    return table


def _damaged(path: Path, reason: str) -> ValueError:
    return ValueError(f"{path} is damaged ({reason}): restore it from the repository.")


def _with_people(table: pd.DataFrame, folder: Path) -> pd.DataFrame:
    path = folder / "people.csv"
    people = _read(path, PEOPLE).rename(columns={"split": "training_split"})
    if people["person"].duplicated().any():
        raise _damaged(path, "it lists a person twice")
    unknown = set(table["person"].fillna("")) - set(people["person"])
    if unknown:
        raise _damaged(path, f"it lacks the person {min(unknown)!r}")
    table = table.merge(people, on="person", how="left")
    table.insert(0, "path", [folder / file for file in table["file"]])
    return table[list(dict.fromkeys(["path", "file", "person", "name", *table]))]


def _faces(columns: dict[str, type], name: str, folder: str | os.PathLike | None) -> pd.DataFrame:
    path = _cast(folder, name)
    table = _read(path, columns)
    return _with_people(table[table["person"].notna()], path.parent)


def load_folder(folder: str | os.PathLike) -> pd.DataFrame:
    """Load your own photos from a folder that holds a subfolder for each person, such as people/Ada_Lovelace/1.jpg.

    One photo per person is enough. Subfolders without photos, and whatever begins with a dot, are passed over.

    Returns
    -------
    pandas.DataFrame
        A row per photo, sorted: `path`, `file`, `person` (the subfolder) and `name` (with blanks for underscores).

    Raises
    ------
    ValueError, FileNotFoundError
        If there is no such folder, it is a file, or no photo is found.
    """
    folder = checked_path(folder)
    if not folder.exists():
        raise FileNotFoundError(f"There is no folder {folder}: give 'cast', 'lfw' or a folder of folders of photos.")
    if not folder.is_dir():
        raise ValueError(f"{folder} is a file: give the folder that holds a subfolder of photos for each person.")
    paths = [path for person in _listed(folder) if person.is_dir() for path in _listed(person) if _is_photo(path)]
    if not paths:
        kinds = ", ".join(IMAGE_SUFFIXES)
        raise ValueError(f"{folder} has no subfolder with photos ({kinds}): give it one per person, people/NAME/1.jpg.")
    people = [path.parent.name for path in paths]
    files = [path.relative_to(folder).as_posix() for path in paths]
    names = [person.replace("_", " ") for person in people]
    return pd.DataFrame({"path": paths, "file": files, "person": people, "name": names})


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise ValueError(f"{folder} cannot be read ({error.strerror}): check who may read it.") from error


def _is_photo(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()


def load_lfw(folder: str | os.PathLike | None = None) -> pd.DataFrame:
    """Load Labeled Faces in the Wild: news photographs of well-known people, 250 × 250 pixels (Huang et al. 2007).

    Parameters
    ----------
    folder : path, optional
        What holds images/NAME/NAME_0001.jpg and pairs.txt; unless given, what the environment variable FACELAB_LFW
        names. Where neither says anything, scikit-learn's own fetcher is asked (`sklearn.datasets.fetch_lfw_people`,
        the funneled photos), which downloads about 230 MB the first time.

    Returns
    -------
    pandas.DataFrame
        A row per photo: `path`, `file`, `person`, `name`.

    Raises
    ------
    ValueError, FileNotFoundError
        If there are no images, not all were unpacked, or LFW is not on this machine and cannot be downloaded.
    """
    return load_folder(_lfw(folder)[0])


def load_lfw_pairs(folder: str | os.PathLike | None = None) -> pd.DataFrame:
    """Load LFW's official pairs, on which verification is measured fold by fold; `folder` is as for `load_lfw`.

    Returns
    -------
    pandas.DataFrame
        `fold` (from 1), `same` (bool), `path_a`, `path_b`, `person_a`, `person_b`: the pairs in the official order.

    Raises
    ------
    ValueError, FileNotFoundError
        As `load_lfw`; if pairs.txt is missing or not in the official format, or a photo that it names is missing.
    """
    images, listing = _lfw(folder)
    if not listing.is_file():
        raise FileNotFoundError(f"There is no {listing}: LFW's list of pairs belongs there.")
    try:
        header, *lines = [line.split() for line in listing.read_text("utf-8").splitlines() if line.strip()]
        folds, size = map(int, header)
        pairs = [_pair(line, images) for line in lines]
        if [same for same, *_ in pairs] != ([True] * size + [False] * size) * folds:
            raise ValueError("another number or order of pairs than the first line says")
    except ValueError as error:
        raise ValueError(f"{listing} is not in the format of LFW's pairs.txt, or cut short: get it anew.") from error
    table = pd.DataFrame(pairs, columns=["same", "path_a", "path_b", "person_a", "person_b"])
    table.insert(0, "fold", np.repeat(np.arange(1, folds + 1), 2 * size))
    missing = sorted(path for path in {*table["path_a"], *table["path_b"]} if not path.is_file())
    if missing:
        raise FileNotFoundError(f"{listing} names photos that are not there ({missing[0]} is the first): get LFW anew.")
    return table


def _pair(line: list[str], images: Path) -> tuple[bool, Path, Path, str, str]:
    """Read "NAME 1 2", two photos of one person, or "NAME 1 OTHER 2"; anything else is a ValueError."""
    person_a, number_a, *rest = line
    same = len(rest) == 1
    person_b, number_b = (person_a, *rest) if same else rest
    path_a = images / person_a / f"{person_a}_{int(number_a):04d}.jpg"
    path_b = images / person_b / f"{person_b}_{int(number_b):04d}.jpg"
    return same, path_a, path_b, person_a, person_b


def _lfw(folder: str | os.PathLike | None) -> tuple[Path, Path]:
    """Find LFW's folder of images and its list of pairs, through scikit-learn where no folder is named."""
    if folder is None:
        folder = os.environ.get("FACELAB_LFW") or None
    if folder is not None:
        images = checked_path(checked_path(folder) / "images")
        if not images.is_dir():
            raise FileNotFoundError(f"There is no folder {images}: give, or set FACELAB_LFW to, the folder around it.")
        return images, images.parent / "pairs.txt"
    from sklearn.datasets import fetch_lfw_people, get_data_home  # here, because the other loaders do without

    home = Path(get_data_home()) / "lfw_home"
    try:
        fetch_lfw_people(min_faces_per_person=500)  # fetches everyone, but decodes the photos of one person only
        if (home / "lfw-funneled.tgz").exists():
            raise ValueError("scikit-learn deletes the archive when it has unpacked all of it")
    except OSError as error:
        reason = f"LFW is not in {home} and cannot be downloaded ({error})"
        raise FileNotFoundError(f"{reason}: try again later, or name a folder with it in FACELAB_LFW.") from error
    except ValueError as error:
        raise ValueError(f"LFW in {home} was unpacked only in part: delete that folder and try again.") from error
    return home / "lfw_funneled", home / "pairs.txt"
