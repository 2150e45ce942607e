"""What an estimator, a network and a trainer need to know about targets."""

from abc import ABC, abstractmethod


class Target(ABC):
    """Description of y.

    A target is made from the y of the first fit; it determines how any later y is encoded.
    It holds no data, only the facts about them that a fitted model stores.
    """

    #: What `decode` can return: names of methods of estimators.
    methods = ("predict",)

    #: How targets that were strings of several labels are cut, and predictions joined; None if they
    #: were not such strings.
    analyzer = None

    @property
    @abstractmethod
    def n_outputs(self):
        """Number of targets of a row, or of columns of the decision function."""

    @abstractmethod
    def encode(self, y, rows, weight, name="y"):
        """Check further targets against these facts and encode them.

        Parameters
        ----------
        y : array-like
        rows : SequenceRows or StepRows
        weight : ndarray of shape (n_rows,)
        name : str
            What error messages call the targets.

        Returns
        -------
        encoded : ndarray of shape (n_rows, n_target), float64
            On the scale of y.
        """

    def including(self, encoded, weight):
        """The target that describes these encoded targets as well as all earlier ones."""
        return self

    @property
    @abstractmethod
    def loss(self):
        """The loss that training minimises, for targets on the scale of the network."""

    def scaled(self, encoded):
        """Bring encoded targets to the scale of the network."""
        return encoded

    @abstractmethod
    def decode(self, raw, method="predict"):
        """Turn raw predictions (n_rows, n_raw) into what a method of the estimator returns."""

    @abstractmethod
    def score(self, raw, scaled, weight):
        """Score of raw predictions against targets on the scale of the network; a number."""

    def labels_to_stratify(self, encoded):
        """Labels by which to stratify a validation split, one for each row, or None."""
        return None
