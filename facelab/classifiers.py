"""Classifiers on frozen vectors: name a person without training a network, and know when it is nobody (notebook 05).

scikit-learn's classifiers learn to tell the enrolled apart in a moment. By themselves they name one of them for every
face in the world; `RejectingClassifier` lets them say `NOBODY`, by a threshold chosen on people who are not enrolled.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from facelab.checks import checked_labels
from facelab.distance import checked_vectors, pairwise_distances
from facelab.identification import NOBODY
from facelab.verification import highest_threshold


def frozen_classifiers() -> dict[str, Pipeline]:
    """Three ways to name a person from a vector, each not fitted yet, by what they are called.

    k-NN asks the nearest photo and learns nothing; a linear SVM and logistic regression (with its probabilities) draw
    planes between people, for which each of the vector's numbers is first scaled to a standard deviation of 1.
    """
    return {
        "k-NN": make_pipeline(KNeighborsClassifier(n_neighbors=1)),
        "SVM": make_pipeline(StandardScaler(), SVC(kernel="linear")),
        "logistic regression": make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000)),
    }


class RejectingClassifier(ClassifierMixin, BaseEstimator):
    """A classifier that may say `NOBODY`: `fit` on the enrolled, `calibrate` on strangers, then `predict`.

    Parameters
    ----------
    classifier : a scikit-learn classifier or pipeline
        Not fitted; see `frozen_classifiers`.
    by : "distance" or "probability"
        What decides whether the named person is believed: the Euclidean distance to the nearest of their photos; or
        1 - the classifier's probability for them. That is shared out among the enrolled alone, so that a stranger who
        is like nobody may still get a high one for the least unlike, and k-NN with one neighbour is always sure; but
        a classifier that has learned where people differ may know better than the distance. Measure both.

    Attributes
    ----------
    classes_ : (k,) array of str
        The enrolled people, once fitted.
    threshold_ : float
        Once calibrated: who is farther away than this is nobody.
    """

    def __init__(self, classifier: BaseEstimator, by: str = "distance") -> None:
        self.classifier = classifier
        self.by = by

    def fit(self, vectors: ArrayLike, people: ArrayLike) -> RejectingClassifier:
        """Enrol people by their (n, d) vectors.

        Raises
        ------
        ValueError
            If labels are missing or not one for each vector, there is one person only, or one is called `NOBODY`; if
            vectors are no table of numbers or hold NaN; if `by` is unknown, or the classifier gives no probabilities.
        """
        if self.by not in ("distance", "probability"):
            raise ValueError(f"by is {self.by!r}, but what can be too high is 'distance' or 'probability'.")
        if self.by == "probability" and not hasattr(self.classifier, "predict_proba"):
            raise ValueError("This classifier gives no probabilities: use by='distance', or CalibratedClassifierCV.")
        vectors, people = _labelled(vectors, people)
        if len(np.unique(people)) < 2:
            raise ValueError("There is only one person to enrol: to compare with one person, use a distance alone.")
        if NOBODY in people:
            raise ValueError(f"Nobody may be enrolled as {NOBODY!r}: it is the answer for strangers.")
        self.classifier_ = clone(self.classifier).fit(vectors, people)
        self.classes_, self.vectors_, self.people_ = np.unique(people), vectors, people
        self.__dict__.pop("threshold_", None)  # it was for those enrolled before
        return self

    def closest(self, vectors: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Name one of the enrolled for every vector, and how far they are (see `by`).

        Returns
        -------
        people, distances : (n,) str and (n,) float64
            The distances of enrolled people's photos that were not enrolled and of strangers are what
            `facelab.calibrate` turns into the probability that a face is known.

        Raises
        ------
        ValueError
            If it is not fitted, or vectors are of another width, no table of numbers or hold NaN.
        """
        if not hasattr(self, "classifier_"):
            raise ValueError("Nobody is enrolled yet: call fit with vectors and people first.")
        vectors = checked_vectors(vectors, "first")
        distances = pairwise_distances(vectors, self.vectors_)  # also sees that both are of one model
        if len(vectors) == 0:
            return self.people_[:0], np.zeros(0)
        named = self.classifier_.predict(vectors)
        if self.by == "probability":
            return named, 1 - self.classifier_.predict_proba(vectors).max(axis=1)
        own = named[:, None] == self.people_[None]
        return named, np.where(own, distances, np.inf).min(axis=1).astype(float)

    def calibrate(self, vectors: ArrayLike, people: ArrayLike, fpir: float = 0.05) -> RejectingClassifier:
        """Choose the threshold at which at most this share of strangers' photos is given a name.

        Parameters
        ----------
        vectors : (n, d) float
        people : (n,) of any labels
            None of whom is enrolled. Those on whom the result is judged should be other people again.
        fpir : float
            The false positive identification rate that is allowed on them. On other strangers it will be exceeded
            about as often as not, and by much where those for calibration were few.

        Raises
        ------
        ValueError
            If one of them is enrolled, the rate cannot be seen on so few, or as `closest`.
        """
        vectors, people = _labelled(vectors, people)
        _, distances = self.closest(vectors)
        if len(enrolled := np.intersect1d(people, self.classes_)):
            raise ValueError(
                f"{enrolled[0]} is enrolled, but a threshold is chosen on people who are not: leave it out."
            )
        self.threshold_ = highest_threshold(distances, fpir, "photos of strangers")
        return self

    def predict(self, vectors: ArrayLike) -> np.ndarray:
        """Name the person on each, or `NOBODY`: (n,) str; ValueError if not calibrated, or as `closest`."""
        people, distances = self.closest(vectors)
        if not hasattr(self, "threshold_"):
            raise ValueError("There is no threshold yet: call calibrate with vectors of people who are not enrolled.")
        return np.where(distances <= self.threshold_, people.astype(object), NOBODY).astype(str)


def _labelled(vectors: ArrayLike, people: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    vectors, people = checked_vectors(vectors, "first"), checked_labels(people)
    if people.shape != (len(vectors),):
        raise ValueError(f"{len(vectors)} vectors want as many labels, but these have the shape {people.shape}.")
    if len(people) == 0:
        raise ValueError("There are no vectors: give those of some people.")
    return vectors, people.astype(str)
