"""Kernels for a CUDA device: the functions of ``kernels.cpu`` on device arrays.

Every function starts one or a few kernels on the stream of its thread (``use_stream``) and returns
without waiting. The link functions and the streaming kernels are missing: both run on the CPU.
"""

from skgru.kernels.cpu.row_groups import forget_numbers, group_rows

from ._launch import current_stream, release_scratch, use_precision, use_stream
from ._plan import head_columns, panel_columns, panel_width
from .dense import dense_backward, dense_forward
from .dropout import connect, drop_rows, drop_steps
from .gemm import multiply, multiply_transposed, orthonormalize_rows
from .gru import gate_gradient_rows, gate_rows, gru_backward, gru_forward, shard_limits
from .losses import (
    absolute_error,
    add_losses,
    binary_log_loss,
    huber,
    multinomial_log_loss,
    poisson,
    quantile,
    squared_error,
)
from .memory import (
    ON_HOST,
    StagingBuffers,
    copy,
    copy_columns,
    fill,
    leading,
    session,
    take_targets,
    to_device,
    to_device_if_it_fits,
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
    unpack_dense_gradient,
    unpack_gru_gradient,
)
from .pooling import (
    attention_scores,
    attention_softmax,
    attention_softmax_backward,
    attention_weight_gradient,
    pool,
    pool_attention,
    pool_attention_backward,
    pool_backward,
)
