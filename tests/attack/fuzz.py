"""Generated calls of every public method, with good arguments and bad ones.

A case is a session: a fit, then a few calls of the same model. Of each call it is checked that

- it succeeds if all arguments are good and raises if one is bad;
- what it raises is of a usual type, raised on purpose, and names an argument;
- a call that raises leaves the model as it was, and no call changes its arguments;
- results are finite, and the prediction of one sequence is that of the batch, to the last bit.
"""

import copy

import numpy as np
from sklearn.base import clone

from skgru import (
    GRUClassifier,
    GRURegressor,
    GRUStepClassifier,
    GRUStepRegressor,
)

from . import inputs, symbols
from .attack import Attack, Verdict
from .inputs import Argument, choose
from .invariants import all_finite, fingerprint, outcome, same_bits, why_unclear

_KINDS = {
    GRUClassifier: "classes",
    GRURegressor: "numbers",
    GRUStepClassifier: "step classes",
    GRUStepRegressor: "step numbers",
}
_N_CALLS = 6


class Session:
    """A model, the calls made of it, and what was wrong with them.

    Parameters
    ----------
    rng : numpy.random.Generator
    estimators : dict of {class: str}, optional
        Estimators to attack, with the kind of their targets.
    """

    def __init__(self, rng, estimators=_KINDS):
        self.rng, self.failures, self.n_calls = rng, [], 0
        self.estimator = choose(rng, list(estimators))
        self.kind = estimators[self.estimator]
        self.of_symbols = rng.random() < 0.4
        self.inputs = symbols if self.of_symbols else inputs
        self.shape = self.inputs.any_shape(rng)
        self.model = self.estimator(hidden_layer_sizes=3, max_iter=1, random_state=0)
        parameters = inputs.some_parameters(rng, self.model.get_params(), rng.integers(4))
        self.model.set_params(**parameters)
        if self.of_symbols:
            self.model.set_params(**symbols.parameters(rng, self.shape))

    # -- one call, checked ---------------------------------------------------------------------
    def call(self, function, *arguments, fate=None, words="", **keywords):
        """Call a method with Arguments and check what must hold; return its result or None."""
        given = [*arguments, *keywords.values()]
        fate = fate or _worst(argument.fate for argument in given)
        words = words or f"{getattr(function, '__name__', function)}"
        described = f"{self.model!r:.300}.{words}({', '.join(a.words for a in given)})"
        before = fingerprint(self.model)
        data_before = [_hash(argument.value) for argument in given]
        self.n_calls += 1
        result, error, noise = outcome(
            function,
            *(argument.value for argument in arguments),
            **{name: argument.value for name, argument in keywords.items()},
        )
        faults = []
        if error is None and fate == "bad":
            faults.append("was accepted")
        if error is not None:
            if fate == "good":
                faults.append(f"was refused: {type(error).__name__}: {str(error)[:300]}")
            reason = why_unclear(error, self.model)
            if reason is not None:
                faults.append(reason)
            if fingerprint(self.model) != before:
                faults.append("changed the model although it raised")
        if noise:
            faults.append(f"let a warning escape: {noise[0].category.__name__} {noise[0].message}")
        if [_hash(argument.value) for argument in given] != data_before:
            faults.append("changed its arguments")
        self.failures += [f"{' '.join(described.split())}: {fault}" for fault in faults]
        return result if error is None else None

    def complain(self, fault):
        self.failures.append(f"{' '.join(repr(self.model).split())}: {fault}")

    # -- arguments -----------------------------------------------------------------------------
    def data(self, n=None, fault=None, shape=None):
        """X, y and perhaps a weight, of which the one named by ``fault`` is bad."""
        rng, shape = self.rng, shape or self.shape
        n = n or (40 if rng.random() < 0.05 else int(rng.integers(6, 13)))
        X, items = self.inputs.good_X(rng, shape, n)
        y = inputs.good_y(rng, self.kind, items, shape)
        weight = inputs.good_weight(rng, n)
        if fault == "X":
            X = self.inputs.bad_X(rng, shape, n)
        elif fault == "y":
            y = inputs.bad_y(rng, self.kind, items, shape)
        elif fault == "weight":
            weight = inputs.bad_weight(rng, n)
        return X, y, weight

    # -- calls ---------------------------------------------------------------------------------
    def fit(self):
        """Fit, with one thing wrong in about half of the cases."""
        rng, model = self.rng, self.model
        fault = choose(rng, [None, None, None, "X", "y", "weight", "parameter", "doubt"])
        X, y, weight = self.data(fault=fault)
        fate, words, options = None, "fit", {}
        if fault in ("parameter", "doubt"):
            makers = [inputs, symbols] if self.of_symbols else [inputs]
            maker = choose(rng, makers)
            table = maker.BAD_PARAMETERS if fault == "parameter" else maker.DOUBTFUL_PARAMETERS
            name, value = inputs.a_parameter(rng, model.get_params(), table)
            earlier = getattr(model, name)
            model.set_params(**{name: value})
            if name in ("quantile", "delta"):
                model.set_params(loss="quantile" if name == "quantile" else "huber")
            fate = "bad" if fault == "parameter" else "either"
            words = f"fit[{name}={value!r:.60}]"
        elif hasattr(model, "_parameters") and model.warm_start:
            fate = "bad" if fault else "either"  # other classes, or another layout, may not go on
        elif fault is None and model.early_stopping is True:
            fate = "either"  # the only sequence of a class may be held out
        if fault == "weight" or rng.random() < 0.3:
            options["sample_weight"] = weight
        fitted = self.call(model.fit, X, y, words=words, fate=fate, **options)
        if fault in ("parameter", "doubt"):
            model.set_params(**{name: earlier})
        elif fitted is not None and not hasattr(model, "_parameters"):
            self.complain("is not fitted after a fit that returned")

    def fit_with_validation(self):
        model, rng = self.model, self.rng
        X, y, _ = self.data()
        fault = choose(rng, [None, None, "X", "y", "only X", "only y", "features"])
        shape = self.shape
        if fault == "features" and not self.of_symbols:
            shape = inputs.Shape(shape.layout, shape.n_features + 1, shape.n_steps + 1)
        X_val, y_val, _ = self.data(6, fault if fault in ("X", "y") else None, shape)
        options = {"X_val": X_val, "y_val": y_val}
        if fault and fault.startswith("only"):
            del options["y_val" if fault == "only X" else "X_val"]
        fate = "bad" if fault else "either"  # a class may occur in the validation data alone
        if fault == "features" and self.of_symbols:
            fate = "either"
        if X_val.value is None or y_val.value is None:
            fate = "either"  # None means that there are none
        if getattr(y_val.value, "dtype", None) == np.int64:
            fate = "either"  # of a single class, which is bad in training data only
        self.call(model.fit, X, y, fate=fate, words=f"fit[validation {fault}]", **options)

    def partial_fit(self):
        model, fault = self.model, choose(self.rng, [None, None, "X", "y", "weight"])
        X, y, weight = self.data(fault=fault)
        options = {"sample_weight": weight} if fault == "weight" else {}
        if "classes" in self.kind and not hasattr(model, "classes_") and self.rng.random() < 0.7:
            labels = _labels(y.value) if fault != "y" else [0, 1]
            options["classes"] = Argument(labels, f"classes={labels!r:.40}")
        fate = "bad" if fault else "either"
        if getattr(y.value, "dtype", None) == np.int64:
            fate = "either"  # of a single class, which a batch may be
        self.call(model.partial_fit, X, y, fate=fate, **options)

    def predict(self):
        model, rng = self.model, self.rng
        if not hasattr(model, "_parameters"):
            X, _ = self.inputs.good_X(rng, self.shape, 3)
            self.call(model.predict, X, fate="bad")
            return
        methods = ["predict", "states"]
        methods += ["predict_proba", "predict_log_proba"] if "classes" in self.kind else []
        methods += [] if self.kind.startswith("step") else ["transform"]
        name = choose(rng, methods)
        method = getattr(model, name)
        if rng.random() < 0.4:
            bad = self.inputs.bad_X(rng, self.shape, int(rng.integers(2, 6)))
            self.call(method, bad)
            return
        if rng.random() < 0.1:  # of numbers to a model of symbols, and the reverse
            other = inputs if self.of_symbols else symbols
            X, _ = other.good_X(rng, other.any_shape(rng), 3)
            self.call(method, X, fate="either")
            return
        X, items = self.inputs.good_X(rng, self.shape, int(rng.integers(2, 9)))
        # Numbers far from those of the fit may overflow once standardised.
        result = self.call(method, X, fate="either")
        if result is None:
            return
        if not all_finite(result):
            self.complain(f"{name} of {X.words} is not finite")
        i = int(rng.integers(len(items)))
        alone = self.call(method, Argument(inputs.part(X.value, slice(i, i + 1)), "one of them"))
        if alone is not None and not same_bits(result[i], alone[0]):
            self.complain(f"{name} of sequence {i} alone is not that of the batch: {X.words}")

    def fit_in_threads(self):
        """A fit in one thread and in two, of batches that these share, gives one model."""
        X, y, _ = self.data(70)
        models = []
        for n_jobs in (1, 2):
            model = clone(self.model).set_params(n_jobs=n_jobs, batch_size=70)
            self.n_calls += 1
            if outcome(model.fit, X.value, y.value)[1] is not None:
                return  # as `fit` finds out
            models.append(model)
        one, two = models
        if not same_bits(one._parameters, two._parameters):
            self.complain(f"n_jobs changes the fit to {X.words}")
        if fingerprint(one.predict(X.value)) != fingerprint(two.predict(X.value)):
            self.complain(f"n_jobs changes predictions of {X.words}")

    def score(self):
        fault = choose(self.rng, [None, "X", "y", "weight"])
        X, y, weight = self.data(fault=fault)
        options = {"sample_weight": weight} if fault == "weight" else {}
        if not hasattr(self.model, "_parameters"):
            fault = "unfitted"
        # scikit-learn computes some scores, and its own checks of y and weights stand.
        fate = "bad" if fault in ("X", "unfitted") else "either"
        before = fingerprint(self.model)
        if fault in ("y", "weight"):
            outcome(self.model.score, X.value, y.value, **{k: v.value for k, v in options.items()})
            self.n_calls += 1
            if fingerprint(self.model) != before:
                self.complain("score changed the model")
            return
        value = self.call(self.model.score, X, y, fate=fate, **options)
        if value is not None and not np.isfinite(value):
            self.complain(f"score is {value}")

    def stream(self):
        model, rng = self.model, self.rng
        if not hasattr(model, "_parameters"):
            self.call(model.stream, fate="bad")
            return
        pooling = model._network_options["pooling"] or ()
        whole = model._network_options["bidirectional"] or "attention" in pooling
        if whole or rng.random() < 0.1:
            bad = Argument(choose(rng, [0, -1, "2", None, 1.5]), "bad n_streams", "bad")
            self.call(model.stream, *([] if whole else [bad]), fate="bad")
            return
        if self.of_symbols:
            symbols.stream(self)
            return
        n_streams = int(rng.integers(1, 4))
        stream = model.stream(n_streams)
        n_features = len(model.feature_mean_)
        steps = 3 * rng.normal(size=(5, n_streams, n_features))
        steps = steps[:, 0] if n_streams == 1 else steps
        results, taken = [], []
        for step in steps:
            if rng.random() < 0.5 and not self._refused_push(stream, step):
                return  # the stream is now one of unknown steps
            pushed = self.call(stream.push, Argument(step, "a step", "either"), words="push")
            if pushed is not None:
                results.append(pushed)
                taken.append(step)
        if taken:
            self._compare_stream(np.array(taken), results, n_streams)

    def _refused_push(self, stream, step):
        """Push a bad step; return whether it was refused."""
        value, dtype = inputs.bad_values(self.rng)
        wrong = step.astype(dtype)
        wrong[(0,) * step.ndim] = value
        state = fingerprint(stream.get_state())
        if self.rng.random() < 0.3:  # the good step must not be taken either
            method, bad = stream.extend, np.stack([step.astype(dtype), wrong])
        else:
            method = stream.push
            bad = choose(self.rng, [wrong, step[..., :-1], step[None], None, "x", [], {}, 10**400])
        words = f"stream.{method.__name__}"
        taken = self.call(method, Argument(bad, f"{bad!r:.60}", "bad"), words=words)
        if taken is None and fingerprint(stream.get_state()) != state:
            self.complain(f"a refused step changed the stream: {bad!r:.60}")
        return taken is None

    def _compare_stream(self, steps, results, n_streams):
        """Pushed predictions are those of `predict` for the sequence so far."""
        if self.model._layout == "2d":
            return  # tables have a fixed width, and a stream any number of steps
        whole = [steps] if n_streams == 1 else [steps[:, i] for i in range(n_streams)]
        predicted = self.call(
            self.model.predict, Argument(whole, "the steps of a stream", "either")
        )
        if predicted is None:
            return
        last = [results[-1]] if n_streams == 1 else results[-1]
        if self.kind.startswith("step"):
            predicted = [item[-1] for item in predicted]
        if not all(map(same_bits, predicted, last)):
            self.complain("a stream and predict differ")

    def copies(self):
        """A copy and a clone; neither may change the model."""
        before = fingerprint(self.model)
        self.n_calls += 2
        if fingerprint(copy.deepcopy(self.model)) != before:
            self.complain("a deep copy is not equal")
        clone(self.model)
        repr(self.model)
        if fingerprint(self.model) != before:
            self.complain("copying changed the model")

    def run(self):
        self.fit()
        actions = [
            self.fit, self.fit_with_validation, self.partial_fit, self.predict, self.predict,
            self.predict, self.score, self.stream, self.copies,
            self.fit_in_threads,
        ]  # fmt: skip
        for _ in range(_N_CALLS - 1):
            choose(self.rng, actions)()


def _worst(fates):
    fates = set(fates)
    return "bad" if "bad" in fates else "either" if "either" in fates else "good"


def _labels(y):
    flat = np.concatenate([np.ravel(np.asarray(item)) for item in y])
    return np.unique(flat)


def _hash(value):
    """A hash of an argument, or None of one that cannot be hashed (and hardly be changed)."""
    try:
        return fingerprint(value)
    except Exception:
        return None


def check(world, rng, number):
    """Carry out one session."""
    session = Session(rng)
    session.run()
    return Verdict(session.n_calls, tuple(session.failures))


ATTACK = Attack("fuzz", "generated calls", check, n_cases=1000, n_quick=20, limit=300.0)
