"""Parameters are fields: signatures, constraints, effects, subclasses, tokens for Dask.

A new estimator joins by an entry in SIGNATURES and one in CASES, a new parameter by one in CHANGES.
"""

import ast
import inspect
import itertools
import pickle
from collections import namedtuple
from dataclasses import dataclass, fields
from numbers import Real

import joblib
import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import BaseEstimator, clone
from sklearn.utils._param_validation import InvalidParameterError

from skgru import (
    GRUClassifier,
    GRURegressor,
    GRUStepClassifier,
    GRUStepRegressor,
    SequenceDifferences,
    SequenceFrames,
    SequenceImputer,
    SequenceResampler,
    SequenceScaler,
    SequenceTokenizer,
)
from skgru.estimators._parameters import StackParameters

from .docstrings import entries, sections
from .problems import ESTIMATORS, STEP_ESTIMATORS, classes, ragged, step_classes

STACK = "hidden_layer_sizes=64, *, dropout=0.0, recurrent_dropout=0.0"
INPUTS = (
    "standardize=True, analyzer=None, categorical_features='from_dtype', min_frequency=None, "
    "max_categories=None, embedding_dim='auto', embedding_init=None"
)
TRAINING = (
    "solver='adam', alpha=0.0001, batch_size='auto', learning_rate='cosine', "
    "learning_rate_init=0.01, max_iter=100, shuffle=True, random_state=None, tol=0.0001, "
    "verbose=0, warm_start=False, momentum=0.9, nesterovs_momentum=True, early_stopping='auto', "
    "scoring='loss', validation_fraction=0.1, beta_1=0.9, beta_2=0.999, epsilon=1e-08, "
    "n_iter_no_change=10, max_grad_norm=1.0, n_jobs=None, device='cpu', precision='fp32', "
    "dtype='float32'"
)
SIGNATURES = {
    GRURegressor: (
        f"({STACK}, bidirectional=False, pooling=('last', 'mean', 'max'), loss='squared_error', "
        f"quantile=0.5, delta=1.35, {INPUTS}, {TRAINING})"
    ),
    GRUClassifier: (
        f"({STACK}, bidirectional=False, pooling=('last', 'mean', 'max'), class_weight=None, "
        f"{INPUTS}, {TRAINING})"
    ),
    GRUStepRegressor: (
        f"({STACK}, bidirectional=False, loss='squared_error', quantile=0.5, delta=1.35, "
        f"{INPUTS}, {TRAINING})"
    ),
    GRUStepClassifier: f"({STACK}, bidirectional=False, class_weight=None, {INPUTS}, {TRAINING})",
    SequenceImputer: (
        "(*, strategy='ffill', fill_value=None, add_indicator=False, add_elapsed=False, "
        "time_feature=None)"
    ),
    SequenceResampler: "(length=None)",
    SequenceScaler: "(*, scope='feature', add_scale=False, with_mean=True, with_std=True)",
    SequenceDifferences: "(*, append=True)",
    SequenceFrames: "(length=16, step=8)",
    SequenceTokenizer: (
        "(*, analyzer='word', lowercase=False, token_pattern='\\\\w+|[^\\\\w\\\\s]')"
    ),
}

# What fit is given, options for a fit that takes no time, and the method whose result is compared.
Case = namedtuple("Case", ("estimator", "data", "options", "method"))
X, Y = ragged(60)
STEPS = [x[:, 0].cumsum() for x in X]
# A feature with gaps, and one that grows by 2 at every step.
GAPS = [np.stack([np.where(x[:, 0] < 0, np.nan, x[:, 0]), 2 * np.arange(len(x))], 1) for x in X]
SHORT = {"hidden_layer_sizes": 4, "max_iter": 3, "batch_size": 20, "random_state": 0}
CASES = [
    Case(GRURegressor, (X, Y), SHORT, "predict"),
    Case(GRUClassifier, (X, classes(Y)), SHORT, "predict_proba"),
    Case(GRUStepRegressor, (X, STEPS), SHORT, "predict"),
    Case(GRUStepClassifier, (X, step_classes(STEPS)), SHORT, "predict_proba"),
    Case(SequenceScaler, (X,), {}, "transform"),
    Case(SequenceImputer, (GAPS,), {}, "transform"),
    Case(SequenceResampler, (X,), {}, "transform"),
    Case(SequenceDifferences, (X,), {}, "transform"),
    Case(SequenceFrames, (X,), {"length": 3, "step": 2}, "transform"),
    Case(SequenceTokenizer, (["It is a GRU.", "Is it?"],), {}, "transform"),
]
#: A tokenizer learns nothing.
LEARNING = CASES[:-1]


CALLS = itertools.count()


def worse(model, X, y):
    """A scorer by which the first epoch is the best."""
    return -next(CALLS)


# Another value of each parameter, and the other parameters that it takes to matter.
WATCHED = {"learning_rate": "constant", "max_iter": 6}
CHANGES = {
    "hidden_layer_sizes": (5, {}),
    "dropout": (0.5, {}),
    "recurrent_dropout": (0.5, {}),
    "bidirectional": (True, {}),
    "pooling": ("attention", {}),
    "loss": ("absolute_error", {}),
    "quantile": (0.9, {"loss": "quantile"}),
    "delta": (0.1, {"loss": "huber"}),
    "class_weight": ({"low": 5.0}, {}),
    "standardize": (False, {}),
    "solver": ("sgd", {}),
    "alpha": (1.0, {}),
    "batch_size": (7, {}),
    "learning_rate": ("constant", {}),
    "learning_rate_init": (0.1, {}),
    "max_iter": (4, {}),
    "shuffle": (False, {}),
    "random_state": (1, {}),
    "tol": (1e3, {"n_iter_no_change": 1, **WATCHED}),
    "warm_start": (True, {}),
    "momentum": (0.5, {"solver": "sgd"}),
    "nesterovs_momentum": (False, {"solver": "sgd"}),
    "early_stopping": (True, {}),
    "scoring": (worse, {"early_stopping": True}),
    "validation_fraction": (0.5, {"early_stopping": True}),
    "beta_1": (0.5, {}),
    "beta_2": (0.5, {}),
    "epsilon": (1.0, {}),
    "n_iter_no_change": (1, {"tol": 1e3, **WATCHED}),
    "max_grad_norm": (1e-3, {}),
    "dtype": ("float64", {}),
    "lowercase": (True, {}),
    "token_pattern": (r"\w\w+", {}),
    "with_mean": (False, {}),
    "with_std": (False, {}),
    "strategy": ("mean", {}),
    "fill_value": (1.0, {"strategy": "constant"}),
    "add_indicator": (True, {}),
    "add_elapsed": (True, {}),
    "time_feature": (1, {"add_elapsed": True}),
    "scope": ("sequence", {}),
    "add_scale": (True, {}),
    "append": (False, {}),
    "length": (4, {}),
    "step": (3, {}),
}
# Parameters that matter where steps are symbols: another value, and X in place of numbers.
RNG = np.random.default_rng(0)
TEXTS = ["".join(RNG.choice(list("aaaabbbABc"), len(x))) for x in X]
IDS = [RNG.integers(0, 5, len(x)) for x in X]
OF_SYMBOLS = {
    "analyzer": (SequenceTokenizer(analyzer="char", lowercase=True), TEXTS),
    "categorical_features": ([0], IDS),
    "min_frequency": (60, TEXTS),
    "max_categories": (3, TEXTS),
    "embedding_dim": (7, TEXTS),
    "embedding_init": ((list("abcAB"), np.eye(5)), TEXTS),
}
# What changes the time, the place or the output of a fit, but not the model: to the last bit, here.
WITHOUT_EFFECT = {
    "verbose": (1, "it prints"),
    "n_jobs": (2, "it only changes the time"),
    "precision": ("bf16", "it matters on a GPU"),
    "device": ("auto", "tests/estimators/test_device.py has it"),
}


def each_field():
    for case in CASES:
        for parameter in fields(case.estimator):
            label = f"{case.estimator.__name__}-{parameter.name}"
            yield pytest.param(case, parameter.name, id=label)


def result(case, **options):
    """What two fits in a row lead to, one after the other so that warm_start has a say."""
    model = case.estimator(**{**case.options, **options})
    model.fit(*case.data)
    model.fit(*case.data)
    found = getattr(model, case.method)(case.data[0])
    return [np.asarray(item).tobytes() for item in found]


@pytest.mark.parametrize("estimator", SIGNATURES)
def test_signatures_are_as_written_here(estimator):
    signature = inspect.signature(estimator)
    bare = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    bare = signature.replace(parameters=bare, return_annotation=signature.empty)
    assert str(bare) == SIGNATURES[estimator]


@pytest.mark.parametrize("estimator", SIGNATURES)
def test_every_field_has_a_constraint_and_a_paragraph(estimator):
    names = [parameter.name for parameter in fields(estimator)]
    assert sorted(estimator._parameter_constraints) == sorted(names)
    described = entries(sections(estimator.__doc__)["Parameters"])
    assert list(described) == list(inspect.signature(estimator).parameters)
    assert sorted(described) == sorted(names)
    for parameter in fields(estimator):
        text = described[parameter.name][0]
        assert ast.literal_eval(text.partition("default=")[2]) == parameter.default, text


@pytest.mark.parametrize("estimator", SIGNATURES)
def test_defaults_are_immutable(estimator):
    for parameter in fields(estimator):
        hash(parameter.default)  # a list or a dict raises; default_factory leaves MISSING
        assert isinstance(parameter.default, (bool, int, float, str, tuple, type(None)))


def test_every_estimator_is_tried():
    assert {case.estimator for case in CASES} == set(SIGNATURES)


@pytest.mark.parametrize(("case", "name"), each_field())
def test_every_parameter_has_an_effect(case, name):
    if name in WITHOUT_EFFECT:
        value, reason = WITHOUT_EFFECT[name]
        if name != "device":
            assert result(case, **{name: value}) == result(case), reason
        return
    if name in OF_SYMBOLS and not isinstance(case.estimator(), SequenceTokenizer):
        value, inputs = OF_SYMBOLS[name]
        case = case._replace(data=(inputs, *case.data[1:]))
        assert result(case, **{name: value}) != result(case)
        return
    value, others = CHANGES.get(name, ("char", {}))
    assert result(case, **others, **{name: value}) != result(case, **others)


def test_what_is_passed_by_position():
    assert GRURegressor((3, 4)).hidden_layer_sizes == (3, 4)
    for estimator in (*ESTIMATORS, *STEP_ESTIMATORS):
        with pytest.raises(TypeError, match="positional argument"):
            estimator(3, 0.5)
    with pytest.raises(TypeError, match="positional argument"):
        SequenceScaler(True)


def test_equality_and_hash_are_those_of_objects():
    first, second = GRURegressor(), GRURegressor()
    assert first != second and first == first
    assert len({first, second}) == 2


def test_repr_names_what_is_not_default():
    assert repr(GRURegressor(8, quantile=[0.1, 0.9])) == (
        "GRURegressor(hidden_layer_sizes=8, quantile=[0.1, 0.9])"
    )


@dataclass(eq=False, repr=False, kw_only=True)
class Patient(GRURegressor):
    """As the user guide has it: a default that differs, and a parameter of its own."""

    max_iter: int = 2
    offset: float = 0.0

    _parameter_constraints = {"offset": [Real]}

    def predict(self, X):
        return super().predict(X) + self.offset


def test_a_subclass_repeats_the_decorator():
    assert Patient().max_iter == 2 and GRURegressor().max_iter == 100
    parameters = inspect.signature(Patient).parameters
    positional = [p.name for p in parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert positional == ["hidden_layer_sizes"]
    model = clone(Patient(3, offset=1.0, random_state=0))
    assert model.get_params()["offset"] == 1.0
    with config_context(enable_metadata_routing=True):
        request = clone(model.set_fit_request(sample_weight=True)).get_metadata_routing()
    assert request.fit.requests["sample_weight"] is True
    assert set(Patient._parameter_constraints) == set(model.get_params())
    plain = GRURegressor(3, max_iter=2, random_state=0).fit(X, Y)
    np.testing.assert_array_equal(model.fit(X, Y).predict(X), plain.predict(X) + 1)
    copied = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copied.predict(X), model.predict(X))
    with pytest.raises(InvalidParameterError, match="offset"):
        Patient(offset="far").fit(X, Y)
    assert "offset" not in GRURegressor._parameter_constraints


def test_a_subclass_may_write_an_init_instead():
    class WithInit(GRURegressor):
        def __init__(self, hidden_layer_sizes=5, *, max_iter=2):
            super().__init__(hidden_layer_sizes, max_iter=max_iter)

    model = clone(WithInit(max_iter=3))
    assert model.get_params() == {"hidden_layer_sizes": 5, "max_iter": 3}
    assert model.fit(X, Y).n_iter_ == 3


def test_without_the_decorator_a_new_default_is_not_seen():
    # The trap that the user guide warns of: it is the decorator that reads annotations.
    class Forgetful(GRURegressor):
        max_iter: int = 5

    assert Forgetful().max_iter == 100


def test_without_kw_only_fields_would_become_positional():
    # Why every decorator says kw_only=True: it holds for the fields of one class only.
    @dataclass(eq=False, repr=False)
    class Positional(StackParameters, BaseEstimator):
        beam_size: int = 5

    kinds = {p.name: p.kind for p in inspect.signature(Positional).parameters.values()}
    assert kinds["beam_size"] is inspect.Parameter.POSITIONAL_OR_KEYWORD
    assert kinds["dropout"] is inspect.Parameter.KEYWORD_ONLY


def fitted(case, data=None):
    return case.estimator(**case.options).fit(*(data or case.data))


def other_data(case):
    """Data of the same kind: other numbers, and without targets other lengths, too."""
    if len(case.data) == 1:
        return ([np.vstack([x, x]) + 1.0 for x in case.data[0]],)
    return [x + 1.0 for x in case.data[0]], *case.data[1:]


def token_without_dask(model):
    return str(model.__dask_tokenize__())  # Dask hashes what is printed


def token_of_dask(model):
    return pytest.importorskip("dask.base").tokenize(model)


@pytest.mark.parametrize("tokenize", [token_without_dask, token_of_dask])
@pytest.mark.parametrize("case", LEARNING, ids=lambda case: case.estimator.__name__)
def test_tokens_tell_fitted_models_apart(case, tokenize):
    model = fitted(case)
    token = tokenize(model)
    assert token == tokenize(model) == tokenize(fitted(case))
    assert token == tokenize(pickle.loads(pickle.dumps(model)))
    others = [fitted(case, other_data(case)), clone(model)]
    tokens = {token, *map(tokenize, others)}
    learns_nothing = case.estimator in (SequenceDifferences, SequenceFrames)
    assert len(tokens) == (2 if learns_nothing else 3)
    assert tokenize(clone(model)) == tokenize(clone(model))

    kind = type("Subclass", (case.estimator,), {})
    same_state = kind.__new__(kind)
    same_state.__setstate__(model.__getstate__())
    assert tokenize(same_state) != token


def test_tokens_see_every_number_of_a_large_model():
    # A printed array leaves out its middle.
    model = GRURegressor(64, max_iter=1, random_state=0).fit(X, Y)
    changed = pickle.loads(pickle.dumps(model))
    changed._parameters[len(changed._parameters) // 2] += 1e-3
    assert token_without_dask(changed) != token_without_dask(model)


def test_a_model_in_a_memory_map_is_the_same_model(tmp_path):
    model = GRURegressor(4, max_iter=1, random_state=0).fit(X, Y)
    joblib.dump(model, tmp_path / "model.joblib")
    mapped = joblib.load(tmp_path / "model.joblib", mmap_mode="r")
    assert isinstance(mapped._parameters, np.memmap)
    assert token_without_dask(mapped) == token_without_dask(model)
