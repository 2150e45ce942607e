"""Tables and a picture of what the GPU benchmark found."""

import numpy as np
from _gpu_cases import KINDS, PRECISIONS
from _gpu_ceilings import tell
from _runner import markdown_table

_COLOURS = dict(zip(PRECISIONS, ("tab:blue", "tab:orange", "tab:green"), strict=True))
_TITLES = {"training": "Training step", "inference": "Inference"}


def median(row, kind, engine):
    """Median milliseconds on the device, or None."""
    found = row[kind].get(engine)
    return None if found is None else found["quartiles"][1]


def ratio(row, kind):
    """Torch's median / ours, or None."""
    ours, theirs = median(row, kind, "skgru"), median(row, kind, "torch")
    return None if ours is None or theirs is None else theirs / ours


def highest_floor(row, kind):
    """What limits this shape most, and its milliseconds."""
    floors = row[f"{kind} floors"]
    name = max(floors, key=floors.get)
    return name, floors[name]


def _number(value, pattern="{:.2f}"):
    return "-" if value is None else pattern.format(value)


def _spread(found):
    if found is None:
        return "-"
    low, middle, high = found["quartiles"]
    digits = 3 if middle < 1 else 2 if middle < 100 else 1
    return f"{middle:.{digits}f} ({low:.{digits}f} - {high:.{digits}f})"


def progress(row, seconds):
    """One line about a finished shape."""
    parts = [f"{seconds:4.0f} s  {row['case']}, {row['precision']}:"]
    for kind in KINDS:
        ours = median(row, kind, "skgru")
        limit, floor = highest_floor(row, kind)
        share = None if ours is None else floor / ours
        parts.append(
            f"{kind} {_number(ours, '{:.3f}')} ms, torch / ours {_number(ratio(row, kind))}, "
            f"floor ({limit}) {_number(share, '{:.0%}')};"
        )
    parts += [f"no {name}: {reason};" for name, reason in row["left_out"].items()]
    return " ".join(parts)


def _table(rows, kind):
    header = ["batch, steps, inputs, hidden", "skgru, ms (quartiles)", "torch, ms (quartiles)"]
    header += ["torch / skgru", "floor, ms", "floor / skgru", "started in, ms: skgru", "torch"]
    lines = []
    for row in rows:
        ours, theirs = (row[kind].get(name) for name in ("skgru", "torch"))
        limit, floor = highest_floor(row, kind)
        host = [None if found is None else found["host"][1] for found in (ours, theirs)]
        lines.append(
            [row["case"], _spread(ours), _spread(theirs), _number(ratio(row, kind))]
            + [f"{floor:.3f} ({limit})"]
            + [_number(None if ours is None else floor / ours["quartiles"][1], "{:.0%}")]
            + [_number(value, "{:.3f}") for value in host]
        )
    return markdown_table(header, lines)


def _fit_table(fit):
    header = ["engine", "seconds (all runs)", "the first, with compilation", "final loss"]
    lines = []
    for name, seconds in fit["seconds"].items():
        runs = ", ".join(f"{value:.2f}" for value in sorted(seconds))
        text = f"{np.median(seconds):.2f}" + (f" ({runs})" if len(seconds) > 1 else "")
        first = _number(fit["first"].get(name))
        lines.append([name, text, first, f"{fit['loss'][name]:.4f}"])
    return markdown_table(header, lines)


def _notes(record):
    capability = ".".join(map(str, record["compute_capability"]))
    lines = [
        f"- {record['device']}, compute capability {capability}; {record['cpu']}, "
        f"{record['n_cores']} cores; Python {record['python']}."
    ]
    if "nvidia-smi" in record:
        lines.append(f"- {record['nvidia-smi']}.")
    lines.append("- " + ", ".join(f"{k} {v}" for k, v in record["versions"].items()) + ".")
    if record["without_torch"]:
        lines.append(f"- No peer: {record['without_torch']}.")
    reasons = {}
    for row in record["rows"]:
        for name, reason in row["left_out"].items():
            reasons.setdefault((name, row["precision"], reason), []).append(row["case"])
    for (name, precision, reason), cases in reasons.items():
        where = "; ".join(cases) if len(cases) <= 3 else f"{len(cases)} shapes"
        lines.append(f"- {name}, {precision}, {where}: {reason}.")
    if record["not_begun"]:
        lines.append(f"- Not begun for want of time: {'; '.join(record['not_begun'])}.")
    for error in record["errors"]:
        lines.append(f"- **Failed**: {error['case']}, {error['precision']}: {error['error']}.")
    return "\n".join(lines)


def _text(record):
    found = [
        "Times are those of device events, medians and quartiles, engines taking turns. *Floor* is "
        "the highest of three times that no engine can beat: what must be read and written at the "
        "rate of a large copy (*memory*), the products at the rate of a large one (*products*), "
        "and steps that wait for each other (*steps*). *Started in* is what the host takes to "
        "start the work of a call; where it comes near the time itself, the device waits for it.",
        "# What the device can do",
        "\n".join(f"- {line}" for line in tell(record["ceilings"])),
    ]
    for kind in KINDS:
        for precision in PRECISIONS:
            rows = [row for row in record["rows"] if row["precision"] == precision]
            if rows:
                found += [f"# {_TITLES[kind]}, {precision}", _table(rows, kind)]
    if record["fit"]:
        n, steps, features, epochs, hidden, batch = record["fit"]["shape"]
        found += [
            "# A whole fit",
            f"{n:,} sequences of {steps} steps and {features} features, {hidden} units, batches of "
            f"{batch}, {epochs} epochs of Adam. Torch's data lie on the device already; ours are "
            "checked and sent there first.",
            _fit_table(record["fit"]),
        ]
    found += ["# What was measured with what", _notes(record)]
    return "\n\n".join(found) + "\n"


def _plot(record, path):
    try:
        import matplotlib
    except ImportError:
        print("matplotlib is missing: no picture.")
        return
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    names = list(dict.fromkeys(row["case"] for row in record["rows"]))
    figure, axes = plt.subplots(
        2, 1, sharex=True, layout="constrained", figsize=(max(7, 1.5 + 0.35 * len(names)), 6.5)
    )
    for axis, kind in zip(axes, KINDS, strict=True):
        for i, precision in enumerate(PRECISIONS):
            rows = [row for row in record["rows"] if row["precision"] == precision]
            found = {row["case"]: ratio(row, kind) for row in rows}
            heights = [np.nan if found.get(name) is None else found[name] for name in names]
            x = np.arange(len(names)) + 0.27 * (i - 1)
            axis.bar(x, heights, 0.25, color=_COLOURS[precision], label=precision)
        axis.axhline(1, color="0.4", lw=0.8)
        axis.set_yscale("log", base=2)
        axis.yaxis.set_major_formatter("{x:g}")
        axis.grid(axis="y", alpha=0.3)
        axis.set_ylabel("torch / skgru")
        axis.set_title(_TITLES[kind], loc="left")
    axes[1].set_xticks(range(len(names)), names, rotation=50, ha="right", fontsize=7)
    axes[0].legend(ncols=3, frameon=False)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def write(record, out):
    """Write the tables and, with a peer, the picture."""
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(_text(record), encoding="utf-8")
    if any("torch" in row[kind] for row in record["rows"] for kind in KINDS):
        _plot(record, out.with_suffix(".png"))
