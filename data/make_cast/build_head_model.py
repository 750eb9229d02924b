"""Make the head model's file from a checkout of ICT-FaceKit.

`python build_head_model.py ICT-FaceKit/FaceXModel head.npz`

The checkout holds an OBJ file of 26,719 vertices for each of 100 identities and about 57 expressions. What is kept are
the differences from the neutral head, in half precision, about 16 MB.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

IDENTITIES = 100


def read_vertices(path: Path) -> np.ndarray:
    """Read the vertices of an OBJ file: (v, 3) float."""
    rows = [line.split()[1:4] for line in path.read_text().splitlines() if line.startswith("v ")]
    return np.array(rows, float)


def read_faces(path: Path) -> dict[str, np.ndarray]:
    """Read the faces of an OBJ file.

    Returns
    -------
    dict of str to ndarray
        `faces` and `fuv` (f, 4): numbers of vertices and of texture coordinates, from 0, and -1 as a triangle's fourth;
        `fmat` (f,) and `mats`: the number of each face's material and the materials' names; `uv` (t, 2).
    """
    uv, faces, face_uv, material, names = [], [], [], [], []
    current = -1
    for line in path.read_text().splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "vt":
            uv.append([float(x) for x in rest.split()[:2]])
        elif kind == "usemtl":
            name = rest.strip()
            if name not in names:
                names.append(name)
            current = names.index(name)
        elif kind == "f":
            corners = [[int(x) - 1 for x in corner.split("/")[:2]] for corner in rest.split()]
            corners += [[-1, -1]] * (4 - len(corners))
            if len(corners) != 4:
                raise ValueError(
                    f"{path} has a face of {len(corners)} corners, expected 3 or 4: use the original file."
                )
            faces.append([vertex for vertex, _ in corners])
            face_uv.append([texture for _, texture in corners])
            material.append(current)
    return {
        "uv": np.array(uv, np.float32),
        "faces": np.array(faces, np.int32),
        "fuv": np.array(face_uv, np.int32),
        "fmat": np.array(material, np.int8),
        "mats": np.array(names),
    }


def build(folder: Path) -> dict[str, np.ndarray]:
    """Read a checkout's folder FaceXModel into the arrays that head.HeadModel.load expects."""
    neutral_file = folder / "generic_neutral_mesh.obj"
    if not neutral_file.is_file():
        raise FileNotFoundError(f"There is no {neutral_file}: give the folder FaceXModel of an ICT-FaceKit checkout.")
    neutral = read_vertices(neutral_file)
    indices = json.loads((folder / "vertex_indices.json").read_text())
    names = [name for name in indices["expressions"] if (folder / f"{name}.obj").is_file()]
    known = {*names, neutral_file.stem}
    names += sorted(
        p.stem for p in folder.glob("*.obj") if p.stem not in known and not p.stem.startswith(("identity", "generic"))
    )
    identity = np.stack([read_vertices(folder / f"identity{i:03d}.obj") - neutral for i in range(IDENTITIES)])
    expression = np.stack([read_vertices(folder / f"{name}.obj") - neutral for name in names])
    return {
        "neutral": neutral.astype(np.float32),
        "ident": identity.astype(np.float16),
        "expr": expression.astype(np.float16),
        "expr_names": np.array(names),
        "lm68": np.array(indices["idx_to_landmark_verts"], np.int32),
        **read_faces(neutral_file),
    }


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="FaceXModel of a checkout")
    parser.add_argument("out", type=Path, help="the file to make, .npz")
    options = parser.parse_args()
    np.savez_compressed(options.out, **build(options.folder))
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
