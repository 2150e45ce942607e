"""scikit-learn's callbacks (experimental, from 1.9 on), or stand-ins where they do not exist."""

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:  # scikit-learn before 1.9

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


class FitCallbacks:
    """Notifies scikit-learn's callbacks of a fit and its epochs.

    Parameters
    ----------
    estimator : estimator instance
    X, y, sample_weight
        As the user passed them: scoring callbacks hand them to ``score``.
    n_epochs : int
        Maximum number of epochs.
    """

    def __init__(self, estimator, X, y, sample_weight, n_epochs):
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        self._context = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self._root = estimator._init_callback_context(max_subtasks=n_epochs)
        self._root.call_on_fit_task_begin(**self._context)

    def begin_epoch(self):
        """Report that an epoch starts."""
        self._epoch = self._root.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(**self._context)

    def end_epoch(self, fitted_attributes):
        """Report an epoch; return whether a callback asks to stop.

        ``fitted_attributes`` returns the attributes that a copy of the estimator needs to predict.
        """
        return self._epoch.call_on_fit_task_end(
            **self._context, reconstruction_attributes=fitted_attributes
        )

    def end(self, fitted_attributes):
        """Report the end of the fit; ``fitted_attributes`` is a dict of those it has set."""
        self._root.call_on_fit_task_end(
            **self._context, reconstruction_attributes=fitted_attributes
        )
