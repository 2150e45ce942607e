"""ClassTarget and LabelTarget beside plain NumPy and scikit-learn's metrics."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, log_expit, log_softmax, softmax
from sklearn.metrics import accuracy_score
from sklearn.utils.class_weight import compute_sample_weight

from skgru.data import SequenceRows, StepRows, as_sequences
from skgru.targets import ClassTarget, LabelTarget, learn_classes, weigh_classes

SEQUENCES = as_sequences([np.zeros((length, 2)) for length in (3, 1, 2, 4)])


@pytest.fixture(params=["sequences", "steps"])
def rows(request):
    return {"sequences": SequenceRows, "steps": StepRows}[request.param](SEQUENCES)


def given(flat, rows):
    """Labels of all rows as a user gives them."""
    flat = np.asarray(flat)
    return flat if rows.offsets is None else np.split(flat, rows.offsets[1:-1])


def draw(rng, labels, rows):
    """A label for each row; the first rows have one of each."""
    labels = np.asarray(labels)
    return np.concatenate([labels, rng.choice(labels, len(rows) - len(labels))])


LABELS = {
    "two words": ["no", "yes"],
    "two numbers": [-1, 1],
    "words": ["b", "a", "d", "c"],
    "numbers": [7, 3, 5],
    "booleans": [True, False],
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_come_back(kind, rows, rng):
    y = draw(rng, LABELS[kind], rows)
    target, encoded = learn_classes(given(y, rows), rows, np.ones(len(rows)))
    assert isinstance(target, ClassTarget) and not target.is_multilabel
    assert_array_equal(target.classes, np.unique(y))
    assert encoded.dtype == np.float64 and encoded.shape == (len(rows), 1)
    n = len(target.classes)
    assert target.n_outputs == target.loss.n_raw == (1 if n == 2 else n)
    raw = np.eye(n)[encoded[:, 0].astype(int)] if n > 2 else 2 * encoded - 1
    found = target.decode(raw)
    assert found.dtype == target.classes.dtype
    assert_array_equal(found, y)
    assert target.scaled(encoded) is encoded
    assert target.score(raw, encoded, np.ones(len(rows))) == 1
    again = target.encode(given(y, rows), rows, np.ones(len(rows)))
    assert again.tobytes() == encoded.tobytes()
    assert_array_equal(target.labels_to_stratify(encoded), encoded[:, 0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_probabilities(n_classes, dtype, rng):
    target = ClassTarget(np.arange(n_classes))
    raw = (20 * rng.normal(size=(50, target.n_outputs))).astype(dtype)
    wide = raw.astype(np.float64)
    if n_classes == 2:
        expected, logs = expit(np.hstack([-wide, wide])), log_expit(np.hstack([-wide, wide]))
        assert_array_equal(target.decode(raw, "decision_function"), wide[:, 0])
    else:
        expected, logs = softmax(wide, axis=1), log_softmax(wide, axis=1)
        assert_array_equal(target.decode(raw, "decision_function"), wide)
    found = target.decode(raw, "predict_proba")
    assert found.dtype == np.float64
    assert_allclose(found, expected, rtol=1e-6, atol=1e-12)
    assert_allclose(found.sum(axis=1), 1, rtol=1e-6)
    assert_allclose(target.decode(raw, "predict_log_proba"), logs, rtol=1e-5, atol=1e-7)
    assert_array_equal(target.decode(raw), found.argmax(axis=1))


@pytest.mark.parametrize("n_classes", [2, 4])
def test_accuracy(n_classes, rows, rng):
    y = draw(rng, np.arange(n_classes), rows)
    weight = rng.uniform(size=len(rows))
    target, encoded = learn_classes(given(y, rows), rows, weight)
    raw = rng.normal(size=(len(rows), target.n_outputs))
    expected = accuracy_score(y, target.decode(raw), sample_weight=weight)
    assert_allclose(target.score(raw, target.scaled(encoded), weight), expected, rtol=1e-12)
    assert 0 < expected < 1


def test_labels(rows, rng):
    y = rng.integers(0, 2, (len(rows), 3))
    y[:2] = [[0, 1, 0], [1, 0, 1]]
    weight = rng.uniform(size=len(rows))
    target, encoded = learn_classes(given(y, rows), rows, weight)
    assert isinstance(target, LabelTarget) and target.is_multilabel
    assert target.classes.tolist() == [0, 1, 2]
    assert target.n_outputs == target.loss.n_raw == 3
    assert encoded.tolist() == y.tolist()
    assert target.labels_to_stratify(encoded) is None
    again = target.encode(given(y, rows), rows, weight)
    assert again.tobytes() == encoded.tobytes()
    raw = rng.normal(size=y.shape)
    raw[0] = 2 * y[0] - 1  # one row at least is correct
    assert_array_equal(target.decode(2 * y - 1.0), y)
    assert target.decode(raw).dtype == int
    assert_allclose(target.decode(raw, "predict_proba"), expit(raw), rtol=1e-12)
    assert_allclose(target.decode(raw, "predict_log_proba"), log_expit(raw), rtol=1e-12)
    assert_array_equal(target.decode(raw, "decision_function"), raw)
    expected = accuracy_score(y, target.decode(raw), sample_weight=weight)
    assert_allclose(target.score(raw, encoded, weight), expected, rtol=1e-12)
    assert 0 < expected < 1


def test_what_is_not_like_the_targets_before(rows):
    weight, n = np.ones(len(rows)), len(rows)
    classes, labels = ClassTarget(np.array([0, 1])), LabelTarget(np.arange(2))
    indicators = given(np.ones((n, 2), int) - np.eye(n, 2, dtype=int), rows)
    with pytest.raises(ValueError, match="y_val is multilabel .*was fitted on one class for each"):
        classes.encode(indicators, rows, weight, "y_val")
    with pytest.raises(ValueError, match="y_val has one class for each .*was fitted on multi"):
        labels.encode(given(np.arange(n) % 2, rows), rows, weight, "y_val")
    with pytest.raises(ValueError, match="y has 3 columns, but the model was fitted with 2"):
        labels.encode(given(np.eye(n, 3, dtype=int), rows), rows, weight)
    with pytest.raises(ValueError, match="y at .* is 7, which is none of the classes"):
        classes.encode(given(np.arange(n) + 7, rows), rows, weight)
    with pytest.raises(ValueError, match="at least two classes, but y contains one class: 4"):
        learn_classes(given(np.full(n, 4), rows), rows, weight)


def test_one_class_among_those_that_count():
    rows = StepRows(SEQUENCES)
    y, weight = np.zeros(10, int), np.ones(10)
    y[4], weight[4] = 1, 0
    with pytest.raises(ValueError, match="at least two classes, but y contains one class: 0"):
        learn_classes(given(y, rows), rows, weight)


def test_declared_classes(rows):
    n = len(rows)
    target, encoded = learn_classes(
        given(np.full(n, "b"), rows), rows, np.ones(n), classes=np.array(["a", "b", "c"])
    )
    assert target.classes.tolist() == ["a", "b", "c"]
    assert (encoded == 1).all()


# --- class weights ------------------------------------------------------------------------------

Y = np.array([0, 0, 0, 0, 0, 1, 1, 1, 2, 2])
NUMBERS = Y[:, np.newaxis].astype(float)
ALL = np.arange(10)


@pytest.mark.parametrize("class_weight", ["balanced", {0: 2.0, 1: 0.5, 2: 0.0}, {1: 3}])
def test_class_weights_are_those_of_scikit_learn(class_weight, rng):
    weight = rng.uniform(0.5, 2, 10)
    found = weigh_classes(ClassTarget(np.arange(3)), class_weight, NUMBERS, weight, ALL)
    assert_allclose(found, weight * compute_sample_weight(class_weight, Y), rtol=1e-12)


def test_no_class_weights():
    weight = np.ones(10)
    assert weigh_classes(ClassTarget(np.arange(3)), None, NUMBERS, weight, ALL) is weight


def test_balanced_counts_what_is_trained_on_with_some_weight():
    weight, used = np.ones(10), np.arange(1, 10)
    weight[4] = 0
    found = weigh_classes(ClassTarget(np.arange(4)), "balanced", NUMBERS, weight, used)
    counted = np.setdiff1d(used, [4])
    assert_allclose(found[counted], compute_sample_weight("balanced", Y[counted]), rtol=1e-12)
    assert found[4] == 0


@pytest.mark.parametrize("class_weight", ["balanced", [{0: 1, 1: 3}, {0: 2, 1: 1}]])
def test_class_weights_of_labels(class_weight, rng):
    y = np.c_[Y > 0, Y > 1].astype(int)
    weight = rng.uniform(0.5, 2, 10)
    target = LabelTarget(np.arange(2))
    found = weigh_classes(target, class_weight, y.astype(float), weight, ALL)
    assert_allclose(found, weight * compute_sample_weight(class_weight, y), rtol=1e-12)


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ({0: 0, 1: 0, 2: 0}, "class_weight={.*} and sample_weight leave no step with a positive"),
        ({5: 1}, r"class_weight names \[5\], not among the classes \[0, 1, 2\]"),
        ({0: -1}, "class_weight of class 0 is -1, but must be a finite number"),
        ([{0: 1}], "must be a dict .*A list, with one dict for each label"),
    ],
)
def test_bad_class_weights(class_weight, message):
    with pytest.raises(ValueError, match=message):
        weigh_classes(ClassTarget(np.arange(3)), class_weight, NUMBERS, np.ones(10), ALL, "step")
