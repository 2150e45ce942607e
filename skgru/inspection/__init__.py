"""What a fitted model looks at: the importance of features and of stretches of time."""

from ._permutation import permutation_importance

__all__ = ["permutation_importance"]
