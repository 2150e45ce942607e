"""Names of columns: recorded by fit, compared ever after, in tables and in lists of frames."""

import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal

from skgru import GRUClassifier, GRURegressor, GRUStepClassifier, GRUStepRegressor, SequenceScaler

from ..estimators.problems import ragged, small, steps_in_layout, targets_of

NAMES = ["temp", "load"]
MODELS = [GRURegressor, GRUClassifier, GRUStepRegressor, GRUStepClassifier]


def frames(library=pd, names=NAMES, n=12):
    """Ragged sequences with two named features."""
    X, _ = ragged(n)
    return [library.DataFrame({name: x[:, j] for j, name in enumerate(names)}) for x in X]


def reordered(X):
    return [x[x.columns[::-1]] for x in X]


def targets(estimator, n=12):
    if estimator is GRUClassifier:
        return np.arange(n) % 3
    if estimator is GRURegressor:
        return np.arange(n)
    return targets_of(estimator, steps_in_layout("ragged", n)[1])


def in_containers(X):
    objects = np.empty(len(X), dtype=object)
    objects[:] = X
    return [X, tuple(X), objects, pd.Series(X)]


@pytest.mark.parametrize("library", [pd, pl])
@pytest.mark.parametrize("estimator", MODELS)
def test_other_names_or_another_order(estimator, library):
    X, y = frames(library), targets(estimator)
    model = small(estimator).fit(X, y)
    if library is pl and not hasattr(model, "feature_names_in_"):
        pytest.skip("this scikit-learn finds no names in frames of polars")
    assert model.feature_names_in_.tolist() == NAMES
    assert model.n_features_in_ == 2
    stored = pickle.dumps(model)
    order = "(?s)In sequence {}: The feature names should match.*in the same order"
    for call, name in (
        (lambda bad: model.predict(bad), "X"),
        (lambda bad: model.states(bad), "X"),
        (lambda bad: model.partial_fit(bad, y), "X"),
        (lambda bad: model.fit(X, y, X_val=bad, y_val=y), "X_val"),
    ):
        for bad in in_containers(reordered(X)):
            with pytest.raises(ValueError, match=order.format(f"0 of {name}")):
                call(bad)
        with pytest.raises(ValueError, match=order.format(f"7 of {name}")):
            call([*X[:7], *reordered(X[7:8]), *X[8:]])
        with pytest.raises(ValueError, match="unseen at fit time"):
            call(frames(library, ["temp", "wind"]))
    assert pickle.dumps(model) == stored
    model.predict(X)
    model.fit(X, y, X_val=X[:3], y_val=y[:3])


@pytest.mark.parametrize("estimator", [*MODELS, SequenceScaler])
def test_one_fit_has_one_order(estimator):
    X = frames()
    bad = [*X[:5], *reordered(X[5:6]), *X[6:]]
    if estimator is SequenceScaler:
        model, fit = SequenceScaler(), lambda X: model.fit(X)
    else:
        model, fit = small(estimator), lambda X: model.fit(X, targets(estimator))
    for container in in_containers(bad):
        message = r"sequence 5 of X: the feature names should match those of sequence 0, \['temp'"
        with pytest.raises(ValueError, match=message):
            fit(container)
    assert not hasattr(model, "feature_names_in_")


def test_predictions_of_reordered_frames_were_others():
    """The reproduction of the defect: the same values in another order are other features."""
    X = frames()
    model = small().fit(X, targets(GRURegressor))
    swapped = [x.to_numpy()[:, ::-1] for x in X]
    with pytest.warns(UserWarning, match="X does not have valid feature names, but GRURegressor"):
        found = model.predict(swapped)
    assert np.abs(found - model.predict(X)).max() > 1e-3
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(reordered(X))


def test_a_mix_of_frames_and_arrays_warns_once():
    X, y = frames(), targets(GRURegressor)
    mixed = [x.to_numpy() if i in (2, 3) else x for i, x in enumerate(X)]
    model = small().fit(X, y)
    plain = small().fit([x.to_numpy() for x in X], y)
    for call, message in (
        (lambda: small().fit(mixed, y), "Sequence 2 of X does not have valid feature names"),
        (lambda: model.predict(mixed), "X does not have valid feature names, but GRURegressor"),
        (lambda: plain.predict(mixed), "X has feature names, but GRURegressor was fitted without"),
        (lambda: plain.predict(X), "X has feature names, but GRURegressor was fitted without"),
    ):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            call()
        messages = [str(w.message) for w in caught if "feature names" in str(w.message)]
        assert message in "\n".join(messages)
        assert len(messages) == len(set(messages))
    with pytest.raises(ValueError, match="sequence 1 of X: the feature names .* of sequence 0"):
        plain.predict([X[0], *reordered(X[1:])])


def test_names_that_are_numbers_are_no_names():
    X, y = [pd.DataFrame(x) for x in ragged(12)[0]], targets(GRURegressor)
    model = small().fit(X, y)
    assert not hasattr(model, "feature_names_in_")
    model.predict(reordered(X))
    named = small().fit(frames(), y)
    assert not hasattr(named.fit([x.to_numpy() for x in X], y), "feature_names_in_")


@pytest.mark.parametrize("names", [["temp", "temp"], ["temp", 1]])
def test_names_that_cannot_be_compared(names):
    X, y = frames(), targets(GRURegressor)
    model = small().fit(X, y)
    X[3].columns = names
    for call in (lambda: small().fit(X, y), lambda: model.predict(X)):
        with pytest.raises((TypeError, ValueError), match="In sequence 3 of X: "):
            call()


def test_a_single_frame_in_place_of_a_list():
    X = [x[["temp"]] for x in frames()]
    model = small().fit(X, targets(GRURegressor))
    with pytest.raises(ValueError, match=r"X is one frame .*for a single sequence pass \[X\]"):
        model.predict(X[0])
    assert model.predict([X[0]]).shape == (1,)


# --- streams ------------------------------------------------------------------------------------


def test_steps_of_a_stream():
    X = frames()
    model = small().fit(X, targets(GRURegressor))
    steps = pd.DataFrame(np.arange(6.0).reshape(3, 2), columns=NAMES)
    expected = model.stream().extend(steps.to_numpy())
    stream = model.stream()
    assert_array_equal(stream.extend(steps), expected)
    stream.reset()
    assert_array_equal([stream.push(row) for _, row in steps.iterrows()], expected)
    stream.reset()
    bad = steps[NAMES[::-1]]
    with pytest.raises(ValueError, match=r"(?s)In steps: .*during fit, \['temp', 'load'\]"):
        stream.extend(bad)
    with pytest.raises(ValueError, match=r"In x: The feature names should match"):
        stream.push(bad.iloc[0])
    with pytest.raises(ValueError, match=r"In x: The feature names should match"):
        model.stream(3).push(bad)
    assert stream.n_steps == 0
    stream.push(pd.Series([1.0, 2.0]))
    stream.push([1.0, 2.0])


def test_steps_of_a_table_have_no_names():
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(12, 3)), columns=["t1", "t2", "t3"])
    stream = small().fit(X, np.arange(12)).stream()
    stream.push(pd.Series([1.0], index=["value"]))
    stream.extend(pd.DataFrame({"value": [1.0, 2.0]}))


# --- the scaler ---------------------------------------------------------------------------------


@pytest.mark.parametrize("library", [pd, pl])
def test_the_scaler_returns_frames_for_frames(library):
    X = frames(library)
    scaler = SequenceScaler().fit(X)
    if scaler.get_feature_names_out().tolist() != NAMES:
        pytest.skip("this scikit-learn finds no names in frames of polars")
    plain = scaler.transform(X)
    assert all(type(x) is np.ndarray for x in plain)
    wrapped = scaler.set_output(transform=library.__name__).transform(X)
    assert isinstance(wrapped, list)
    for x, values in zip(wrapped, plain, strict=True):
        assert isinstance(x, library.DataFrame)
        assert list(x.columns) == NAMES
        assert_array_equal(x.to_numpy(), values)
    assert isinstance(scaler.fit_transform(X)[0], library.DataFrame)
    for x, original in zip(scaler.inverse_transform(wrapped), X, strict=True):
        np.testing.assert_allclose(x, original.to_numpy())
    scaler.inverse_transform(plain)
    for method in (scaler.transform, scaler.inverse_transform, scaler.partial_fit):
        with pytest.raises(ValueError, match="In sequence 0 of X: The feature names should match"):
            method(reordered(X))


def test_the_scaler_keeps_the_index():
    X = [x.set_index(pd.date_range("2024", periods=len(x))) for x in frames()]
    scaler = SequenceScaler().set_output(transform="pandas")
    for container in in_containers(X)[2:]:
        result = scaler.fit_transform(container)
        for x, original in zip(result, X, strict=True):
            assert x.index.equals(original.index)
    mixed = [X[0], X[1].to_numpy()]
    with pytest.warns(UserWarning, match="Sequence 1 of X does not have valid feature names"):
        scaler.fit(mixed)
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        kinds = [type(x) for x in scaler.transform(mixed)]
    assert kinds == [pd.DataFrame, np.ndarray]
