"""Writes the set's tables from what render.py noted: people.csv, photos.csv, scenes.csv, clip.csv, door.csv."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict
from pathlib import Path

from ground_truth import FaceTruth, mtcnn_box
from people import Person, hair_description, people
from plan import FACTORS
from shots import Shot

CLIP = "clip/clip.mp4"
POINTS = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")


def save_note(folder: Path, shot: Shot, camera, truths: list[FaceTruth], seconds: float) -> None:
    """Note beside a negative what is known about its faces."""
    path = Path(folder) / shot.subset / f"{shot.name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    span = camera.size[0] / camera.focal * abs(camera.position[2] - (shot.places[0].z if shot.places else 0) - 4)
    note = {"seconds": seconds, "span_cm": span, "faces": [asdict(truth) for truth in truths]}
    path.write_text(json.dumps(note))


def load_note(folder: Path, shot: Shot) -> dict | None:
    """Read a note back; None if the shot has not been rendered."""
    path = Path(folder) / shot.subset / f"{shot.name}.json"
    return json.loads(path.read_text()) if path.is_file() else None


def face_columns(face: dict) -> dict[str, object]:
    """Columns that every table has of a face: box, landmarks and whether each is seen, angles, what is worn."""
    row: dict[str, object] = {}
    box = mtcnn_box(tuple(face["mesh_box"]))
    row.update({name: round(float(v), 2) for name, v in zip(("x0", "y0", "x1", "y1"), box, strict=True)})
    for point, (x, y) in zip(POINTS, face["landmarks"], strict=True):
        row[f"{point}_x"], row[f"{point}_y"] = round(x, 2), round(y, 2)
    row.update({f"{point}_visible": seen for point, seen in zip(POINTS, face["landmark_visible"], strict=True)})
    row.update({angle: round(face[angle], 1) + 0.0 for angle in ("yaw", "pitch", "roll")})
    row.update(
        visible=round(face["visible"], 3), expression=face["expression"], glasses=face["glasses"], hat=face["hat"]
    )
    return row


def photo_row(shot: Shot, note: dict) -> dict[str, object]:
    """A row of photos.csv."""
    (face,) = note["faces"]
    return {
        "file": shot.file,
        "subset": shot.subset,
        "person": face["person"],
        "factor": shot.factor,
        "value": shot.value,
        **face_columns(face),
        "light_azimuth": round(shot.light.azimuth, 1),
        "light_elevation": round(shot.light.elevation, 1),
        "light_strength": round(shot.light.strength, 2),
        "room": shot.room,
        "lens_mm": shot.camera.lens,
        "span_cm": round(note["span_cm"], 1),
        "exposure_ev": round(shot.film.ev, 2),
        "grain": round(shot.film.grain, 2),
        "blur_px": shot.film.blur,
        "garment": shot.places[0].outfit.garment,
        "split": shot.split or "probe",
    }


def group_rows(shot: Shot, note: dict) -> list[dict[str, object]]:
    """Rows of scenes.csv, clip.csv or door.csv: one a face, or one without a face where there is nobody."""
    if shot.subset == "clip":
        start = {"file": CLIP, "frame": shot.frame}
    else:
        start = {"file": shot.file, "scene": shot.name, "room": shot.room}
    if shot.subset == "door":
        start["printed"] = shot.printed
    return [{**start, "person": face["person"], **face_columns(face)} for face in note["faces"]] or [start]


def person_row(person: Person) -> dict[str, object]:
    """A row of people.csv."""
    return {
        "person": person.id,
        "name": person.name,
        "split": person.split or "stranger",
        "hair": hair_description(person),
        "beard": person.beard >= 0.4,
        "monk": person.monk,
        "age": person.age,
        "build": "slight" if person.build <= -0.3 else "heavy" if person.build >= 0.4 else "medium",
    }


def write_tables(plan: list[Shot], notes: Path, out: Path) -> dict[str, int]:
    """Write the tables of all shots that have a note and a picture.

    Returns
    -------
    dict of str to int
        How many rows each table got.
    """
    tables: dict[str, list[dict]] = {"photos": [], "scenes": [], "clip": [], "door": []}
    for shot in sorted(plan, key=_order):
        note = load_note(notes, shot)
        if note is None or not (Path(out) / shot.file).is_file():
            continue
        if shot.subset in ("scenes", "clip", "door"):
            tables[shot.subset] += group_rows(shot, note)
        elif note["faces"]:
            tables["photos"].append(photo_row(shot, note))
    seen = {row["person"] for rows in tables.values() for row in rows if "person" in row}
    tables["people"] = [person_row(person) for person in people().values() if person.id in seen]
    for name, rows in tables.items():
        if rows:
            _write(Path(out) / f"{name}.csv", rows)
    return {name: len(rows) for name, rows in tables.items()}


def _order(shot: Shot) -> tuple:
    """Sort by name, frames in time, and sweeps by their steps."""
    if shot.subset != "sweeps":
        return shot.subset, shot.frame, shot.name
    steps = [str(step) for step in FACTORS[shot.factor]]
    return shot.subset, shot.places[0].person, list(FACTORS).index(shot.factor), steps.index(shot.value)


def _write(path: Path, rows: list[dict]) -> None:
    columns = list(max(rows, key=len))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
