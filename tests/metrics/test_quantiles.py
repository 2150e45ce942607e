"""Metrics of several quantiles."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import d2_pinball_score

from skgru.metrics import flatten_steps, mean_d2_pinball_score

Y = np.array([1.0, 2, 4, 8])
BANDS = np.array([[1.0, 3], [1, 3], [3, 4], [7, 9]])


@pytest.mark.parametrize("weight", [None, [1.0, 2.0, 0.5, 0.0]])
def test_it_is_the_mean_of_d2(weight):
    expected = [
        d2_pinball_score(Y, BANDS[:, i], alpha=a, sample_weight=weight)
        for i, a in enumerate((0.2, 0.7))
    ]
    assert_allclose(mean_d2_pinball_score(Y, BANDS, (0.2, 0.7), weight), np.mean(expected))
    two = mean_d2_pinball_score(np.c_[Y, -Y], np.stack([BANDS, -BANDS], axis=1), (0.2, 0.7))
    other = mean_d2_pinball_score(-Y, -BANDS, (0.2, 0.7))
    assert_allclose(two, (mean_d2_pinball_score(Y, BANDS, (0.2, 0.7)) + other) / 2)
    assert mean_d2_pinball_score(Y, Y[:, np.newaxis], (0.3,)) == 1


def test_steps():
    flat = flatten_steps([Y[:3], Y[3:]], [BANDS[:3], BANDS[3:]])
    expected = mean_d2_pinball_score(Y, BANDS, (0.2, 0.7))
    assert mean_d2_pinball_score(*flat, (0.2, 0.7)) == expected


def test_one_sample_has_no_score():
    with pytest.warns(UndefinedMetricWarning):
        assert np.isnan(mean_d2_pinball_score(Y[:1], BANDS[:1], (0.2, 0.7)))


@pytest.mark.parametrize("predicted", [Y, BANDS[:, :1], BANDS[:, :, np.newaxis]])
def test_shapes_that_do_not_belong_together(predicted):
    with pytest.raises(ValueError, match=r"y_true of shape \(4,\) .* it should be \(4, 2\)"):
        mean_d2_pinball_score(Y, predicted, (0.2, 0.7))
