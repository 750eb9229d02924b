"""`IdentifyPeople`: who is on this photo, in a notebook or as an app (notebook 06; `make app`).

The widget holds what is being looked at; what it says and draws is worked out in `identify_text.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

import ipywidgets

from facelab.gallery import Gallery
from facelab.gallery_people import checked_name, name_key
from facelab.gallery_search import checked_threshold
from facelab.identify_text import (
    Photo,
    as_html,
    candidate_bars,
    cast_samples,
    enrolled_sentence,
    face_address,
    face_sentence,
    faces_to_draw,
    failure_sentence,
    forgotten_sentence,
    gallery_file,
    photo_sentence,
    privacy_sentence,
    question,
    read_photo,
    search_again,
    starting_threshold,
)
from facelab.name_form import NameForm
from facelab.photo_input import NamedBytes, PhotoInput
from facelab.photo_view import PhotoView
from facelab.style import GENUINE


class IdentifyPeople(ipywidgets.VBox):
    """See who is on a photo, move the threshold, enrol and forget people.

    All of it works by keyboard: Tab goes on, the arrow keys move the threshold, Enter presses a button, and Enter in
    the field for the name enrols. What another program enrols in the same file is seen with the next photo or face.

    A photo is only held in memory, and a face is stored when it is enrolled. (If you have told JupyterLab to save the
    state of widgets in notebooks, which it does not do of itself, it saves what is shown.)

    Parameters
    ----------
    gallery : Gallery, optional
        Of known people, in a file or in memory; a new one in memory if left out.
    samples : mapping of str to image, optional
        Photos to choose from, by what to call them, in any form that `open_image` takes; the cast's if left out.
    threshold : float, optional
        Where to begin; by default the threshold for "identify" that is stored in the gallery, or else the one measured
        for its weights (`available_weights`), or else 1.0.

    Attributes
    ----------
    gallery : Gallery
    threshold : float
        Where the slider stands. Setting it moves the slider.
    photos : list of Photo
        Those chosen last, with the faces found on them.

    Raises
    ------
    ValueError, FileNotFoundError
        The gallery is none, or cannot be read, or the threshold makes no sense.
    """

    def __init__(
        self,
        gallery: Gallery | None = None,
        *,
        samples: Mapping[str, object] | None = None,
        threshold: float | None = None,
    ):
        gallery = Gallery() if gallery is None else gallery
        if not isinstance(gallery, Gallery):
            raise ValueError(f"gallery is a {type(gallery).__name__}, but must be a Gallery: give Gallery(path).")
        start = starting_threshold(gallery) if threshold is None else checked_threshold(threshold)
        self.gallery, self.photos, self._shown, self._chosen = gallery, [], 0, -1
        self._samples = dict(cast_samples() if samples is None else samples)
        self._failures, self._fresh, self._portraits = [], False, {}
        super().__init__(
            self._build(start), layout=ipywidgets.Layout(width="100%", max_width="1200px", overflow="hidden")
        )
        self._list_people()
        self._draw()

    def __repr__(self) -> str:
        # What a stored notebook shows where no kernel is running; ipywidgets' own would list everything that is shown.
        return f"IdentifyPeople of {len(self.gallery):,} people at {self.threshold:.3f}: run the cell to use it"

    @property
    def threshold(self) -> float:
        """Where the slider stands."""
        return self._slider.value

    @threshold.setter
    def threshold(self, value: float) -> None:
        self._slider.value = checked_threshold(value)

    # What there is on the page ---------------------------------------------------------------------------------------

    def _build(self, start: float) -> list[ipywidgets.Widget]:
        free = ipywidgets.Layout(width="auto")
        grow = ipywidgets.Layout(width="auto", flex="1 1 180px", max_width="420px")
        style = {"description_width": "initial"}

        def line(*widgets: ipywidgets.Widget, align: str = "center") -> ipywidgets.Box:
            return ipywidgets.Box(widgets, layout=ipywidgets.Layout(flex_flow="row wrap", align_items=align))

        def button(text: str, action: Callable[[], None], said: ipywidgets.HTML, **options) -> ipywidgets.Button:
            made = ipywidgets.Button(description=text, layout=free, **options)
            made.on_click(lambda _: self._do(action, said))
            return made

        # What is said stands beside what was done, so that it is seen on a small screen.
        self._status, self._enrol_said, self._people_said = (ipywidgets.HTML(layout=free) for _ in range(3))
        self._sample = ipywidgets.Dropdown(options=list(self._samples), description="sample", layout=grow, style=style)
        sample = line(self._sample, button("Identify", self._take_sample, self._status, button_style="primary"))
        sample.layout.display = "flex" if self._samples else "none"
        self._input = PhotoInput(self._receive, self._refuse)
        self._face, self._bars, self._asked = (ipywidgets.HTML(layout=free) for _ in range(3))
        self._view = PhotoView()
        self._view.observe(lambda _: self._do(self._choose, self._status), "chosen")
        self._which = ipywidgets.Label()
        back = button("Previous photo", lambda: self._turn(-1), self._status)
        on = button("Next photo", lambda: self._turn(1), self._status)
        self._album = line(back, self._which, on)
        self._slider = ipywidgets.FloatSlider(
            value=start,
            min=0,
            max=2,
            step=0.01,
            description="threshold",
            layout=free,
            style=style | {"handle_color": GENUINE},
        )
        self._slider.observe(lambda _: self._do(self._draw, self._status), "value")
        self._name = NameForm(lambda name: self._do(lambda: self._enrol(name), self._enrol_said))
        # Beside the photo where there is room for both, below it on a small screen.
        self._found = ipywidgets.VBox([self._slider, self._face, self._bars, self._name, self._enrol_said])
        self._found.layout = ipywidgets.Layout(flex="1 1 320px", min_width="0")
        self._view.layout = ipywidgets.Layout(flex="2 1 400px", min_width="0")
        self._people = ipywidgets.Dropdown(description="known people", layout=grow, style=style)
        self._ask_button = button("Forget…", self._ask, self._people_said)
        fresh = "see whom other programs have enrolled or forgotten"
        refresh = button("Refresh", self._look_again, self._people_said, tooltip=fresh)
        people = line(self._people, self._ask_button, refresh)
        self._keep = button("Keep", self._unask, self._people_said)
        self._confirm = button("Forget", self._forget, self._people_said, button_style="danger")
        self._sure = ipywidgets.VBox([self._asked, line(self._keep, self._confirm)])
        self._sure.layout.display = "none"
        note = ipywidgets.HTML(as_html([privacy_sentence(self.gallery)], role="note"), layout=free)
        shown = line(self._view, self._found, align="flex-start")
        shown.layout.grid_gap, people.layout.margin = "8px 16px", "12px 0 0"
        return [sample, self._input, note, self._status, self._album, shown, people, self._sure, self._people_said]

    # What a person does ----------------------------------------------------------------------------------------------

    def _take_sample(self) -> None:
        name = self._sample.value
        self._read(self._samples[name], name, 0, 1)

    def _receive(self, file: NamedBytes, place: int, count: int) -> None:
        self._do(lambda: self._read(file, file.name, place, count), self._status)

    def _refuse(self, sentence: str, place: int, count: int) -> None:
        self._do(lambda: self._read(ValueError(sentence), "", place, count), self._status)

    def _read(self, source: object, name: str, place: int, count: int) -> None:
        """Take one of the photos that were chosen together. The old ones stay until the first new one can be shown."""
        if place == 0:
            self._failures, self._fresh = [], True
        which = f" (photo {place + 1} of {count})" if count > 1 else ""
        with self._busy(f"Looking for faces on {name}{which}…"):
            try:
                if isinstance(source, Exception):
                    raise source
                photo = read_photo(source, name, self.gallery, self.threshold)
            except Exception as error:  # one bad photo among many does not stop the others
                self._failures.append(failure_sentence(error))
                photo = None
        if photo is not None:
            self.photos = [photo] if self._fresh else [*self.photos, photo]
            if self._fresh:
                self._fresh, self._shown = False, 0
                self._show(photo)
        self._list_people()
        self._draw()

    def _choose(self) -> None:
        if self._view.chosen != self._chosen and 0 <= self._view.chosen < len(self._view.faces):
            self._chosen = self._view.chosen
            self._look_again()

    def _turn(self, step: int) -> None:
        self._shown = (self._shown + step) % len(self.photos)
        self._show(self.photos[self._shown])
        self._look_again()

    def _enrol(self, name: str) -> None:
        face, name = self.photos[self._shown].faces[self._chosen], checked_name(name)
        new = self.gallery.enrol_vectors(name, face.vector, thumbnails=[face.thumbnail])
        name = next(known for known in self.gallery.names if name_key(known) == name_key(name))  # as it is spelt there
        self._name.clear()
        self._look_again()
        self._enrol_said.value = as_html([enrolled_sentence(name, new, len(self.gallery.vectors(name)))])

    def _ask(self) -> None:
        name = self._people.value
        if name is None:
            raise ValueError("Nobody is chosen: choose who should be forgotten first.")
        self._asked.value = as_html([question(name, len(self.gallery.vectors(name)))], role="alert")
        self._keep.description, self._confirm.description = f"Keep {name}", f"Forget {name} for good"
        self._asked_for = name
        self._sure.layout.display = "flex"
        self._keep.focus()

    def _unask(self) -> None:
        self._sure.layout.display = "none"
        self._people.focus()

    def _forget(self) -> None:
        name = self._asked_for
        self._unask()
        try:
            photos = self.gallery.forget(name)
        finally:  # forgotten, perhaps, although traces could not be erased yet
            self._look_again()
        self._people_said.value = as_html([forgotten_sentence(name, photos)])

    def _look_again(self) -> None:
        """Show what the gallery says now, whoever has written to it."""
        self._list_people()
        self._portraits = {}
        if self.photos:
            self.photos[self._shown] = search_again(self.photos[self._shown], self.gallery, self.threshold)
        self._draw()

    # What is shown for it --------------------------------------------------------------------------------------------

    def _list_people(self) -> None:
        names = self.gallery.names
        if list(self._people.options) != names:
            kept = self._people.value
            self._people.options = names
            self._people.value = kept if kept in names else next(iter(names), None)
        self._ask_button.disabled = not names

    def _show(self, photo: Photo) -> None:
        """Put another photo on the page, its largest face chosen."""
        self._chosen = photo.largest
        with self._view.hold_sync():
            self._view.photo = photo.jpeg
            self._view.faces = faces_to_draw(photo, self.threshold)
            self._view.chosen = self._chosen

    def _draw(self) -> None:
        """Show what is decided with the threshold where it stands."""
        photo = self.photos[self._shown] if self.photos else None
        self._album.layout.display = "flex" if len(self.photos) > 1 else "none"
        self._found.layout.display = "flex" if photo and photo.faces else "none"
        said = "Choose a sample, upload a photo, or use the camera."
        if photo:
            said = photo_sentence(photo, self.threshold)
            self._which.value = f"photo {self._shown + 1} of {len(self.photos)}"
            self._view.faces, self._view.description = faces_to_draw(photo, self.threshold), said
        if photo and photo.faces:
            candidates = photo.faces[self._chosen].candidates
            portraits = {name: self._portrait(name) for name in candidates["name"]}
            self._face.value = as_html([face_sentence(photo, self._chosen, self.threshold)])
            self._bars.value = candidate_bars(candidates, self.threshold, portraits)
        failures = as_html(self._failures, role="alert") if self._failures else ""
        self._status.value = failures + ("" if failures and not photo else as_html([said]))

    def _portrait(self, name: str) -> str | None:
        if name not in self._portraits:
            self._portraits[name] = None
            with suppress(ValueError):  # another program has just forgotten this person
                thumbnail = self.gallery.thumbnails(name)[0]
                self._portraits[name] = face_address(thumbnail) if thumbnail else None
        return self._portraits[name]

    @contextmanager
    def _busy(self, sentence: str) -> Iterator[None]:
        self._status.value = as_html([sentence], spinning=True)
        self._view.busy = True
        try:
            yield
        finally:
            self._view.busy = False

    def _do(self, action: Callable[[], None], said: ipywidgets.HTML) -> None:
        """Do what a person asked for, and say beside it what went wrong.

        An error would otherwise end up in the log of Jupyter's server, with whatever name it speaks of.
        """
        self._enrol_said.value = self._people_said.value = ""
        try:
            action()
        except Exception as error:
            said.value = as_html([failure_sentence(error)], role="alert")


def open_app() -> ipywidgets.Widget:
    """Make the app that `make app` serves: `IdentifyPeople` on the user's own file, or a sentence why it cannot be."""
    try:
        return IdentifyPeople(Gallery(gallery_file()))
    except (ValueError, OSError) as error:
        return ipywidgets.HTML(as_html([failure_sentence(error)], role="alert"))
