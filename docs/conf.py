"""Sphinx configuration. Nothing is fetched while building: a build works without a network."""

from docutils.utils import get_source_line

import skgru

project = "skgru"
author = "the skgru developers"
copyright = "2026, the skgru developers"
version = release = skgru.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "_tables"]
templates_path = ["_templates"]

myst_enable_extensions = ["amsmath", "dollarmath"]
myst_heading_anchors = 3

autosummary_generate = True
autodoc_typehints = "none"
# Single backquotes in docstrings mean code, as in scikit-learn.
default_role = "literal"
# Members are listed by the class template, each once.
numpydoc_show_class_members = False

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "within_subsection_order": "FileNameSortKey",
}

html_theme = "pydata_sphinx_theme"
html_title = "skgru"
html_theme_options = {"show_prev_next": False, "navigation_with_keys": False}


def _keep_text(app, env, node, contnode):
    """Leave references in docstrings inherited from scikit-learn as text.

    Their targets are in scikit-learn's documentation, whose inventory would have to be downloaded.
    Summary tables repeat first lines of docstrings without telling whose; a dead reference of our
    own is still found where the docstring itself stands.
    """
    source = (get_source_line(node)[0] or "").replace("\\", "/")
    return contnode if "/sklearn/" in source or "<autosummary>" in source else None


def setup(app):
    app.connect("missing-reference", _keep_text)
