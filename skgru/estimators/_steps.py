"""What estimators with a target for every step share."""

from skgru.data import StepRows


class PredictsSteps:
    """Mixin: every step of a sequence has a target and a prediction of its own."""

    _row_type = StepRows

    def _score_steps(self, X, y, sample_weight):
        """The score of the targets over all steps, weighted by their weights."""
        target, rows, raw = self._predict_raw(X)
        weight = rows.weights(sample_weight)
        encoded = target.encode(y, rows, weight)
        used = weight > 0
        return target.score(raw[used], target.scaled(encoded[used]), weight[used])

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags
