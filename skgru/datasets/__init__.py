"""Small real data sets that come with the package, in scikit-learn's form."""

from skgru.datasets._loaders import load_japanese_vowels, load_nyc_taxi, load_pendigits

__all__ = ["load_japanese_vowels", "load_nyc_taxi", "load_pendigits"]
