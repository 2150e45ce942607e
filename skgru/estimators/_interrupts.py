"""Ctrl-C during a fit: whether it ends this fit alone, or what called it as well."""

import sys

# scikit-learn's modules through which a single model is fitted: the wrapper of fit, Pipelines and
# TransformedTargetRegressor, and helpers that they use.
_OF_ONE_MODEL = ("sklearn.base", "sklearn.pipeline", "sklearn.compose", "sklearn.utils")

# Packages that fit many models for their callers, in this process or as one of its workers.
_OF_MANY_MODELS = {
    "concurrent", "dask", "dask_ml", "distributed", "joblib", "multiprocessing", "optuna"
}  # fmt: skip


def fits_several_models():
    """Whether the calling fit is one of several, in a search or an ensemble, for instance.

    Ctrl-C must then end all of them. If only one ended, its half-trained model would be scored like
    the others, and might be chosen or become a part of an ensemble, while the search went on. So
    the interrupt is raised, as it is in every other estimator of scikit-learn. In doubt it is
    raised, too: that loses one fit, whereas a result that nobody can trust may go unnoticed.

    The stack is the only place that shows who called, and it is walked only after an interrupt.
    """
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_globals.get("__name__") or ""
        package = name.partition(".")[0]
        if package in _OF_MANY_MODELS:
            return True
        if package == "sklearn" and not name.startswith(_OF_ONE_MODEL):
            return True
        frame = frame.f_back
    return False
