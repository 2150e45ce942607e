"""X in every layout that transformers take, for their tests."""

import numpy as np


def ragged(seed=0, n_features=3):
    rng = np.random.default_rng(seed)
    return [rng.normal(5, 2, (length, n_features)) for length in (4, 1, 7, 2, 4)]


def layouts(n_features=3):
    """Several X by the name of their layout."""
    items = ragged(n_features=n_features)
    as_objects = np.empty(5, dtype=object)
    as_objects[:] = items
    rng = np.random.default_rng(1)
    return {
        "2d": rng.normal(5, 2, (6, 4)),
        "3d": rng.normal(5, 2, (6, 4, n_features)),
        "list": items,
        "tuple": tuple(items),
        "one feature": [x[:, 0] for x in items],
        "equal lengths": [x[:1] for x in items],
        "objects": as_objects,
    }


def assert_same_layout(result, X, n_added=0):
    """Compare types and shapes; items of one or two dimensions may have gained features."""

    def expected(shape):
        if not n_added:
            return shape
        return (*shape, 1 + n_added) if len(shape) == 1 else (*shape[:-1], shape[-1] + n_added)

    if isinstance(X, np.ndarray):
        assert isinstance(result, np.ndarray)
        assert (result.dtype == object) == (X.dtype == object)
    else:
        assert isinstance(result, list)
    assert [np.shape(part) for part in result] == [expected(np.shape(part)) for part in X]
