"""What pickled estimators contain, and how the states of earlier versions are read.

The state of an estimator carries the number of its format.  When fitted attributes change their
names or meanings, a function that turns a state of the format until then into the next one is
appended to `_UPGRADES`; parameters that an estimator has gained need none, as they get their
defaults.  ``tests/saved_models`` keeps models of every format.
"""

from dataclasses import MISSING, fields

import numpy as np

from skgru._version import __version__


def _upgrade_format_0(state):
    # Bridges the change that made targets objects (before the first release, when no number was
    # stored): what a target is became one dict.
    # The first models of all knew another state of training, which is dropped: training goes on
    # with an optimiser in its initial state.
    if "kinds" not in state.get("_resume_state", {}).get("trainer", {}):
        state.pop("_resume_state", None)
    if "_parameters" not in state or "_target_facts" in state:
        return state
    if "classes_" in state:
        state["_target_facts"] = {"is_multilabel": state.pop("_is_multilabel")}
    else:
        options = state.pop("_loss_options")
        state["_target_facts"] = {
            "loss_name": options["loss"],
            "quantile": options["quantile"],
            "delta": options["delta"],
            "n_targets": state["n_outputs_"],
            "is_1d": state.pop("_y_is_1d"),
        }
    return state


#: Item N turns a state of format N, which it may change, into one of format N + 1.
_UPGRADES = (_upgrade_format_0,)

#: The format of this version.
FORMAT = len(_UPGRADES)


class SavedState:
    """Mixin: pickles and copies of an estimator carry a format and are checked when they are read.

    It stands before `BaseEstimator`, whose ``__getstate__`` and ``__setstate__`` it extends.  The
    number of the format is in the saved state only, not among the attributes.
    """

    def __getstate__(self):
        return {
            **super().__getstate__(),
            "_skgru_format": FORMAT,
            "_skgru_version": __version__,
        }

    def __setstate__(self, state):
        state, name = dict(state), type(self).__name__
        found = state.pop("_skgru_format", 0)
        version = state.pop("_skgru_version", "before 0.1.0")
        if found > FORMAT:
            raise ValueError(
                f"This {name} was saved by skgru {version}, in format {found}. skgru {__version__} "
                f"reads up to format {FORMAT}: upgrade skgru."
            )
        try:
            for upgrade in _UPGRADES[found:]:
                state = upgrade(state)
            super().__setstate__({**_defaults(self), **self._read_state(state)})
            self._check_state()
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"This {name}, saved by skgru {version} in format {found}, cannot be read by skgru "
                f"{__version__}: {_describe(error)}. If the file is not damaged, use the version "
                "that saved it, or fit again."
            ) from error

    def _read_state(self, state):
        """The attributes of the present format, from what is stored of them."""
        return state

    def _check_state(self):
        """Raise an error if the fitted attributes do not belong together."""


def _defaults(estimator):
    """The constructor parameters of an estimator that have a default, with it."""
    return {f.name: f.default for f in fields(estimator) if f.default is not MISSING}


def _describe(error):
    return f"it lacks {error}" if isinstance(error, KeyError) else str(error)


def check_arrays(estimator, expected):
    """Check arrays among the attributes of an estimator.

    Parameters
    ----------
    estimator : estimator instance
    expected : dict from str to (shape, dtype)

    Raises
    ------
    ValueError
        If an attribute is no array of that shape and dtype.
    """
    for name, (shape, dtype) in expected.items():
        array = getattr(estimator, name)
        found = f"a {type(array).__name__}"
        if isinstance(array, np.ndarray):
            if array.shape == shape and array.dtype == dtype:
                continue
            found = f"{array.dtype} {array.shape}"
        raise ValueError(f"{name} is {found}, but should be {np.dtype(dtype)} {shape}")
