"""What is worth trying for sequences, for scikit-learn's own searches."""

from ._search_space import make_search, make_vote, search_space

__all__ = ["make_search", "make_vote", "search_space"]
