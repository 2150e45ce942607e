"""Bad input: every error names the place and the remedy, and nothing is lost by it."""

import re

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.exceptions import NotFittedError

from skgru import GRUClassifier, GRURegressor

from .problems import classes, in_layout, ragged, table

ESTIMATORS = [GRURegressor, GRUClassifier]


def small(estimator=GRURegressor, **options):
    return estimator(3, max_iter=1, **options)


def with_value(X, place, value):
    """A copy of X with another value at (sequence, step[, feature])."""
    X = [np.array(x, dtype=object if isinstance(value, str) else float) for x in X]
    X[place[0]][place[1:]] = value
    return X


SIX = [np.zeros((length, 2)) for length in (3, 1, 4, 2, 2, 5)]

BAD_X = {
    "NaN": (
        with_value(SIX, (2, 3, 1), np.nan), ValueError,
        "Input X contains NaN at sequence 2, step 3, feature 1.*fill",
    ),
    "infinity": (
        np.array(with_value(np.zeros((6, 4, 3)), (5, 0, 2), -np.inf)), ValueError,
        "Input X contains infinity .* at sequence 5, step 0, feature 2.*Replace",
    ),
    "NaN in a table": (
        np.array(with_value(np.zeros((6, 4)), (1, 2), np.nan)), ValueError,
        "Input X contains NaN at sequence 1, step 2, feature 0",
    ),
    "missing in a frame": (
        pd.DataFrame({"a": [1.0, None, 1, 1, 1, 1], "b": [0] * 6}), ValueError,
        "Input X contains NaN at sequence 1, step 0",
    ),
    "an empty sequence": (
        [*SIX[:4], np.zeros((0, 2)), SIX[5]], ValueError, "Sequence 4 of X is empty.*Remove it",
    ),
    "no sequence": ([], ValueError, "Found array with 0 sample"),
    "no step": (np.zeros((6, 0)), ValueError, "0 feature|0 time steps"),
    "no feature": (np.zeros((6, 4, 0)), ValueError, "0 feature"),
    "different features": (
        [*SIX[:3], np.zeros((2, 3)), *SIX[4:]], ValueError,
        "sequence 0 has 2, sequence 3 has 3.*same n_features",
    ),
    "mixed dimensions": (
        [*SIX[:5], np.zeros(4)], ValueError,
        r"different dimensions: sequence 0 has shape \(3, 2\), sequence 5 has shape \(4,\)",
    ),
    "strings": (
        with_value(SIX, (1, 0, 1), "many"), ValueError,
        "Sequence 1 of X at step 0, feature 1 is no number: .*'many'.*Encode it",
    ),
    "strings in a table": (
        [["1", "2"], ["3", "x"]] * 3, ValueError, "X at sequence 1, step 1 is no number: .*'x'",
    ),
    "numbers as strings": ([["1", "2"]] * 6, ValueError, "X holds strings. Convert them"),
    "four dimensions": (np.zeros((6, 2, 2, 2)), ValueError, "dim 4"),
    "one dimension": (
        np.zeros(6), ValueError,
        r"Expected 2D array, got 1D array instead: X has shape \(6,\). Reshape your data: X may be "
        r"a 2D table with one sequence in each row, .* is np.reshape\(X, \(1, -1\)\)",
    ),
    "one sequence without its list": (np.zeros(6).tolist(), ValueError, "Reshape your data"),
    "a series of pandas": (pd.Series(np.zeros(6)), ValueError, r"X has shape \(6,\).*may be"),
    "a number": (3.0, ValueError, "X is 3.0, which holds no sequences: X may be a 2D table"),
    "a generator": (iter(SIX), ValueError, "X is of type list_iterator, .* or a list with one"),
    "a dict": ({"a": [1] * 6}, ValueError, "X is of type dict, which holds no sequences: X may be"),
    "a string": ("abc", ValueError, "X is 'abc', which holds no sequences"),
    "a list of None": ([None] * 6, ValueError, "X at place 0 is None, which is no sequence: X may"),
    "a list of strings": ([1.0, "b"], ValueError, "X at place 1 is 'b', which is no sequence"),
    "None in a list": ([*SIX[:2], None], ValueError, "Sequence 2 of X is None, .* Leave it out"),
    "sparse": (sparse.csr_matrix(np.eye(6)), TypeError, "[Ss]parse.* X, "),
    "masked": (np.ma.masked_equal(np.eye(6), 1), ValueError, "X is a masked array .*Fill"),
    "complex": (np.zeros((6, 3)) + 1j, ValueError, "Complex data not supported: X .*side by side"),
    "complex in a list": ([[1, 2], [3, 1j]], ValueError, "Complex data not supported: X"),
    "dates": (np.zeros((6, 3), "datetime64[s]"), ValueError, "X has dtype datetime64.*Convert"),
    "nothing": (None, ValueError, "X is None, which holds no sequences: X may be"),
    **{
        f"dates in a frame of {library.__name__}": (
            library.DataFrame({"u": np.arange(6.0), "when": np.arange(6).astype(dtype)}),
            ValueError, "X has dates or times in column 'when' .*Leave the column out",
        )
        for library in (pd, pl) for dtype in ("datetime64[ms]", "timedelta64[ms]")
    },
    "names in a frame": (
        pd.DataFrame({"u": np.arange(6.0), "who": list("abcdef")}), ValueError,
        r"X at sequence 0, step 1 \(column 'who'\) is no number: .*'a'",
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:X has feature names")
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("case", BAD_X)
def test_bad_X(case, estimator):
    X, error, message = BAD_X[case]
    y = [0, 1, 0, 1, 0, 1]
    more = {"classes": [0, 1]} if estimator is GRUClassifier else {}
    for call in (
        lambda: small(estimator).fit(X, y),
        lambda: small(estimator).partial_fit(X, y, **more),
    ):
        with pytest.raises(error, match=f"(?s){message}"):
            call()
    fitted = small(estimator, pooling="attention").fit(SIX, y)
    stored = joblib.hash(fitted)
    for method in (fitted.predict, fitted.attention_weights):
        with pytest.raises(error, match=f"(?s){message}"):
            method(X)
    if X is not None:  # which means no validation data
        message = re.sub(r"\bX\b", "X_val", message)
        with pytest.raises(error, match=f"(?s)^(?=.*X_val)(?!.*\\bX\\b).*{message}"):
            fitted.fit(SIX, y, X_val=X, y_val=y)
    assert joblib.hash(fitted) == stored


@pytest.mark.parametrize("layout", ["2d", "3d", "ragged"])
def test_another_number_of_features(layout):
    X, y = in_layout(layout)
    model = small().fit(X, y)
    if layout == "2d":
        bad, message = X[:, :5], "X(_val)? has 5 features, .* expecting 6 .*number of time steps"
    else:
        bad = [x[:, :1] for x in X]
        message = "X(_val)? has 1 features, but GRURegressor is expecting 2"
    for call in (
        lambda: model.predict(bad),
        lambda: model.score(bad, y),
        lambda: model.partial_fit(bad, y),
        lambda: model.fit(X, y, X_val=bad, y_val=y),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_other_names_of_columns():
    X, y = table()
    frame = pd.DataFrame(X, columns=list("abcdef"))
    model = small().fit(frame, y)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame[list("fedcba")])


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
        (np.array([object()] * 6), "Unknown label type.* y holds objects"),
        (["a"] * 6, "at least two classes, but y contains one class: 'a'"),
        ([7] * 6, "at least two classes, but y contains one class: 7"),
    ],
)
def test_bad_classes(y, message):
    with pytest.raises(ValueError, match=message):
        small(GRUClassifier).fit(SIX, y)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (list("abcabc"), "y at sequence 0 is no number: .*'a'.*Encode it"),
        ([[1, 2], [1, "b"], [1, 2], [1, 2], [1, 2], [1, 2]], "y at sequence 1, output 1 is no"),
        (
            [[1], [1], [1, 2], [1], [1], [1]],
            "y is uneven: sequence 2 .* number of outputs",
        ),
        (np.arange(6).astype("datetime64[s]"), "y has dtype datetime64.* Convert"),
        (pd.Series(np.arange(6).astype("datetime64[s]")), "y has dtype datetime64.* Convert"),
        (pd.DataFrame({"at": np.arange(6).astype("datetime64[s]")}), "y has dates .* column 'at'"),
        (np.array(list("121212")), "y holds strings. Convert them"),
        ({"a": 1}, "y is no array of numbers: .*'dict'"),
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
        (["a", "b", "a", "b", "a", "b"], "y at sequence 0 is no number"),
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
    with pytest.raises(ValueError, match="'middle' at sequence .*List every class in the first"):
        model.partial_fit(X, labels, classes=["low", "top"])
    assert not hasattr(model, "classes_")
    few = labels != "top"
    model.partial_fit(X[few], labels[few], classes=["top", "low", "middle"])
    assert model.predict_proba(X).shape == (60, 3)
    stored = joblib.hash(model)
    with pytest.raises(ValueError, match="'peak' at sequence 0 is none of .*'low'"):
        model.partial_fit(X[:2], ["peak", "low"])
    with pytest.raises(ValueError, match="not the same as on last call to partial_fit"):
        model.partial_fit(X, labels, classes=["low", "top"])
    assert joblib.hash(model) == stored
    model.partial_fit(X, labels, classes=["low", "top", "middle"]).partial_fit(X, labels)
    with pytest.raises(ValueError, match="'peak' .*none of"):
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
        ([1, 1, 1, "b", 1, 1], "{} at sequence 3 is no number"),
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
        small(GRUClassifier, class_weight=["a", "b"]).fit(SIX, np.c_[y, y[::-1]])
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


# --- parameters ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hidden_layer_sizes", 0),
        ("hidden_layer_sizes", 2.5),
        ("hidden_layer_sizes", ()),
        ("hidden_layer_sizes", (8, 0)),
        ("hidden_layer_sizes", (8, 1.5)),
        ("hidden_layer_sizes", [[8]]),
        ("hidden_layer_sizes", "64"),
        ("hidden_layer_sizes", None),
        ("hidden_layer_sizes", True),
        ("hidden_layer_sizes", (8, True)),
        ("pooling", "first"),
        ("pooling", ()),
        ("pooling", ("last", "first")),
        ("pooling", ("last", "last")),
        ("pooling", (1, 2)),
        ("pooling", [["last"]]),
        ("pooling", None),
        ("bidirectional", "yes"),
        ("dropout", 1.0),
        ("dropout", -0.1),
        ("recurrent_dropout", 1),
        ("standardize", 2),
        ("solver", "lbfgs"),
        ("alpha", -1e-9),
        ("batch_size", 0),
        ("batch_size", "all"),
        ("learning_rate", "invscaling"),
        ("learning_rate_init", 0.0),
        ("max_iter", 0),
        ("max_iter", 1.5),
        ("shuffle", None),
        ("random_state", "seed"),
        ("tol", -1.0),
        ("verbose", -1),
        ("warm_start", None),
        ("momentum", 1.1),
        ("early_stopping", "sometimes"),
        ("validation_fraction", 1.0),
        ("beta_1", 1.0),
        ("beta_2", -0.1),
        ("epsilon", 0.0),
        ("n_iter_no_change", 0),
        ("max_grad_norm", 0.0),
        ("n_jobs", 1.5),
        ("n_jobs", 0),
        ("device", "gpu"),
        ("device", "cuda:"),
        ("device", "cuda:-1"),
        ("device", "cpu:0"),
        ("device", None),
        ("precision", "fp16"),
        ("dtype", "float16"),
        ("dtype", np.float32),
    ],
)
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_parameters_out_of_range(estimator, name, value):
    model = estimator(**{name: value})
    more = {"classes": [0, 1]} if estimator is GRUClassifier else {}
    for method in (model.fit, lambda *data: model.partial_fit(*data, **more)):
        with pytest.raises(ValueError, match=f"(?s){name}.* must be"):
            method(SIX, [0, 1, 0, 1, 0, 1])
    assert not [attribute for attribute in vars(model) if attribute.endswith("_")]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("loss", "log_loss"),
        ("quantile", 0),
        ("quantile", 1.0),
        ("quantile", [0.5, 0.1]),
        ("quantile", [0.5, 0.5]),
        ("quantile", []),
        ("quantile", [0.5, 1.0]),
        ("quantile", [[0.1, 0.2]]),
        ("quantile", "median"),
        ("quantile", ["low", "high"]),
        ("delta", 0.0),
    ],
)
def test_parameters_of_the_regressor(name, value):
    with pytest.raises(ValueError, match=f"{name}.* must be"):
        GRURegressor(**{"loss": "quantile", name: value}).fit(SIX, np.arange(6))


@pytest.mark.parametrize("value", ["equal", 2, {0: 1.0, 7: 2.0}])
def test_parameters_of_the_classifier(value):
    with pytest.raises(ValueError, match="class_weight|class label"):
        GRUClassifier(class_weight=value, max_iter=1).fit(SIX, [0, 1, 0, 1, 0, 1])


# --- before fit ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("estimator", "method"),
    [
        (GRURegressor, "predict"),
        (GRURegressor, "attention_weights"),
        (GRUClassifier, "predict"),
        (GRUClassifier, "predict_proba"),
        (GRUClassifier, "predict_log_proba"),
        (GRUClassifier, "decision_function"),
    ],
)
def test_before_fit(estimator, method):
    with pytest.raises(NotFittedError, match=f"This {estimator.__name__} instance is not fitted"):
        getattr(estimator(), method)(SIX)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_score_and_summary_before_fit(estimator):
    options = {"loss": "quantile", "quantile": [0.1, 0.9]} if estimator is GRURegressor else {}
    with pytest.raises(NotFittedError):
        estimator(**options).score(SIX, [0, 1, 0, 1, 0, 1])
    with pytest.raises(NotFittedError):
        estimator().summary()


# --- finite, but too large ----------------------------------------------------------------------


def test_a_spread_beyond_float64_is_refused():
    X, y = in_layout("3d")
    X[:, :, 1] *= 1e200
    with pytest.raises(ValueError, match="standard deviation of feature 1 of X overflows float64"):
        small().fit(X, y)
    with pytest.raises(ValueError, match="standard deviation of output 0 of y overflows float64"):
        small().fit(X[:, :, :1], 1e200 * y)


def test_targets_beyond_the_dtype_are_refused():
    X, y = table()
    y[7] = 1e60
    model = small(standardize=False)
    with pytest.raises(ValueError, match="y at sequence 7 is too large for dtype='float32'.*Set"):
        model.fit(X, y)
    model.set_params(dtype="float64").fit(X, y)
    assert np.isfinite(model.predict(X)).all()


FAR = (
    r"X{} is -1e\+300 at sequence 5, step {}, feature 1: too large for float32 on the scale of the "
    r"training data\. Clip such values, or set dtype='float64' and fit\."
)


def far(X):
    """A copy of X with a value that is finite in float64 only."""
    X = [np.array(x) for x in X]
    X[5][-1, 1] = -1e300
    return X, FAR.format("{}", len(X[5]) - 1)


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_values_beyond_the_dtype_are_refused(estimator, standardize):
    X, y = ragged()
    bad, message = far(X)
    if estimator is GRUClassifier:
        y = classes(y)
    model = small(estimator, pooling="attention", standardize=standardize).fit(X, y)
    expected = model.predict(X)
    stored = joblib.hash(model)
    calls = [
        lambda: model.predict(bad),
        lambda: model.attention_weights(bad),
        lambda: model.score(bad, y),
        lambda: model.partial_fit(bad, y),
    ]
    if estimator is GRUClassifier:
        calls += [
            lambda: model.predict_proba(bad),
            lambda: model.predict_log_proba(bad),
            lambda: model.decision_function(bad),
        ]
    for call in calls:
        with pytest.raises(ValueError, match=message.format("")):
            call()
    with pytest.raises(ValueError, match=message.format("_val")):
        model.fit(X, y, X_val=bad, y_val=y)
    assert joblib.hash(model) == stored
    # Of weight zero it takes no part in training nor in the scale, but NaN is refused as well.
    weight = np.arange(60) != 5
    with pytest.raises(ValueError, match=message.format("")):
        small(estimator, standardize=standardize).fit(bad, y, sample_weight=weight)
    assert_array_equal(model.predict(X), expected)


def test_training_data_beyond_the_dtype_are_refused():
    X, y = in_layout("3d")
    X[3, 2] = [1e300, -1e300]
    model = small(standardize=False)
    with pytest.raises(ValueError, match=r"1e\+300 at sequence 3, step 2, feature 0: too large"):
        model.fit(X, y)
    assert not hasattr(model, "feature_mean_")
    model.set_params(dtype="float64").fit(X, y)
    assert np.isfinite(model.predict(X)).all()


def test_any_dtype_may_be_too_large_on_a_small_scale():
    X, y = in_layout("3d")
    model = small().fit(1e-30 * X, y)
    for dtype in (np.float32, np.int64):
        bad = np.zeros(X.shape, dtype)
        bad[7, 4, 1] = 10**15
        with pytest.raises(ValueError, match=r"1e\+15 at sequence 7, step 4, feature 1: too large"):
            model.predict(bad)
        bad[7, 4, 1] = 2
        assert np.isfinite(model.predict(bad)).all()
    model = small(dtype="float64").fit(1e-30 * X, y)
    with pytest.raises(ValueError, match=r"too large for float64 .*Clip such values\.$"):
        model.predict(1e290 * np.ones_like(X))


def test_every_feature_has_its_own_limits():
    X, y = in_layout("3d")
    X *= [1e-30, 1e30]
    model = small().fit(X, y)
    # Seen as values of the first feature, those of the second would overflow.
    assert np.isfinite(model.predict(X)).all()
    with pytest.raises(ValueError, match="sequence 0, step 0, feature 0: too large for float32"):
        model.predict(X[:, :, ::-1])


@pytest.mark.parametrize("pooling", ["last", "max", ("mean", "attention")])
def test_gates_saturate_long_before_that(pooling):
    X, y = ragged()
    model = GRURegressor(3, max_iter=2, pooling=pooling, bidirectional=True).fit(X, y)
    assert np.isfinite(model.predict([1e30 * x for x in X])).all()
