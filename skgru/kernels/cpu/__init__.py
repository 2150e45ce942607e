"""Kernels for the vector units of a CPU."""

from ._host import head_columns, panel_columns, panel_width
from .dense import dense_backward, dense_forward
from .dropout import connect, drop_rows, drop_steps
from .embedding import add_rows, embed, pack_codes, put_rows, take_rows
from .gemm import multiply, multiply_transposed, orthonormalize_rows
from .gru import gate_gradient_rows, gate_rows, gru_backward, gru_forward, shard_limits
from .handshake import signal_and_spin
from .losses import (
    absolute_error,
    add_losses,
    binary_log_loss,
    huber,
    log_sigmoid_link,
    log_softmax_link,
    multinomial_log_loss,
    poisson,
    quantile,
    quantile_link,
    sigmoid_link,
    softmax_link,
    squared_error,
)
from .memory import (
    ON_HOST,
    copy,
    copy_columns,
    fill,
    leading,
    session,
    to_device,
    to_host,
    zeros,
)
from .optimizers import (
    N_PARTIAL,
    adam,
    add,
    add_penalty,
    clip_norm,
    rmsprop,
    scale_in_place,
    sgd,
)
from .packing import (
    pack_dense,
    pack_gru,
    pack_sequences,
    standardize_step,
    unpack_dense_gradient,
    unpack_gru_gradient,
)
from .pooling import (
    advance_max,
    advance_mean,
    attention_scores,
    attention_softmax,
    attention_softmax_backward,
    attention_weight_gradient,
    count_step,
    pool,
    pool_attention,
    pool_attention_backward,
    pool_backward,
    pool_last,
    pool_max,
    pool_max_backward,
    pool_mean,
    pool_mean_backward,
)
from .row_groups import forget_numbers, group_rows
