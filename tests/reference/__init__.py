"""The naive NumPy oracle that other tests trust, and the tests of the oracle itself."""
