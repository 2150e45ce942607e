"""What estimators with a target for every step share."""

from skgru.data import StepRows


class PredictsSteps:
    """Mixin: every step of a sequence has a target and a prediction of its own."""

    _row_type = StepRows

    def _rows(self, sequences, target=None, name="X"):
        return StepRows(sequences, name, self._label_analyzer(target))

    def _label_analyzer(self, target):
        """How a string of labels is cut: as in the fit, or in the way of strings in X."""
        fitted = None if target is None else target.analyzer
        # That of a tokenizer: its pattern is one of words, not of labels.
        now = getattr(self.analyzer, "analyzer", self.analyzer)
        return fitted or now or "char"

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
