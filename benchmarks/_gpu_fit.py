"""A whole fit on a GPU: ours, a plain loop of torch with its data there, and ours on the CPU."""

import time
import warnings

import numpy as np
from _gpu_cases import PRECISIONS
from _speed_fit import RATE, make_data, make_ours
from sklearn.exceptions import ConvergenceWarning

N_SEQUENCES, STEPS, FEATURES, HIDDEN, BATCH, EPOCHS = 10_000, 100, 16, 64, 256, 10
REPEATS = 3
# Weights start elsewhere, so losses are only alike.
MOST_LOSS_RATIO = 3.0


def torch_fit(X, y, epochs, batch, hidden, precision, device):
    """Train as our fit does; return what predicts all sequences."""
    import torch

    torch.manual_seed(0)
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    gru = torch.nn.GRU(X.shape[2], hidden, batch_first=True).to(device)
    head = torch.nn.Linear(hidden, 1).to(device)
    optimizer = torch.optim.Adam([*gru.parameters(), *head.parameters()], lr=RATE)

    def predict(x):
        with torch.autocast(device, torch.bfloat16, enabled=precision == "bf16"):
            return head(gru(x)[1][0])[:, 0].float()

    for _ in range(epochs):
        for indices in torch.randperm(len(X), device=device).split(batch):
            optimizer.zero_grad(set_to_none=True)
            torch.nn.functional.mse_loss(predict(X[indices]), y[indices]).backward()
            optimizer.step()
    if device == "cuda":
        torch.cuda.synchronize()

    def predict_all():
        with torch.inference_mode():
            return torch.cat([predict(part) for part in X.split(4096)]).cpu().numpy()

    return predict_all


def _makers(X, y, has_torch, sizes, dry_run):
    """By name: a function that fits, is timed, and returns a function that predicts."""
    epochs, hidden, batch = sizes
    makers = {}

    def add_ours(name, n_epochs, threads, **options):
        def fit():
            model = make_ours(n_epochs, threads, hidden, batch, **options).fit(X, y)
            if model.n_iter_ != n_epochs:
                raise AssertionError(f"{name} stopped after {model.n_iter_} epochs")
            return lambda: model.predict(X)

        makers[name] = fit

    for precision in PRECISIONS[:1] if dry_run else PRECISIONS:
        add_ours(f"skgru, {precision}", epochs, None, device="cuda", precision=precision)
    if has_torch:
        import torch

        device = "cpu" if dry_run else "cuda"
        x, target = (torch.from_numpy(array).to(device) for array in (X, y))
        for precision in PRECISIONS:
            makers[f"torch, {precision}"] = lambda precision=precision: torch_fit(
                x, target, epochs, batch, hidden, precision, device
            )
    add_ours("skgru, CPU", epochs, -1)
    return makers


def measure_fit(has_torch, dry_run, quick):
    """Seconds of every fit and its mean squared error on the training data, by engine.

    The engines alternate; the first round, in which kernels are compiled, is told apart.
    """
    n, steps, features = (6, 2, 2) if dry_run else (N_SEQUENCES, STEPS, FEATURES)
    sizes = (1, 2, 6) if dry_run else (EPOCHS, HIDDEN, BATCH)
    repeats = 1 if dry_run or quick else REPEATS
    X, y = make_data(n, steps, features)
    makers = _makers(X, y, has_torch, sizes, dry_run)
    record = {"shape": [n, steps, features, *sizes], "first": {}, "seconds": {}, "loss": {}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # ten epochs are what is compared
        for turn in range(int(dry_run), 1 + repeats):
            for name, fit in makers.items():
                if turn == 0 and name == "skgru, CPU" and quick:
                    continue
                start = time.perf_counter()
                predict = fit()
                seconds = time.perf_counter() - start
                if turn == 0:
                    record["first"][name] = seconds
                else:
                    record["seconds"].setdefault(name, []).append(seconds)
                    record["loss"][name] = float(np.mean((np.ravel(predict()) - y) ** 2))
    losses = record["loss"].values()
    if not dry_run and not max(losses) < MOST_LOSS_RATIO * min(losses):
        raise AssertionError(f"final losses are not comparable: {record['loss']}")
    return record
