"""The version, in a module that imports nothing, for whatever needs it while skgru is imported."""

__version__ = "0.1.0.dev0"
