"""scikit-learn's callbacks (experimental, from 1.9 on), or stand-ins where they do not exist."""

try:
    from sklearn.callback import CallbackSupportMixin

    HAS_CALLBACKS = True
except ImportError:  # scikit-learn before 1.9
    HAS_CALLBACKS = False

    class _NoContext:
        def subcontext(self, **kwargs):
            return self

        def call_on_fit_task_begin(self, **kwargs):
            return self

        def call_on_fit_task_end(self, **kwargs):
            return False

    class CallbackSupportMixin:
        """Stand-in with the one method that `FitCallbacks` needs."""

        def _init_callback_context(self, **kwargs):
            return _NoContext()


# Attributes that scikit-learn adds to an estimator during a fit, and those that callbacks add.
_OF_THE_FIT = ("_callback_fit_ctx", "_skl_callbacks_to_teardown")
_OF_CALLBACKS = (*_OF_THE_FIT, "_skl_callbacks", "_parent_callback_ctx")


def without_fit_context(attributes):
    """A copy of the attributes of an estimator that may be in a fit, without traces of that fit."""
    found = attributes.copy()  # at once, as another thread may be fitting the estimator
    return {name: value for name, value in found.items() if name not in _OF_THE_FIT}


class FitCallbacks:
    """Notifies scikit-learn's callbacks of a fit and its epochs.

    Parameters
    ----------
    estimator : estimator instance
    X, y, sample_weight
        As the user passed them: scoring callbacks hand them to ``score``.
    n_epochs : int
        Maximum number of epochs of this call.
    """

    def __init__(self, estimator, X, y, sample_weight, n_epochs):
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        self._context = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self._has_ended = False
        self._root = estimator._init_callback_context(max_subtasks=n_epochs)
        self._root.call_on_fit_task_begin(**self._context)

    def begin_epoch(self):
        """Report that an epoch starts."""
        self._epoch = self._root.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(**self._context)

    def end_epoch(self, all_attributes):
        """Report an epoch; return whether a callback asks to stop.

        ``all_attributes`` returns the attributes that the estimator would have if the fit had ended
        after this epoch.
        """
        return self._epoch.call_on_fit_task_end(
            **self._context, reconstruction_attributes=_instead(all_attributes)
        )

    def end(self, all_attributes):
        """Report the end of the fit, once; ``all_attributes`` returns those of the estimator."""
        if not self._has_ended:
            self._has_ended = True
            self._root.call_on_fit_task_end(
                **self._context, reconstruction_attributes=_instead(all_attributes)
            )


def _instead(all_attributes):
    """The attributes that scikit-learn sets on a copy of the estimator, to make `fitted_estimator`.

    All are replaced at once, because attributes of an earlier fit would otherwise remain. The copy
    has no callbacks, so that it can be stored.
    """

    def attributes():
        found = all_attributes()
        return {"__dict__": {name: found[name] for name in found if name not in _OF_CALLBACKS}}

    return attributes
