"""Bad y, classes and weights: errors name the place and the remedy, and nothing is lost by them."""

import re

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from skgru import GRUClassifier

from .problems import ESTIMATORS, SIX, classes, small, table

# --- y ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([0, 1, 0, 1, 0], "X has 6 sequences, y has 5 targets.*one target"),
        ([0, 1, 0, 1, 0, 1, 1], "X has 6 sequences, y has 7 targets"),
        ([], r"y of shape \(0,\) should have .* at least one sequence"),
        (None, "requires y to be passed, but the target y is None"),
        ([0, 1, 0, np.nan, 0, 1], "Input y contains NaN at sequence 3"),
        (np.array([0, 1, 0, 1, np.inf, 1]), "Input y contains infinity at sequence 4"),
        ([0, 1, None, 1, 0, 1], "Input y contains (None|NaN) at sequence 2"),
        (pd.Series([0, 1, None, 1, 0, 1]), "Input y contains NaN at sequence 2"),
        ([[0, 1], [1, 0], [1, 1], [0, np.nan], [0, 0], [1, 1]], "NaN at sequence 3, output 1"),
        (np.zeros((6, 1, 1)), r"y of shape \(6, 1, 1\) should have"),
        (np.zeros(6) + 1j, "Complex data not supported: y .*side by side"),
        ([0, 1, 1j, 0, 1, 0], "Complex data not supported: y"),
        (np.ma.masked_equal([0, 1, 0, 1, 0, 1], 1), "y is a masked array .*Fill"),
        (3, r"y of shape \(\) should have"),
    ],
)
def test_bad_y(estimator, y, message):
    model = small(estimator).fit(SIX, [0, 1, 0, 1, 0, 1])
    stored = joblib.hash(model)
    with pytest.raises(ValueError, match=f"(?s){message}"):
        model.fit(SIX, y)
    if y is not None:
        message = re.sub(r"\b(X|y)\b", r"\1_val", message)
        with pytest.raises(ValueError, match=f"(?s){message}"):
            model.fit(SIX, [0, 1, 0, 1, 0, 1], X_val=SIX, y_val=y)
    assert joblib.hash(model) == stored


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["a", None, "b", "a", "b", "a"], "Input y contains None at sequence 1"),
        (["a", "b", float("nan"), "a", "b", "a"], "Input y contains NaN at sequence 2"),
        (pd.Series(["a", "b", "a", "b", "a", pd.NA]), "Input y contains NaN at sequence 5"),
        ([1.0, 1.7, 0.1, 0.2, 0.3, 0.4], "continuous. y is 1.7 at sequence 1, .*GRURegressor"),
        (
            [[1, 2], [2, 1], [3, 1], [1, 1], [2, 2], [3, 3]],
            "y of .* wrap .*MultiOutputClassifier",
        ),
        (
            [["a"], ["a", "b"], ["b"], ["a"], ["b"], []],
            r"y at sequence 0 .*MultiLabelBin",
        ),
        (np.array([object()] * 6), "Unknown label type.* y holds Python objects"),
        (["a"] * 6, "at least two classes, but y contains one class: 'a'"),
        ([7] * 6, "at least two classes, but y contains one class: 7"),
        (["a", 1, "a", 1, "a", 1], "y at sequence 1 is 1. Labels must be all strings or all num"),
        (np.array(["1", 1] * 3, object), "y at sequence 1 is 1. .* at sequence 0 is '1'. Convert"),
        (pd.Series([0, "b", 0, 0, 0, 0]), "y at sequence 1 is 'b'. .*that at sequence 0 is 0"),
        (pd.Series(["a", pd.NA] * 3, dtype="string"), "Input y contains NaN at sequence 1"),
        (pd.Series([True, pd.NA] * 3, dtype="boolean"), "Input y contains NaN at sequence 1"),
        (sparse.csr_array(np.eye(6) * 1.5), "y is 1.5 at sequence 0, output 0, .*GRURegressor"),
        (sparse.csr_array([[1, np.nan]] * 6), "Input y contains NaN at sequence 0, output 1"),
    ],
)
def test_bad_classes(y, message):
    with pytest.raises(ValueError, match=message):
        small(GRUClassifier).fit(SIX, y)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (list("abcabc"), "y at sequence 0 is not a number: .*'a'.*Convert it"),
        ([[1, 2], [1, "b"], [1, 2], [1, 2], [1, 2], [1, 2]], "y at sequence 1, output 1 is no"),
        (
            [[1], [1], [1, 2], [1], [1], [1]],
            "y is uneven: sequence 2 .* number of outputs",
        ),
        (np.arange(6).astype("datetime64[s]"), "y has dtype datetime64.* Convert"),
        (pd.Series(np.arange(6).astype("datetime64[s]")), "y has dtype datetime64.* Convert"),
        (pd.DataFrame({"at": np.arange(6).astype("datetime64[s]")}), "y has dates .* column 'at'"),
        (np.array(list("121212")), r"y holds .*Convert .* np.asarray\(y(_val)?, dtype=float\)"),
        (["1.2"] * 6, r"y holds strings. .* np.asarray\(y(_val)?, dtype=float\)"),
        (pd.Series([1, 2, 3, 4, 5, pd.NA], dtype=object), "Input y contains NaN at sequence 5"),
        ([0.5, 1, 2, pd.NA, 4, None], "Input y contains NaN at sequence 3"),
        ({"a": 1}, "y is not an array of numbers: .*'dict'"),
    ],
)
def test_bad_numbers(y, message):
    model = small().fit(SIX, np.arange(6))
    with pytest.raises((ValueError, TypeError), match=message) as caught:
        model.fit(SIX, y)
    assert "\n" not in str(caught.value)
    with pytest.raises((ValueError, TypeError), match=message.replace("y ", "y_val ", 1)):
        model.fit(SIX, np.arange(6), X_val=SIX, y_val=y)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["a", "b", "a", "b", "a", "b"], "y at sequence 0 is not a number"),
        ([1, 2, -3, 4, 5, 6], "y at sequence 2 is -3.*loss='poisson'.*not be negative"),
        ([[1, 0], [0, 0], [0, -1], [0, 0], [0, 0], [0, 0]], "y at sequence 2, output 1 is -1"),
        ([0] * 6, "all zero"),
    ],
)
def test_bad_counts(y, message):
    with pytest.raises(ValueError, match=message):
        small(loss="poisson").fit(SIX, y)


def test_classes_of_partial_fit():
    X, y = table()
    labels = classes(y)
    model = small(GRUClassifier)
    with pytest.raises(ValueError, match="classes must be passed on the first call to partial_fit"):
        model.partial_fit(X, labels)
    assert not hasattr(model, "classes_")
    with pytest.raises(ValueError, match="'middle', which is none .*data with every class"):
        model.partial_fit(X, labels, classes=["low", "top"])
    assert not hasattr(model, "classes_")
    few = labels != "top"
    model.partial_fit(X[few], labels[few], classes=["top", "low", "middle"])
    assert model.predict_proba(X).shape == (60, 3)
    stored = joblib.hash(model)
    with pytest.raises(ValueError, match="sequence 0 is 'peak', which is none of .*'low'"):
        model.partial_fit(X[:2], ["peak", "low"])
    with pytest.raises(ValueError, match="not the same as on last call to partial_fit"):
        model.partial_fit(X, labels, classes=["low", "top"])
    assert joblib.hash(model) == stored
    model.partial_fit(X, labels, classes=["low", "top", "middle"]).partial_fit(X, labels)
    with pytest.raises(ValueError, match="y_val at sequence 0 is 'peak', .*none of"):
        model.fit(X, labels, X_val=X[:1], y_val=["peak"])
    with pytest.raises(ValueError, match="class_weight='balanced' is not supported by partial_fit"):
        small(GRUClassifier, class_weight="balanced").partial_fit(X, labels, np.unique(labels))


@pytest.mark.parametrize(
    "declared",
    [[0], [1, 1], "ab", 3, [[0], [1, 2]], [[0, 1]], [0, 1, np.nan], [0, None], [], [0, "a"]],
)
def test_bad_declared_classes(declared):
    with pytest.raises(ValueError, match="^classes must be a list of at least two different"):
        small(GRUClassifier).partial_fit(SIX, [0] * 6, classes=declared)


# --- weights and validation data ----------------------------------------------------------------


@pytest.mark.parametrize("name", ["sample_weight", "sample_weight_val"])
@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.ones(5), r"{} has shape \(5,\), but there are 6 sequences. Give one"),
        ([1, 1, -1, 1, 1, 1], "{} at sequence 2 is -1, .*not negative.* zero leaves a"),
        (np.zeros(6), "{}.*positive"),
        ([1, 1, np.nan, 1, 1, 1], "{} at sequence 2 is nan, .*finite"),
        ([1, 1, 1, 1, np.inf, 1], "{} at sequence 4 is inf, .*finite"),
        ([1, 1, 1, "b", 1, 1], "{} at sequence 3 is not a number"),
        (np.ones((6, 2)), "{} has shape .*1D array"),
        (np.full(6, 1e308), "sum of {} overflows float64. Divide"),
        (1j * np.ones(6), "Complex data not supported: {}"),
    ],
)
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_bad_weights(estimator, name, weight, message):
    y = [0, 1, 0, 1, 0, 1]
    with pytest.raises(ValueError, match=message.format(name)):
        small(estimator).fit(SIX, y, X_val=SIX, y_val=y, **{name: weight})


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_weights_from_which_nothing_can_be_learnt(estimator):
    y = [0, 1, 0, 1, 0, 1]
    for weight, message in (
        (1e-300, r"mean of sample_weight, 1e-300 .*beside the penalty \(alpha=0.0001\) the loss"),
        (1e-14, "sample_weight, 1e-14 .*Divide the weights by their mean"),
    ):
        with pytest.raises(ValueError, match=message):
            small(estimator).fit(SIX, y, sample_weight=np.full(6, weight))
    with pytest.raises(ValueError, match="sample_weight, 1e-310 .*beyond the range of float64"):
        small(estimator, alpha=0.0).fit(SIX, y, sample_weight=np.full(6, 1e-310))


@pytest.mark.parametrize("options", [{"alpha": 0.0}, {"solver": "adamw"}])
def test_weights_have_no_scale_without_a_penalty(options):
    X, y = table()
    expected = small(dtype="float64", random_state=0, **options).fit(X, y).predict(X)
    for weight in (1e-300, 1e-30, 1e300):
        model = small(dtype="float64", random_state=0, **options)
        found = model.fit(X, y, sample_weight=np.full(60, weight)).predict(X)
        np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("weight", [np.nan, np.inf, -1, "a", None, 1j, [1]])
def test_bad_class_weights(weight):
    for y, label in (([5, 7, 5, 7, 5, 7], "7"), (list("abcabc"), "'b'")):
        message = f"^class_weight of class {label} is .*finite number that is not negative"
        model = small(GRUClassifier, class_weight={y[1]: weight})
        with pytest.raises(ValueError, match=message):
            model.fit(SIX, y)
        with pytest.raises(ValueError, match=message):
            model.partial_fit(SIX, y, classes=np.unique(y))
    labels = [[0, 1], [1, 1], [0, 0], [1, 0], [0, 1], [1, 1]]
    weights = [{0: 1, 1: 1}, {0: 1, 1: weight}]
    with pytest.raises(ValueError, match=r"class_weight\[1\] of class 1 is"):
        small(GRUClassifier, class_weight=weights).fit(SIX, labels)


def test_class_weights_of_the_wrong_kind():
    y = [0, 1, 0, 1, 0, 1]
    with pytest.raises(ValueError, match=r"class_weight is \[.*must be a dict.* multilabel"):
        small(GRUClassifier, class_weight=[{0: 1}]).fit(SIX, y)
    with pytest.raises(ValueError, match=r"class_weight\[0\] is 'a', but must be a dict"):
        small(GRUClassifier, class_weight=["a", "b"]).fit(SIX, np.c_[y, y])
    with pytest.raises(ValueError, match=r"class_weight names \[7\], not among the classes \[0, 1"):
        small(GRUClassifier, class_weight={np.int64(7): 1}).fit(SIX, y)
    with pytest.raises(ValueError, match="times class_weight.* beside the penalty"):
        small(GRUClassifier, class_weight={0: 1e-300, 1: 1e-300}).fit(SIX, y)
    with pytest.raises(ValueError, match="inf .*times class_weight.* beyond the range"):
        weights = {"class_weight": {0: 1e200, 1: 1}}
        small(GRUClassifier, **weights).fit(SIX, y, sample_weight=np.full(6, 1e200))


def test_class_weights_that_leave_nothing():
    with pytest.raises(ValueError, match="leave no sequence with a positive weight"):
        small(GRUClassifier, class_weight={0: 0, 1: 0}).fit(SIX, [0, 1, 0, 1, 0, 1])


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_validation_data_must_be_complete(estimator):
    y = [0, 1, 0, 1, 0, 1]
    with pytest.raises(ValueError, match="X_val is provided, but y_val is not"):
        small(estimator).fit(SIX, y, X_val=SIX)
    with pytest.raises(ValueError, match="y_val is provided, but X_val is not"):
        small(estimator).fit(SIX, y, y_val=y)
    with pytest.raises(ValueError, match="sample_weight_val is provided, but X_val"):
        small(estimator).fit(SIX, y, sample_weight_val=np.ones(6))
    with pytest.raises(ValueError, match="X_val has 6 sequences, y_val has 3 targets"):
        small(estimator).fit(SIX, y, X_val=SIX, y_val=y[:3])


def test_too_few_sequences_to_hold_some_out():
    message = r"validation set is too small: .*n_samples = 1\).*Change validation_fraction, pass"
    with pytest.raises(ValueError, match=message):
        small(early_stopping=True).fit(SIX[:1], [1.0])
    with pytest.raises(ValueError, match="validation set is too small: validation_fraction=0"):
        small(early_stopping=True, validation_fraction=0.0).fit(SIX, np.arange(6))
