"""Seeds of the dropout masks of a network: every place that drops values has a mask of its own."""

import numpy as np

_SEED_STEP, _SEED_MASK = 0xD1342543DE82EF95, 2**64 - 1

#: The place before the head of an output.  Places are numbers, so that masks do not change when
#: modules are renamed; recurrent masks are numbered far above the masks between layers.
HEAD_SITE = 0
#: The place between the embeddings and the first layer.
EMBEDDING_SITE = 999
_FIRST_RECURRENT_SITE = 1000


def input_site(layer):
    """The place before layer 1, 2, ... of a stack."""
    return layer


def recurrent_site(layer, direction):
    """The place before the recurrent weights of a layer and direction."""
    return _FIRST_RECURRENT_SITE + 2 * layer + direction


def site_seed(seed, site):
    """The seed of the masks of a place, from the seed of a batch."""
    return np.uint64((int(seed) + (site + 1) * _SEED_STEP) & _SEED_MASK)
