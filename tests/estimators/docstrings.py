"""Docstrings in numpydoc form, taken apart: sections, and the entries of a section."""

import inspect
import re


def sections(doc):
    """The text of each section by its title; what stands before the first has the title ""."""
    parts = re.split(r"^([A-Z][A-Za-z ]+)\n-{3,}\n", inspect.cleandoc(doc) + "\n", flags=re.M)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def entries(section):
    """Type and description of each entry of a section, by name and in order."""
    found = {}
    for part in re.split(r"^(?=\S)", section, flags=re.M):
        if part.strip():
            head, _, text = part.partition("\n")
            name, _, kind = head.partition(" : ")
            found[name] = (" ".join(kind.split()), inspect.cleandoc(text))
    return found
