"""A field for a name with a button, which sends what is written there in one piece (notebook 06).

With ipywidgets' own field and button, who types quickly and presses Enter would enrol "G" for "Grace": what is typed is
sent letter by letter, is held back while the kernel works, and is then overtaken by the button.
"""

from __future__ import annotations

from collections.abc import Callable

import anywidget

from facelab.photo_input import STYLE

SCRIPT = """
function render({ model, el }) {
  el.classList.add("facelab-input");
  el.dataset.lmSuppressShortcuts = "true";
  const form = document.createElement("form");
  form.className = "facelab-row";
  const label = form.appendChild(document.createElement("label"));
  label.append("name ");
  const field = label.appendChild(document.createElement("input"));
  Object.assign(field, { type: "text", placeholder: "who is this?", autocomplete: "off", spellcheck: false });
  const button = form.appendChild(document.createElement("button"));
  button.textContent = "Enrol this face";
  form.onsubmit = event => { event.preventDefault(); model.send({ name: field.value }); };
  const clear = message => { if (message.kind === "clear") field.value = ""; };
  model.on("msg:custom", clear);
  el.append(form);
  return () => model.off("msg:custom", clear);
}
export default { render };
"""


class NameForm(anywidget.AnyWidget):
    """A field for a name, and a button; Enter presses it.

    Parameters
    ----------
    on_name : callable
        Called with what is written in the field.
    """

    _esm = SCRIPT
    _css = STYLE

    def __init__(self, on_name: Callable[[str], None]) -> None:
        super().__init__()
        self.on_msg(lambda _, content, __: on_name(content["name"]))

    def clear(self) -> None:
        """Empty the field."""
        self.send({"kind": "clear"})
