"""Where models that were saved before version 0.1.0 look for the scaler."""

from skgru.preprocessing import SequenceScaler

__all__ = ["SequenceScaler"]
