"""
Who is speaking? Deciding while the words are spoken
====================================================

In the :ref:`first example <sphx_glr_gallery_plot_japanese_vowels.py>` an utterance is classified
once it is complete. Here its frames arrive one by one, and after each of them the model classifies
the utterance so far.

``model.stream()`` keeps the state of the network between frames. A frame therefore always takes the
same few microseconds, however long the utterance is, and its prediction equals that of ``predict``
for the frames so far, to the last bit.
"""

# %%
# A model
# -------
# There are nine speakers, and utterances have 7 to 29 frames. A stream works with the poolings
# "last", "mean" and "max" and any combination of them (the default is all three). It does not work
# with attention or with a bidirectional model, which both need the end of a sequence to predict
# anything.

import matplotlib.pyplot as plt
import numpy as np

from skgru import GRUClassifier
from skgru.datasets import load_japanese_vowels

X_train, y_train = load_japanese_vowels(return_X_y=True, subset="train")
X_test, y_test = load_japanese_vowels(return_X_y=True, subset="test")

model = GRUClassifier(hidden_layer_sizes=32, max_iter=40, random_state=0)
model.fit(X_train, y_train)
print(f"test accuracy for whole utterances {model.score(X_test, y_test):.3f}")

# %%
# Frame by frame
# --------------
# ``push`` takes one frame and returns the result of the method named in ``stream`` for the frames
# so far.

stream = model.stream(method="predict_proba")


def listen(utterance):
    """Probabilities after each frame, (n_frames, n_speakers)."""
    stream.reset()
    return np.array([stream.push(frame) for frame in utterance])


evolving = [listen(utterance) for utterance in X_test]
whole = model.predict_proba(X_test)
print(
    "equal to predict_proba at the end:",
    all(np.array_equal(p[-1], q) for p, q in zip(evolving, whole, strict=True)),
)

# %%
# Three test utterances: one that is clear from the start, one that takes a while, and one for which
# the prediction changes most often. The upper row shows the coefficients that arrive, the lower row
# the probabilities of the nine speakers.

n_changes = np.array([np.count_nonzero(np.diff(p.argmax(axis=1))) for p in evolving])
settled = np.array([np.max(np.flatnonzero(p.max(axis=1) < 0.9), initial=-1) for p in evolving])
is_right = model.classes_[whole.argmax(axis=1)] == y_test
clear = np.flatnonzero(is_right & (settled < 2))[0]
late = np.argmax(np.where(is_right & (n_changes == 1), settled, -1))
wavering = np.argmax(n_changes)

fig, axes = plt.subplots(
    2, 3, figsize=(9, 4.6), sharex="col", sharey="row", layout="constrained", height_ratios=[1, 2]
)
for (top, bottom), i in zip(axes.T, (clear, late, wavering), strict=True):
    frames = np.arange(1, len(X_test[i]) + 1)
    top.plot(frames, X_test[i], linewidth=1, color="0.6")
    top.set_title(f"speaker {y_test[i]}")
    for k, speaker in enumerate(model.classes_):
        bottom.plot(frames, evolving[i][:, k], color=f"C{k}", label=f"{speaker}")
    bottom.set(xlabel="frames heard", ylim=(-0.03, 1.03))
axes[0, 0].set_ylabel("coefficients")
axes[1, 0].set_ylabel("probability")
fig.legend(*axes[1, 0].get_legend_handles_labels(), loc="outside right center", title="speaker")
plt.show()

# %%
# How much has to be heard?
# -------------------------
# A stream can follow several sequences at once, one frame of each per call. All 370 test utterances
# have at least seven frames; seven calls process the first seven frames of all of them.

n_first = min(len(utterance) for utterance in X_test)
together = model.stream(len(X_test))
accuracy = []
for t in range(n_first):
    speakers = together.push([utterance[t] for utterance in X_test])
    accuracy.append(np.mean(speakers == y_test))
print("accuracy after 1, 2, ... frames:", np.round(accuracy, 3))

# %%
# An utterance has 15 frames on average, but not all of them are always needed. We can stop as soon
# as one speaker is more probable than a threshold: with a higher threshold, decisions are later and
# better.

frames_heard, share_right = [], []
for threshold in (0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99):
    sure = [p.max(axis=1) > threshold for p in evolving]
    stop = [np.argmax(s) if s.any() else len(s) - 1 for s in sure]
    decided = [model.classes_[p[t].argmax()] for p, t in zip(evolving, stop, strict=True)]
    frames_heard.append(np.mean(stop) + 1)
    share_right.append(np.mean(decided == y_test))

fig, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
ax.plot(
    np.arange(1, n_first + 1), accuracy, "o-", color="tab:gray", label="the same number for all"
)
ax.plot(frames_heard, share_right, "o-", color="tab:blue", label="until the model is sure")
ax.axhline(np.mean(is_right), color="black", linewidth=0.8, linestyle="--", label="all frames")
ax.set(xlabel="frames heard, on average", ylabel="test accuracy")
ax.legend()
plt.show()
