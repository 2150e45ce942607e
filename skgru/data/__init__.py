"""From what a user passes as X to arrays that the networks can read."""

from skgru.data._sequences import Sequences, as_sequences
from skgru.data._statistics import column_moments, column_statistics, merge_moments

__all__ = ["Sequences", "as_sequences", "column_moments", "column_statistics", "merge_moments"]
