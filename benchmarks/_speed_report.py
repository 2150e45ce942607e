"""Tables and a picture of what the speed benchmark found."""

import numpy as np
from _runner import markdown_table
from _speed_cases import CASES
from peers import NAMES

KINDS = ("training", "inference")
SHAPE = "batch, steps, features, units"
BUSY = 0.03  # share of the cores that other processes may use before a run is not to be trusted
_BY_NAME = {case.name: case for case in CASES}


# -- numbers ---------------------------------------------------------------------------------------


def median(row, kind, engine):
    """Median milliseconds, or None."""
    found = row[kind].get(engine)
    return None if found is None else found["quartiles"][1]


def ratio(row, kind, engine):
    """How many times our median, or None."""
    theirs = median(row, kind, engine)
    return None if theirs is None else theirs / median(row, kind, "skgru")


def fastest(row, kind):
    """Name and ratio of the fastest peer, or None."""
    found = [(ratio(row, kind, name), name) for name in NAMES if name in row[kind]]
    if not found:
        return None
    best, name = min(found)
    return name, best


def share(row, kind, setting):
    """Rate of our matrix products, relative to that of a large sgemm; None in float64."""
    case = _BY_NAME[row["case"]]
    if case.dtype != "float32":
        return None
    flop = case.training_flop if kind == "training" else case.flop
    gflops = flop / (1e6 * median(row, kind, "skgru"))
    return gflops / float(np.median(setting["limit"]))


def ceiling(row, kind, setting):
    """The fastest peer's time / that of the products alone at the rate of sgemm, or None."""
    reached, best = share(row, kind, setting), fastest(row, kind)
    return None if reached is None or best is None else best[1] / reached


# -- text ------------------------------------------------------------------------------------------


def _number(value, pattern="{:.2f}"):
    return "-" if value is None else pattern.format(value)


def _spread(values, unit=""):
    low, middle, high = values
    digits = 3 if middle < 0.1 else 2 if middle < 100 else 1
    return f"{middle:.{digits}f}{unit} ({low:.{digits}f} - {high:.{digits}f})"


def _threads(setting):
    return "one thread" if setting["threads"] == 1 else f"{setting['threads']} threads"


def progress(row, threads):
    """One line about a finished case."""
    parts = [f"[{threads}] {row['case']}:"]
    for kind in KINDS:
        times = " ".join(f"{name} {ratio(row, kind, name):.2f}" for name in row[kind])
        parts.append(f"{kind} {median(row, kind, 'skgru'):.3f} ms, times that: {times};")
    others = max(row["others"].values())
    if others > BUSY:
        parts.append(f"SOMETHING ELSE used {others:.0%} of the cores, do not trust this")
    return " ".join(parts)


def _main_table(setting, kind):
    rows = setting["rows"]
    others = [name for name in NAMES if any(name in row[kind] for row in rows)]
    header = [SHAPE, "skgru, ms (quartiles)", *others, "fastest peer", "ceiling", "share of sgemm"]
    lines = []
    for row in rows:
        best = fastest(row, kind)
        line = [row["case"], _spread(row[kind]["skgru"]["quartiles"])]
        line += [_number(ratio(row, kind, name)) for name in others]
        line.append("-" if best is None else f"{best[1]:.2f} ({best[0]})")
        line.append(_number(ceiling(row, kind, setting)))
        line.append(_number(share(row, kind, setting), "{:.0%}"))
        lines.append(line)
    return markdown_table(header, lines)


def _thread_table(setting):
    header = [SHAPE, *KINDS]
    lines = [
        [row["case"], *(_number(ratio(row, kind, "skgru, one thread")) for kind in KINDS)]
        for row in setting["rows"]
    ]
    return markdown_table(header, lines)


def _shape_table(settings):
    """Hidden sizes that fit no vector, and long sequences."""
    header = [SHAPE, "threads", "compared with", *KINDS]
    lines = []
    for setting in settings:
        for row in setting["rows"]:
            case, found = _BY_NAME[row["case"]], None
            if case.kind == "odd":
                found = [1 / ratio(row, kind, "skgru, padded") for kind in KINDS]
                label = "units rounded up to whole vectors"
            elif case.kind == "long":
                short = case.short()
                factor = short.steps / case.steps
                found = [factor / ratio(row, kind, "skgru, short") for kind in KINDS]
                label = f"{short.name}, per step"
            if found:
                values = [f"{value:.2f}" for value in found]
                lines.append([row["case"], setting["threads"], label, *values])
    return markdown_table(header, lines)


def _fit_table(settings):
    header = [
        "threads",
        "epochs",
        "skgru, s (quartiles)",
        "skorch, s (quartiles)",
        "skorch / skgru",
    ]
    header += ["final loss, skgru", "skorch"]
    lines = []
    for setting in settings:
        fit = setting["fit"]
        if fit is None:
            continue
        ours, theirs = (
            np.percentile(fit["seconds"][name], [25, 50, 75]) for name in ("skgru", "skorch")
        )
        lines.append(
            [
                setting["threads"],
                fit["epochs"],
                _spread(ours),
                _spread(theirs),
                f"{theirs[1] / ours[1]:.1f}",
            ]
            + [f"{fit['loss'][name]:.4f}" for name in ("skgru", "skorch")]
        )
    return markdown_table(header, lines) if lines else "skorch is not installed."


def _compile_table(record):
    header = ["engine", "threads", "median, s", "longest, s", "all shapes, s"]
    lines = []
    for setting in record["settings"]:
        for name in ("skgru", *NAMES):
            found = [row["compile"][name] for row in setting["rows"] if name in row["compile"]]
            if found:
                values = [np.median(found), max(found), sum(found)]
                lines.append([name, setting["threads"], *(f"{value:.2f}" for value in values)])
    return markdown_table(header, lines)


def _notes(record):
    lines = [f"- {record['cpu']}, {record['n_cores']} cores; Python {record['python']}."]
    lines.append("- " + ", ".join(f"{k} {v}" for k, v in record["versions"].items()) + ".")
    absent = {n: r for setting in record["settings"] for n, r in setting["absent"].items()}
    lines += [f"- {name}: {reason}." for name, reason in absent.items()]
    reasons = {}
    for setting in record["settings"]:
        for row in setting["rows"]:
            for name, reason in row["left_out"].items():
                cases = reasons.setdefault((name, reason), [])
                if row["case"] not in cases:
                    cases.append(row["case"])
    for (name, reason), cases in reasons.items():
        where = "; ".join(cases) if len(cases) <= 3 else f"{len(cases)} shapes"
        lines.append(f"- {name}, {where}: {reason}.")
    for setting in record["settings"]:
        most = max(max(row["others"].values()) for row in setting["rows"])
        text = f"other processes used up to {most:.0%} of the cores"
        if most > BUSY:
            text += ", **so these times are less reliable than the others**"
        lines.append(f"- With {_threads(setting)}, {text}.")
    return "\n".join(lines)


def _text(record):
    settings = record["settings"]
    found = []
    for setting in settings:
        limit = setting["limit"]
        found.append(
            f"Rate of sgemm with {_threads(setting)}: {np.median(limit):.0f} GFLOP/s (median of "
            f"{len(limit)} measurements, {min(limit):.0f} to {max(limit):.0f})."
        )
    for kind in KINDS:
        for setting in settings:
            title = "Training step" if kind == "training" else "Inference"
            found += [f"# {title}, {_threads(setting)}", _main_table(setting, kind)]
    for setting in settings:
        if setting["threads"] > 1:
            found += [
                f"# One thread against {setting['threads']} threads",
                f"Time of skgru with one thread / with {setting['threads']}, medians.",
                _thread_table(setting),
            ]
    found += [
        "# Odd sizes and long sequences",
        "Time of skgru / its time at the shape named in the third column.",
        _shape_table(settings),
        "# A whole fit",
        "1,000 sequences of 50 steps and 8 features, 32 units, batches of 32, Adam.",
        _fit_table(settings),
        "# Compilation",
        "Seconds from the data to the first training step and the first inference of a shape, "
        "without imports. Only skgru stores compiled code on disk: its first shape takes "
        f"{record['first_run'][0]:.1f} s on a new machine and {record['first_run'][1]:.1f} s in "
        "every later process.",
        _compile_table(record),
        "# Machine and versions",
        _notes(record),
    ]
    return "\n\n".join(found) + "\n"


# -- picture ---------------------------------------------------------------------------------------


def _plot(record, path):
    try:
        import matplotlib
    except ImportError:
        print("matplotlib is missing: no picture.")
        return
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    settings = record["settings"]
    figure, axes = plt.subplots(
        len(settings), 1, squeeze=False, sharex=True, layout="constrained",
        figsize=(9, 1.4 + 2.6 * len(settings)),
    )  # fmt: skip
    for axis, setting in zip(axes[:, 0], settings, strict=True):
        _plot_setting(axis, setting)
    axes[-1, 0].set_xlabel(SHAPE)
    axes[0, 0].legend(ncols=3, loc="lower right", bbox_to_anchor=(1, 1), frameon=False)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _plot_setting(axis, setting):
    rows, x = setting["rows"], np.arange(len(setting["rows"]))
    for kind, offset, colour in (("training", -0.2, "tab:blue"), ("inference", 0.2, "tab:orange")):
        found = [fastest(row, kind) for row in rows]
        heights = [np.nan if value is None else value[1] for value in found]
        axis.bar(x + offset, heights, 0.38, color=colour, label=kind)
        # NaN where there is none.
        ceilings = np.array([ceiling(row, kind, setting) for row in rows], dtype=float)
        label = "ceiling: matrix products alone" if kind == "inference" else None
        axis.hlines(ceilings, x + offset - 0.19, x + offset + 0.19, "0.1", lw=2, label=label)
    axis.axhline(1, color="0.5", lw=0.8)
    axis.set_yscale("log", base=2)
    axis.yaxis.set_major_formatter("{x:g}")
    axis.grid(axis="y", alpha=0.3)
    names = [row["case"].replace(" ragged", "\nragged") for row in rows]
    names = [name.replace(" two bi", "\ntwo bi").replace(" float64", "\nfloat64") for name in names]
    axis.set_xticks(range(len(rows)), names, rotation=35, ha="right", fontsize=8)
    axis.set_ylabel("time of the fastest\nother engine / skgru")
    axis.set_title(_threads(setting), loc="left")


def write(record, out):
    """Write the tables and the picture."""
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(_text(record), encoding="utf-8")
    _plot(record, out.with_suffix(".png"))
