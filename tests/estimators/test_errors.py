"""Bad X and parameters: every error names the place and the remedy, nothing is lost by it."""

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

from .problems import (
    ESTIMATORS,
    SIX,
    classes,
    in_layout,
    ragged,
    same_parameters,
    small,
    table,
)


def with_value(X, place, value):
    """A copy of X with another value at (sequence, step[, feature])."""
    X = [np.array(x, dtype=object if isinstance(value, str) else float) for x in X]
    X[place[0]][place[1:]] = value
    return X


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
    **{
        f"{what} in a list": (
            [pd.DataFrame({"u": column, "v": [1.0, 2.0, 3.0]})] * 6, ValueError,
            "Input X contains NaN at sequence 0, step 1, feature 0.*fill",
        )
        for what, column in {
            "a gap of Float64": pd.array([1.5, None, 2.0], dtype="Float64"),
            "a gap of boolean": pd.array([True, None, False], dtype="boolean"),
            "NA among objects": pd.Series([1, pd.NA, 2], dtype=object),
            "None among objects": pd.Series([1, None, 2], dtype=object),
        }.items()
    },
    "a gap of Float64 in a table": (
        pd.DataFrame({"u": pd.array([1, 2, None] * 2, dtype="Float64"), "v": 1.0}), ValueError,
        "Input X contains NaN at sequence 2, step 0",
    ),
    "NA in a table": (
        pd.DataFrame({"u": [1, 2, pd.NA] * 2, "v": 1.0}), ValueError,
        "Input X contains NaN at sequence 2, step 0",
    ),
    "None in a table": (
        np.array([[1, None]] * 6, object), ValueError, "Input X contains NaN at sequence 0, step 1",
    ),
    "NA in nested lists": (
        [[1.0, pd.NA]] * 6, ValueError, "Input X contains NaN at sequence 0, step 1",
    ),
    "a missing value before a string": (
        pd.DataFrame({"u": [pd.NA, None, 1, "x", 2, 3]}), ValueError,
        r"X at sequence 3, step 0 \(column 'u'\) is not a number: .*'x'",
    ),
    "arrays in a frame": (
        pd.DataFrame({"s": [np.zeros(3 + i) for i in range(6)]}), TypeError,
        r"array in each row of column 's'.* list, X\['s'\].tolist\(\).$",
    ),
    "series in a frame": (
        pd.DataFrame({name: [pd.Series([1.0, 2.0])] * 6 for name in "st"}), TypeError,
        r"X\['s'\].tolist\(\). If several .*np.column_stack\(row\) for row in X.to_numpy\(\)",
    ),
    "lists in a frame of polars": (
        pl.DataFrame({"s": [[1.0, 2.0]] * 6}), TypeError, r"list, X\['s'\].to_list\(\)",
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
        "Sequence 1 of X at step 0, feature 1 is not a number: .*'many'.*in categorical_features",
    ),
    "strings in a table": (
        [[1, 2], [3, "x"]] * 3, ValueError, "X at sequence 1, step 1 is not a number: .*'x'",
    ),
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
    "a dict": ({"a": [1] * 6}, ValueError, r"X is a dict. .* sequences, pass list\(X.values\(\)\)"),
    "a string": ("abc", ValueError, r"X is one string, 'abc', .* A single text is \[X\]"),
    "a list of None": ([None] * 6, ValueError, "X at place 0 is None, which is not a sequence: X"),
    "a list of strings": ([1.0, "b"], ValueError, "X at place 1 is 'b', which is not a sequence"),
    "None in a list": ([*SIX[:2], None], ValueError, "Sequence 2 of X is None, .* Leave it out"),
    "sparse": (sparse.csr_matrix(np.eye(6)), TypeError, "[Ss]parse.* X, "),
    "masked": (np.ma.masked_equal(np.eye(6), 1), ValueError, "X is a masked array .*Fill"),
    "complex": (np.zeros((6, 3)) + 1j, ValueError, "Complex data not supported: X .*side by side"),
    "complex in a list": ([[1, 2], [3, 1j]], ValueError, "Complex data not supported: X"),
    "dates among objects of a frame": (
        pd.DataFrame({"a": range(6), "b": np.array([*range(5), np.datetime64("2020")], object)}),
        ValueError, "Column 'b' of X at row 5 is a date or time.*Convert",
    ),
    "dates among nested lists": (
        [[[1.0], [np.datetime64("2020-01-01")]]] * 6, ValueError,
        "X at sequence 0, step 1, feature 0 is a date or time.*Convert",
    ),
    "dates in a list of lists": (
        [*SIX[:5], [[1.0, np.timedelta64(3, "D")]]], ValueError,
        "Sequence 5 of X at step 0, feature 1 is a date or time",
    ),
    "dates among objects": (
        np.array([[1.0, 2.0], [np.datetime64("2020-01-01"), 3.0]] * 3, object), ValueError,
        "X at sequence 1, step 0 is a date or time.*Convert",
    ),
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
        "strings in column 'who' and numbers in column 'u'.*leave out a column that is no step",
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
        ("hidden_layer_sizes", np.array(3)),
        ("hidden_layer_sizes", {3, 5}),
        ("hidden_layer_sizes", {3: 5}),
        ("hidden_layer_sizes", 10**5),
        ("hidden_layer_sizes", (8, 10**10)),
        ("pooling", "first"),
        ("pooling", ()),
        ("pooling", ("last", "first")),
        ("pooling", ("last", "last")),
        ("pooling", (1, 2)),
        ("pooling", [["last"]]),
        ("pooling", None),
        ("pooling", np.array("last")),
        ("pooling", {"last", "max"}),
        ("bidirectional", "yes"),
        ("dropout", 1.0),
        ("dropout", -0.1),
        ("recurrent_dropout", 1),
        ("standardize", 2),
        ("solver", "lbfgs"),
        ("alpha", -1e-9),
        ("alpha", 10**400),
        ("batch_size", 0),
        ("batch_size", "all"),
        ("learning_rate", "invscaling"),
        ("learning_rate_init", 0.0),
        ("learning_rate_init", 10**400),
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
        ("max_grad_norm", 10**400),
        ("max_grad_norm", np.inf),
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
        ("quantile", [np.nan]),
        ("quantile", [0.1, np.nan, 0.9]),
        ("delta", 0.0),
        ("delta", 10**400),
    ],
)
def test_parameters_of_the_regressor(name, value):
    with pytest.raises(ValueError, match=f"{name}.* must be"):
        GRURegressor(**{"loss": "quantile", name: value}).fit(SIX, np.arange(6))


def test_integers_beyond_64_bits_are_numbers():
    options = {"max_grad_norm": 10**30, "learning_rate_init": 1e-3, "random_state": 0}
    model = small(**options).fit(*table())
    options["max_grad_norm"] = 1e30
    assert same_parameters(model, small(**options).fit(*table()))
    with pytest.raises(ValueError, match=r"alpha=1e\+30.* or lower alpha"):
        small(alpha=10**30).fit(*table())


@pytest.mark.parametrize("name", ["alpha", "epsilon", "learning_rate_init"])
def test_parameters_beyond_the_dtype(name):
    with pytest.raises(ValueError, match=rf"{name}=1e\+300 is too large for dtype='float32'"):
        small(**{name: 1e300}).fit(*table())


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


@pytest.mark.parametrize("convert", [np.array, list, lambda X: [x.tolist() for x in X]])
def test_integers_beyond_float64_are_refused(convert):
    X = np.zeros((6, 4, 2), dtype=object)
    X[2, 1, 0] = 10**400
    message = "{} at {} is too large for a 64-bit float .*Divide by a constant"
    with pytest.raises(ValueError, match=message.format(".*", ".*step 1, feature 0")):
        small().fit(convert(X), np.arange(6))
    X[2, 1, 0], y = 0, [0, 1, 0, 10**400, 1, 0]
    for options, name in ((y, None), "y"), ((np.arange(6), y), "sample_weight"):
        with pytest.raises(ValueError, match=message.format(name, "sequence 3")):
            small().fit(convert(X), *options)
    with pytest.raises(ValueError, match="y at sequence 3 is an integer of more than 64 bits"):
        small(GRUClassifier).fit(convert(X), y)
    stream = small().fit(convert(X), np.arange(6)).stream()
    with pytest.raises(ValueError, match=message.format("x", "feature 1")):
        stream.push([1, 10**400])
    with pytest.raises(ValueError, match=message.format("steps", "step 0, feature 1")):
        stream.extend([[1, 10**400]])


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
