"""From constructor parameters to the facts of a network and the objects of `skgru.training`."""

import numpy as np

from skgru.training import SGD, Adam, AdamW, AdaptiveRate, ConstantRate, CosineRate, RMSprop

_SCHEDULES = {"constant": ConstantRate, "adaptive": AdaptiveRate, "cosine": CosineRate}


def network_options(estimator, n_features, sizes, pooling, n_outputs, embeddings=()):
    """Plain facts from which the network is built; sizes and poolings have been checked."""
    return {
        **({"embeddings": embeddings} if embeddings else {}),
        "n_features": n_features,
        "hidden_layer_sizes": sizes,
        "bidirectional": bool(estimator.bidirectional),
        "pooling": pooling,
        "n_outputs": n_outputs,
        "dropout": float(estimator.dropout),
        "recurrent_dropout": float(estimator.recurrent_dropout),
        "dtype": estimator.dtype,
        "update_bias": estimator._update_bias,
        "embeddings": embeddings,
    }


def make_schedule(estimator, one_epoch):
    """The learning rate; partial_fit has no horizon to anneal over and keeps it constant."""
    kind = "constant" if one_epoch else estimator.learning_rate
    return _SCHEDULES[kind](estimator.learning_rate_init)


def make_optimizer(estimator, network):
    """The optimiser of a network, in its initial state."""
    e, size, dtype = estimator, network.layout.size, network.dtype
    if e.solver == "adam":
        return Adam(network.kernels, size, dtype, e.beta_1, e.beta_2, e.epsilon)
    if e.solver == "adamw":
        return AdamW(
            network.kernels, size, dtype, e.beta_1, e.beta_2, e.epsilon, e.alpha,
            network.layout.n_weights,
        )  # fmt: skip
    if e.solver == "rmsprop":
        return RMSprop(network.kernels, size, dtype, e.beta_2, e.epsilon)
    return SGD(network.kernels, size, dtype, e.momentum, e.nesterovs_momentum)


def resolve_penalty(estimator):
    """Strength of the L2 penalty in the gradient; "adamw" shrinks the weights by itself."""
    return 0.0 if estimator.solver == "adamw" else float(estimator.alpha)


# Below the first number of sequences, there are more updates in an epoch, with smaller batches.
_FEW_SEQUENCES, _SMALLEST_BATCH = 512, 4


def resolve_batch_size(batch_size, n_sequences, is_whole=True):
    """Sequences in a batch of the training data, which may be fewer.

    With few sequences, "auto" keeps batches small so that there are many updates; with many
    sequences, batches fill several shards. The rule was measured (docs/benchmarks.md). Where these
    sequences are only a part of the training data, nobody knows that there are few.
    """
    if batch_size != "auto":
        return batch_size
    if is_whole and n_sequences < _FEW_SEQUENCES:
        return max(n_sequences // 16, _SMALLEST_BATCH)
    return int(np.clip(n_sequences // 32, 32, 256))
