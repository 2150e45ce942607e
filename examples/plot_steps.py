"""
Who speaks when? A label for every step
=======================================

In the :ref:`first example <sphx_glr_gallery_plot_japanese_vowels.py>` an utterance has one label,
its speaker. Here several speakers talk in turn, nothing marks where one ends and the next one
begins, and the task is to name the speaker of every frame.

:class:`skgru.GRUStepClassifier` learns from sequences whose ``y`` has a label for each step. A
bidirectional model has read the whole conversation before it labels a frame; a model that reads
forwards alone can label a conversation while it goes on.
"""

# %%
# Conversations
# -------------
# Utterances of the nine speakers are put one after the other. ``X`` is a list of arrays of shape
# (length, 12), and ``y`` a list with one array of shape (length,) for each of them. Training
# conversations consist of training utterances and test conversations of test utterances.

import matplotlib.pyplot as plt
import numpy as np

from skgru import GRUStepClassifier
from skgru.datasets import load_japanese_vowels


def converse(subset, n_conversations, n_turns, random_state):
    """Conversations of random utterances, and the speaker of every frame."""
    utterances, speakers = load_japanese_vowels(return_X_y=True, subset=subset)
    rng = np.random.default_rng(random_state)
    X, y = [], []
    for _ in range(n_conversations):
        turns = rng.choice(len(utterances), n_turns, replace=False)
        X.append(np.concatenate([utterances[i] for i in turns]))
        y.append(np.concatenate([np.full(len(utterances[i]), speakers[i]) for i in turns]))
    return X, y


X_train, y_train = converse("train", 300, 8, random_state=0)
X_test, y_test = converse("test", 60, 8, random_state=1)
print(
    f"{len(X_train)} conversations of {min(map(len, X_train))} to {max(map(len, X_train))} frames"
)

# %%
# Two models
# ----------
# ``score`` is the accuracy over all frames.

models = {
    name: GRUStepClassifier(
        hidden_layer_sizes=48, bidirectional=bidirectional, max_iter=20, random_state=0
    ).fit(X_train, y_train)
    for name, bidirectional in [("forwards", False), ("in both directions", True)]
}
for name, model in models.items():
    print(f"{name:<20} {model.score(X_test, y_test):.3f}")

# %%
# For a list of sequences, ``predict`` returns an array of objects, one array of labels for each
# sequence. Here is the test conversation on which the two models differ most: the coefficients, the
# true speaker of every frame, and what each model says. Without knowing what comes, a model has to
# hear some frames of a new speaker before it can tell who it is.

predicted = {name: model.predict(X_test) for name, model in models.items()}
correct = {
    name: [p == t for p, t in zip(labels, y_test, strict=True)]
    for name, labels in predicted.items()
}
gain = [
    np.mean(both) - np.mean(forwards)
    for forwards, both in zip(correct["forwards"], correct["in both directions"], strict=True)
]
chosen = int(np.argmax(gain))

fig, (top, bottom) = plt.subplots(
    2, 1, figsize=(9, 4.2), sharex=True, layout="constrained", height_ratios=[1, 1.2]
)
top.plot(X_test[chosen], linewidth=1, color="0.6")
top.set_ylabel("coefficients")
rows = [y_test[chosen], *(labels[chosen] for labels in predicted.values())]
image = bottom.imshow(
    np.array(rows), aspect="auto", interpolation="nearest", cmap="tab10", vmin=0.5, vmax=10.5
)
bottom.set_yticks(range(len(rows)), ["true speaker", *predicted])
bottom.set_xlabel("frame")
for border in np.flatnonzero(np.diff(y_test[chosen])) + 0.5:
    for ax in (top, bottom):
        ax.axvline(border, color="black", linewidth=0.6)
handles = [plt.Rectangle((0, 0), 1, 1, color=image.cmap(image.norm(k))) for k in range(1, 10)]
fig.legend(handles, range(1, 10), loc="outside right center", title="speaker")
plt.show()

# %%
# How long does it take to notice a new speaker?
# ----------------------------------------------
# The share of correct frames by their place in a turn:


def frames_since_change(labels):
    """For each frame, how many frames of the same speaker came right before it."""
    starts = np.flatnonzero(np.diff(labels, prepend=-1))
    return np.arange(len(labels)) - np.repeat(starts, np.diff(starts, append=len(labels)))


place = np.concatenate([frames_since_change(labels) for labels in y_test])
fig, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
for name in models:
    hits = np.concatenate(correct[name])
    ax.plot([hits[place == k].mean() for k in range(15)], "o-", label=name)
ax.set(xlabel="frames since the speaker changed", ylabel="share of correct frames")
ax.legend()
plt.show()

# %%
# While it goes on
# ----------------
# The model that reads forwards can be run step by step. ``push`` takes a frame and returns its
# label, which equals that of ``predict`` for the whole conversation.

stream = models["forwards"].stream()
live = np.array([stream.push(frame) for frame in X_test[chosen]])
print("equal to predict:", np.array_equal(live, predicted["forwards"][chosen]))
