"""Classifiers on vectors: who is enrolled is named, who is not is nobody, and the names are scikit-learn's."""

import numpy as np
import pytest
from one_sentence import sentence
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors
from sklearn.svm import SVC

from facelab.classifiers import NOBODY, RejectingClassifier, frozen_classifiers
from facelab.decisions import calibrate

NAMES = list(frozen_classifiers())


def faces(people, photos=5, spread=0.04, seed=0):
    """Unit vectors in clusters, one for each letter and the same for the same letter; photos differ with the seed."""
    centres = np.random.default_rng(1).normal(size=(26, 64))
    rows = [ord(person) - ord("a") for person in people for _ in range(photos)]
    vectors = centres[rows] / np.linalg.norm(centres[rows], axis=1, keepdims=True)
    vectors = vectors + np.random.default_rng(seed).normal(scale=spread, size=(len(rows), 64))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.repeat(list(people), photos)


def rejecting(name="k-NN", by="distance", fpir=0.1):
    classifier = RejectingClassifier(frozen_classifiers()[name], by=by).fit(*faces("abcd"))
    return classifier.calibrate(*faces("efghijqrstuvwxyz", seed=1), fpir)


def test_there_are_three_ways():
    assert NAMES == ["k-NN", "SVM", "logistic regression"]


@pytest.mark.parametrize("name", NAMES)
def test_known_are_named_and_strangers_are_nobody(name):
    classifier = rejecting(name)
    vectors, people = faces("abcd", seed=2)
    assert (classifier.predict(vectors) == people).all()
    strangers, _ = faces("klmnop", seed=3)
    plain = frozen_classifiers()[name].fit(*faces("abcd"))
    assert set(plain.predict(strangers)) <= set("abcd")  # which is what it is for: it names everyone
    assert (classifier.predict(strangers) == NOBODY).mean() > 0.8
    assert list(classifier.classes_) == list("abcd")


@pytest.mark.parametrize("name", NAMES)
def test_names_are_scikit_learns_where_nobody_is_rejected(name):
    classifier = rejecting(name)
    classifier.threshold_ = np.inf
    vectors, _ = faces("abcdefgh", spread=0.1, seed=4)
    expected = frozen_classifiers()[name].fit(*faces("abcd")).predict(vectors)
    np.testing.assert_array_equal(classifier.predict(vectors), expected)


def test_distances_are_to_the_named_person():
    vectors, _ = faces("abcdefgh", spread=0.1, seed=4)
    enrolled, people = faces("abcd")
    nearest = NearestNeighbors(n_neighbors=1).fit(enrolled).kneighbors(vectors)[0][:, 0]
    np.testing.assert_allclose(rejecting().closest(vectors)[1], nearest, atol=1e-6)
    named, distances = rejecting("SVM").closest(vectors)
    own = [
        np.linalg.norm(enrolled[people == name] - vector, axis=1).min()
        for name, vector in zip(named, vectors, strict=True)
    ]
    np.testing.assert_allclose(distances, own, atol=1e-6)


def test_probability_is_the_classifiers():
    classifier = rejecting("logistic regression", by="probability")
    vectors, _ = faces("abcdefgh", spread=0.1, seed=4)
    expected = frozen_classifiers()["logistic regression"].fit(*faces("abcd")).predict_proba(vectors).max(axis=1)
    named, distances = classifier.closest(vectors)
    np.testing.assert_allclose(distances, 1 - expected)
    assert (classifier.predict(vectors) == np.where(1 - expected <= classifier.threshold_, named, NOBODY)).all()
    svm = CalibratedClassifierCV(SVC(kernel="linear"), ensemble=False)
    assert RejectingClassifier(svm, by="probability").fit(*faces("abcd")).closest(vectors)[1].max() < 1


@pytest.mark.parametrize("fpir", [0.1, 0.3, 0.5])
@pytest.mark.parametrize("by", ["distance", "probability"])
def test_no_more_strangers_are_named_than_allowed(fpir, by):
    strangers, people = faces("efghijqrstuvwxyz", seed=1)
    classifier = rejecting("logistic regression", by, fpir)
    assert (classifier.predict(strangers) != NOBODY).sum() == int(fpir * len(people))


def test_distances_become_the_probability_of_being_known():
    classifier = rejecting()
    known, strangers = (classifier.closest(faces(people, seed=5)[0])[1] for people in ("abcd", "klmnop"))
    probability = calibrate(known, strangers).probability
    assert probability(known).mean() > 0.9 > 0.1 > probability(strangers).mean()


def test_a_new_enrolment_wants_a_new_threshold():
    classifier = rejecting().fit(*faces("abcdx"))
    with pytest.raises(ValueError, match="There is no threshold yet") as error:
        classifier.predict(faces("a")[0])
    sentence(error)


def test_labels_of_any_kind_become_texts():
    vectors, _ = faces("ab")
    classifier = RejectingClassifier(frozen_classifiers()["k-NN"]).fit(vectors, [1] * 5 + [2] * 5)
    assert list(classifier.calibrate(*faces("cdef"), 0.1).predict(vectors)) == ["1"] * 5 + ["2"] * 5


def broken(vectors):
    vectors = vectors.copy()
    vectors[0, 0] = np.nan
    return vectors


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda c, v, p: c.fit(v[:5], p[:5]), "only one person to enrol"),
        (lambda c, v, p: c.fit(v, p[:-1]), "want as many labels"),
        (lambda c, v, p: c.fit(v, [None, *p[1:]]), "A label is missing"),
        (lambda c, v, p: c.fit(v, [NOBODY, *p[1:]]), "it is the answer for strangers"),
        (lambda c, v, p: c.fit(broken(v), p), "NaN"),
        (lambda c, v, p: c.fit(v[:0], p[:0]), "There are no vectors"),
        (lambda c, v, p: c.set_params(by="mood").fit(v, p), "by is 'mood'"),
        (lambda c, v, p: c.set_params(by="probability", classifier=SVC()).fit(v, p), "gives no probabilities"),
        (lambda c, v, p: c.predict(v[:, :8]), "vectors of 8 numbers"),
        (lambda c, v, p: c.predict(broken(v)), "NaN"),
        (lambda c, v, p: c.calibrate(v, p), "a is enrolled"),
        (lambda c, v, p: c.calibrate(v[:5], ["z"] * 5, 0.1), "cannot be seen on 5 photos of strangers"),
        (lambda c, v, p: RejectingClassifier(c.classifier).predict(v), "Nobody is enrolled yet"),
        (lambda c, v, p: RejectingClassifier(c.classifier).fit(v, p).predict(v), "There is no threshold yet"),
    ],
)
def test_what_cannot_be_has_a_sentence(call, says):
    with pytest.raises(ValueError, match=says) as error:
        call(rejecting(), *faces("abcd"))
    sentence(error)


def test_it_is_an_estimator_of_scikit_learn():
    classifier = RejectingClassifier(LogisticRegression())
    assert classifier.get_params(deep=False) == {"classifier": classifier.classifier, "by": "distance"}
    vectors, people = faces("abcdefgh", seed=6)
    truth = np.where(np.isin(people, list("abcd")), people, NOBODY)
    assert rejecting().score(vectors, truth) > 0.9
