"""A photo with its faces as buttons: on the photo for a mouse, in a row below it for a keyboard (notebook 06)."""

from __future__ import annotations

import anywidget
import traitlets

from facelab.photo_input import STYLE as COMMON_STYLE
from facelab.style import GENUINE

SCRIPT = """
function make(tag, parent, className) {
  const element = parent.appendChild(document.createElement(tag));
  element.className = className;
  return element;
}

function render({ model, el }) {
  el.classList.add("facelab-view");
  el.dataset.lmSuppressShortcuts = "true";  // in JupyterLab, Enter on a face would go to the cell instead
  const stage = make("div", el, "facelab-stage");
  const image = make("img", stage, "facelab-photo");
  const row = make("div", el, "facelab-row facelab-faces");
  row.setAttribute("role", "group");
  row.setAttribute("aria-label", "faces in the photo");
  let address = null, boxes = [], buttons = [];

  const choose = place => { model.set("chosen", place); model.save_changes(); };

  function drawPhoto() {
    if (address) URL.revokeObjectURL(address);
    const photo = model.get("photo");
    stage.hidden = !photo?.byteLength;
    address = stage.hidden ? null : URL.createObjectURL(new Blob([photo], { type: "image/jpeg" }));
    if (address) image.src = address; else image.removeAttribute("src");
    image.alt = model.get("description");
  }

  // Elements are kept and changed, not made anew: a button that has the focus must not lose it.
  function drawFaces() {
    const faces = model.get("faces");
    while (boxes.length > faces.length) { boxes.pop().remove(); buttons.pop().remove(); }
    while (boxes.length < faces.length) {
      const place = boxes.length;
      const box = make("div", stage, "facelab-box");
      make("span", box, "facelab-label");
      box.onclick = () => choose(place);
      boxes.push(box);
      const button = make("button", row, "facelab-face");
      button.type = "button";
      button.onclick = () => choose(place);
      buttons.push(button);
    }
    faces.forEach((face, place) => {
      const box = boxes[place], button = buttons[place], chosen = place === model.get("chosen");
      for (const side of ["left", "top", "width", "height"]) box.style[side] = `${face[side]}%`;
      box.firstChild.replaceChildren();
      box.firstChild.classList.toggle("facelab-leftward", face.left > 65);  // so that the photo's edge does not cut it
      make("b", box.firstChild, "").textContent = place + 1;
      make("span", box.firstChild, "facelab-name").textContent = face.known ? ` ${face.name}` : " ?";
      box.title = button.textContent = `${place + 1} ${face.name}${face.distance}`;
      button.setAttribute("aria-pressed", chosen);
      for (const one of [box, button]) {
        one.classList.toggle("facelab-known", face.known);
        one.classList.toggle("facelab-chosen", chosen);
      }
    });
    row.hidden = faces.length === 0;
    image.alt = model.get("description");
  }

  const dim = () => el.setAttribute("aria-busy", model.get("busy"));
  const watched = { "change:photo": drawPhoto, "change:faces change:chosen change:description": drawFaces,
                    "change:busy": dim };
  for (const [event, draw] of Object.entries(watched)) model.on(event, draw);
  drawPhoto(); drawFaces(); dim();
  return () => {
    for (const [event, draw] of Object.entries(watched)) model.off(event, draw);
    if (address) URL.revokeObjectURL(address);
  };
}
export default { render };
"""

# Known and unknown differ in colour, in the line (whole or dashed) and in what is written.
STYLE = f"""{COMMON_STYLE}
.facelab-view {{ container-type: inline-size; }}
.facelab-stage {{ position: relative; width: fit-content; max-width: 100%; }}
.facelab-stage[hidden], .facelab-row[hidden], .facelab-input [hidden] {{ display: none; }}
.facelab-photo {{ display: block; max-width: 100%; max-height: 560px; }}
.facelab-view[aria-busy=true] .facelab-stage {{ opacity: .45; }}
.facelab-box {{ position: absolute; box-sizing: border-box; border: 2px dashed #fff; outline: 2px solid #444;
               outline-offset: -1px; cursor: pointer; min-width: 8px; min-height: 8px; }}
.facelab-box.facelab-known {{ border: 2px solid {GENUINE}; outline: 1px solid #fff; outline-offset: 0; }}
.facelab-box.facelab-chosen {{ border-width: 4px; }}
.facelab-label {{ position: absolute; left: -3px; top: 100%; padding: 0 4px; color: #fff; background: #444;
                 font-size: 13px; line-height: 1.3; white-space: nowrap; max-width: 12em; overflow: hidden;
                 text-overflow: ellipsis; }}
.facelab-label.facelab-leftward {{ left: auto; right: -3px; }}
.facelab-known .facelab-label {{ background: {GENUINE}; }}
.facelab-chosen {{ z-index: 1; }}
.facelab-faces {{ margin-top: 8px; }}
.facelab-view .facelab-face {{ border-left: 8px solid #777; max-width: 100%; overflow: hidden; text-overflow: ellipsis;
                             white-space: nowrap; }}
.facelab-view .facelab-face.facelab-known {{ border-left-color: {GENUINE}; }}
.facelab-view .facelab-face.facelab-chosen {{ font-weight: 600; box-shadow: inset 0 0 0 2px currentColor; }}
@container (max-width: 420px) {{
  .facelab-name {{ display: none; }}
  .facelab-label {{ font-size: 11px; }}
}}
"""


class PhotoView(anywidget.AnyWidget):
    """A photo, and its faces as buttons.

    Attributes
    ----------
    photo : bytes
        JPEG; empty for none.
    description : str
        What a screen reader says of the photo.
    faces : list of dict
        Of each face `left`, `top`, `width`, `height` (percent of the photo), `name`, `known` (bool), `distance` (text).
    chosen : int
        Which face is, from 0; -1 for none. The browser sets it.
    busy : bool
        The photo is about to be replaced, and shown pale.
    """

    _esm = SCRIPT
    _css = STYLE
    photo = traitlets.Bytes(b"").tag(sync=True)
    description = traitlets.Unicode("").tag(sync=True)
    faces = traitlets.List().tag(sync=True)
    chosen = traitlets.Int(-1).tag(sync=True)
    busy = traitlets.Bool(False).tag(sync=True)
