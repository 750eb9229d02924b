"""Photos from the browser: files that are chosen there, and the browser's own camera (notebook 06).

ipywidgets' own upload sends all files in one message, and Jupyter's servers close the connection on one of more than
10 MB, which is two photos of a phone. This one sends a photo at a time, waits until it was dealt with, and lets the
browser scale down what is too large.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import anywidget

SCRIPT = """
const LIMIT = 8e6;  // bytes; with what is around it, a message stays below the server's 10 MB
const SIDE = 2048;  // pixels, of a photo that is scaled down and of one from the camera

const NO_CAMERA = {
  NotAllowedError: "The browser may not use the camera: allow it, by the sign beside the address, and try again.",
  NotFoundError: "No camera was found: connect one, or upload a photo.",
  NotReadableError: "The camera is in use by another program: close that, and try again.",
};
const INSECURE = "A browser lends its camera only to pages from this computer or over https: upload a photo instead.";

function jpeg(source, width, height) {
  const scale = Math.min(1, SIDE / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  canvas.getContext("2d").drawImage(source, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) =>
    canvas.toBlob(blob => blob ? resolve(blob.arrayBuffer()) : reject(new Error("no blob")), "image/jpeg", 0.92));
}

async function bytesOf(file) {
  if (file.size <= LIMIT) return file.arrayBuffer();
  const bitmap = await createImageBitmap(file);
  return jpeg(bitmap, bitmap.width, bitmap.height);
}

function make(tag, parent, properties) {
  return parent.appendChild(Object.assign(document.createElement(tag), properties));
}

function render({ model, el }) {
  el.classList.add("facelab-input");
  el.dataset.lmSuppressShortcuts = "true";  // in JupyterLab, Enter on a button would go to the cell instead
  const row = make("div", el, { className: "facelab-row" });
  const upload = make("button", row, { type: "button", textContent: "Upload photos…" });
  const files = make("input", row, { type: "file", accept: "image/*", multiple: true, hidden: true });
  const start = make("button", row, { type: "button", textContent: "Use the camera" });
  const said = make("div", el, { className: "facelab-said" });
  said.setAttribute("role", "alert");
  const live = make("div", el, { hidden: true });
  const video = make("video", live, { muted: true, playsInline: true });
  video.setAttribute("aria-label", "what the camera sees");
  const below = make("div", live, { className: "facelab-row" });
  const take = make("button", below, { type: "button", textContent: "Take the photo" });
  const stop = make("button", below, { type: "button", textContent: "Stop the camera" });
  let stream = null, gone = false, next = () => {};

  const dealtWith = message => { if (message.kind === "next") next(); };
  model.on("msg:custom", dealtWith);
  const send = (content, buffers) => {
    const wait = new Promise(resolve => { next = resolve; });
    model.send(content, undefined, buffers);
    return wait;
  };

  upload.onclick = () => files.click();
  files.onchange = async () => {
    const chosen = [...files.files];
    files.value = "";  // so that the same file can be chosen again
    upload.disabled = true;
    for (const [place, file] of chosen.entries()) {
      const about = { kind: "photo", name: file.name, place, count: chosen.length };
      try {
        await send(about, [await bytesOf(file)]);
      } catch {
        await send({ ...about, kind: "too large", megabytes: file.size / 1e6 }, []);
      }
    }
    upload.disabled = false;
  };

  const release = () => {
    stream?.getTracks().forEach(track => track.stop());
    stream = video.srcObject = null;
    live.hidden = true;
    start.disabled = false;
  };
  start.onclick = async () => {
    said.textContent = "";
    if (!navigator.mediaDevices) { said.textContent = INSECURE; return; }
    start.disabled = true;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 } } });
      if (gone) return release();
      video.srcObject = stream;
      await video.play();
      live.hidden = false;
      take.focus();
    } catch (error) {
      release();
      said.textContent = NO_CAMERA[error.name] ?? `The camera cannot be used (${error.name}): upload a photo instead.`;
      start.focus();
    }
  };
  take.onclick = async () => {
    const buffer = await jpeg(video, video.videoWidth, video.videoHeight);
    take.disabled = true;
    await send({ kind: "photo", name: "the camera's photo", place: 0, count: 1 }, [buffer]);
    take.disabled = false;
  };
  stop.onclick = () => { release(); start.focus(); };
  return () => { gone = true; release(); model.off("msg:custom", dealtWith); };
}
export default { render };
"""

STYLE = """
.facelab-input, .facelab-view {
  font: var(--jp-widgets-font-size, 13px)/1.4 system-ui, sans-serif; color: var(--jp-ui-font-color1, #212121);
}
.facelab-input { margin: 2px; }
.facelab-row { display: flex; flex-wrap: wrap; gap: 6px; }
.facelab-input button, .facelab-view .facelab-face {
  font: inherit; min-height: 30px; padding: 3px 12px; border: 1px solid #8a8a8a; cursor: pointer; color: inherit;
  background: var(--jp-layout-color1, #fff);
}
.facelab-input button { border-color: transparent; background: var(--jp-layout-color2, #eee); }
.facelab-input button:focus-visible, .facelab-view button:focus-visible {
  outline: 3px solid #E69F00; outline-offset: 1px;
}
.facelab-input button:disabled { opacity: .5; cursor: default; }
.facelab-input label { display: flex; align-items: center; gap: 6px; flex: 1 1 180px; max-width: 420px; }
.facelab-input input[type=text] {
  font: inherit; flex: 1; min-width: 0; min-height: 30px; box-sizing: border-box; padding: 3px 8px;
  color: inherit; background: var(--jp-layout-color1, #fff); border: 1px solid #8a8a8a;
}
.facelab-input video { display: block; width: 100%; max-width: 480px; margin: 8px 0; background: #222; }
.facelab-said { color: var(--jp-error-color1, #b3261e); }
.facelab-said:not(:empty) { padding: 6px 0; }
"""


class NamedBytes(BytesIO):
    """What a browser sent, as a file with a name, so that an error about it can say which one it is.

    Parameters
    ----------
    content : bytes
    name : str
    """

    def __init__(self, content: bytes, name: str):
        super().__init__(content)
        self.name = name


class PhotoInput(anywidget.AnyWidget):
    """Two buttons: upload photos, and use the camera. Nothing is written to disk.

    The camera is the browser's own (`getUserMedia`). Where there is none, or it may not be used, a sentence says so.

    Parameters
    ----------
    on_photo : callable
        Called with a `NamedBytes`, its place among the photos chosen together, from 0, and how many those are.
    on_refused : callable
        Likewise, with a sentence for a photo that the browser could neither send nor scale down.
    """

    _esm = SCRIPT
    _css = STYLE

    def __init__(
        self, on_photo: Callable[[NamedBytes, int, int], None], on_refused: Callable[[str, int, int], None]
    ) -> None:
        super().__init__()
        self._on_photo, self._on_refused = on_photo, on_refused
        self.on_msg(self._received)

    def _received(self, _, content: dict, buffers: list) -> None:
        place, count = int(content["place"]), int(content["count"])
        try:
            if content["kind"] == "photo":
                self._on_photo(NamedBytes(bytes(buffers[0]), content["name"]), place, count)
            else:
                sentence = (
                    f"{content['name']} has {content['megabytes']:.0f} MB, and the browser could not make it smaller: "
                    "save it as a JPEG of less than 8 MB first."
                )
                self._on_refused(sentence, place, count)
        finally:
            self.send({"kind": "next"})
