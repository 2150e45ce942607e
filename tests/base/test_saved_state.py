"""States of other formats, and states that do not belong together, when they are loaded."""

import copy
import pickle

import joblib
import numpy as np
import pytest
from sklearn.base import clone

import skgru
from skgru.base import FORMAT

from ..estimators.test_parameters import CASES, fitted

IDS = [case.estimator.__name__ for case in CASES]


@pytest.fixture(scope="module")
def models():
    return {case.estimator.__name__: fitted(case) for case in CASES}


def load(kind, state):
    """A model as a pickle with that state gives it."""
    model = kind.__new__(kind)
    model.__setstate__(state)
    return model


@pytest.mark.parametrize("name", IDS)
def test_the_format_is_saved_and_is_no_attribute(models, name):
    model = models[name]
    state = model.__getstate__()
    assert state["_skgru_format"] == FORMAT and type(FORMAT) is int
    assert state["_skgru_version"] == skgru.__version__
    assert b"_skgru_format" in pickle.dumps(model)
    before = state.copy()
    copies = [copy.copy(model), copy.deepcopy(model), load(type(model), state)]
    assert state == before  # a state may be loaded twice
    for duplicate in copies:
        assert vars(duplicate).keys() == vars(model).keys()
        assert joblib.hash(duplicate) == joblib.hash(model)
    for each in (model, *copies, clone(model)):
        assert not any("skgru" in attribute for attribute in vars(each))


@pytest.mark.parametrize("name", IDS)
def test_a_later_format_is_refused(models, name):
    later = {"_skgru_format": FORMAT + 1, "_skgru_version": "9.1"}
    expected = (
        f"This {name} was saved by skgru 9.1, in format {FORMAT + 1}. skgru {skgru.__version__} "
        f"reads up to format {FORMAT}: upgrade skgru."
    )
    for model in (models[name], clone(models[name])):
        with pytest.raises(ValueError) as caught:
            load(type(model), model.__getstate__() | later)
        assert str(caught.value) == expected


def test_the_state_of_training_of_the_first_models_is_dropped(models):
    state = models["GRURegressor"].__getstate__()
    state = {name: state[name] for name in state if name not in ("_skgru_format", "_resume_state")}
    for training, is_kept in (({"kinds": {}}, True), ({"optimizer": {}}, False)):
        model = load(skgru.GRURegressor, state | {"_resume_state": {"trainer": training}})
        assert hasattr(model, "_resume_state") == is_kept


@pytest.mark.parametrize("name", IDS)
def test_missing_parameters_have_their_defaults(models, name):
    model = models[name]
    state = {key: value for key, value in model.__getstate__().items() if key[0] == "_"}
    found = load(type(model), state | {k: v for k, v in vars(model).items() if k[-1] == "_"})
    assert found.get_params() == type(model)().get_params()
    assert vars(found).keys() == vars(model).keys()


def test_a_state_too_old_is_refused_when_it_is_loaded(models):
    # The first estimators recorded less of their targets, before there were numbers of formats.
    for model in (models["GRURegressor"], models["GRUClassifier"]):
        state = model.__getstate__()
        for key in ("_skgru_format", "_skgru_version", "_target_facts"):
            del state[key]
        with pytest.raises(ValueError, match="saved by skgru before 0.1.0 in format 0, cannot be"):
            load(type(model), state)


def changed(name, change):
    return lambda state: {name: change(state[name])}


def options(**changes):
    return changed("_network_options", lambda options: options | changes)


def facts(**changes):
    return changed("_target_facts", lambda facts: facts | changes)


def absent(entry):
    def change(attribute):
        return {key: value for key, value in attribute.items() if key != entry}

    return change


DAMAGES = {
    "shorter": (changed("_parameters", lambda a: a[:-1]), "_parameters is float32 "),
    "longer": (changed("_parameters", lambda a: np.append(a, a[:1])), "_parameters is float32 "),
    "2d": (changed("_parameters", lambda a: a[np.newaxis]), "_parameters is float32 "),
    "wide": (changed("_parameters", lambda a: a.astype(float)), "_parameters is float64 "),
    "a list": (changed("_parameters", lambda a: a.tolist()), "_parameters is a list"),
    "means": (changed("feature_mean_", lambda a: a[:-1]), r"feature_mean_ is float64 \(1,\)"),
    "scales": (changed("feature_scale_", lambda a: a.astype("f4")), "feature_scale_ is float32"),
    "features": (changed("n_features_in_", lambda n: n + 1), "feature_mean_ is .* should be"),
    "dtype": (options(dtype="float64"), "_parameters is float32 .* should be float64"),
    "layers": (options(hidden_layer_sizes=(4, 4)), "_parameters is float32"),
    "outputs": (options(n_outputs=7), "_parameters is float32"),
    "surplus option": (options(depth=3), "unexpected keyword argument 'depth'"),
    "no option": (changed("_network_options", absent("n_features")), "n_features"),
    "no facts": (changed("_target_facts", absent("is_1d")), "is_1d"),
    "surplus fact": (facts(unit="m"), "unexpected keyword argument 'unit'"),
    "targets": (facts(n_targets=2), "targets"),
    "loss": (facts(loss_name="unknown"), "it lacks 'unknown'"),
    "target scale": (changed("target_scale_", lambda a: a[:0]), r"target_scale_ is float64 \(0,\)"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_does_not_belong_together_is_refused(models, damage):
    change, message = DAMAGES[damage]
    model = models["GRURegressor"]
    state = model.__getstate__()
    with pytest.raises(ValueError, match=f"This GRURegressor, saved by .*{message}"):
        load(type(model), state | change(state))


@pytest.mark.parametrize(
    "attribute", ["_target_facts", "_network_options", "_layout", "feature_mean_"]
)
@pytest.mark.parametrize("name", IDS[:4])
def test_missing_attributes_are_named(models, name, attribute):
    state = models[name].__getstate__()
    del state[attribute]
    with pytest.raises(ValueError, match=f"'{attribute}'"):
        load(type(models[name]), state)


def test_classes_that_do_not_fit_the_network(models):
    for name in ("GRUClassifier", "GRUStepClassifier"):
        state = models[name].__getstate__()
        with pytest.raises(ValueError, match="outputs, but its targets need"):
            load(type(models[name]), state | {"classes_": np.arange(7)})


def test_a_scaler_is_checked(models):
    state = models["SequenceScaler"].__getstate__()
    for name in ("mean_", "var_", "scale_"):
        with pytest.raises(ValueError, match=f"{name} is float64"):
            load(skgru.SequenceScaler, state | {name: np.zeros(5)})
    unscaled = skgru.SequenceScaler(with_std=False).fit([[1.0, 2.0]])
    assert load(skgru.SequenceScaler, unscaled.__getstate__()).scale_ is None
