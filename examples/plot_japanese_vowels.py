"""
Who is speaking? Classifying sequences of different lengths
===========================================================

Nine men say the vowels /ae/ one after the other. Each utterance is cut into frames, and each frame
is described by 12 LPC cepstrum coefficients: a sequence of 7 to 29 steps with 12 features. The task
is to recognise the speaker of an utterance.

The sequences are passed to :class:`skgru.GRUClassifier` as a list of arrays. Nothing is padded or
cut to a common length.
"""

# %%
# The data
# --------
# ``X_train`` is a list of arrays of shape (length, 12).

import matplotlib.pyplot as plt
import numpy as np

from skgru import GRUClassifier
from skgru.datasets import load_japanese_vowels

X_train, y_train = load_japanese_vowels(return_X_y=True, subset="train")
X_test, y_test = load_japanese_vowels(return_X_y=True, subset="test")

lengths = [len(x) for x in X_train]
print(f"{len(X_train)} training and {len(X_test)} test utterances")
print(f"lengths {min(lengths)} to {max(lengths)}, {X_train[0].shape[1]} features")

# %%
# One utterance of each of three speakers, with all twelve coefficients:

speakers = np.unique(y_train)
fig, axes = plt.subplots(1, 3, figsize=(9, 2.8), sharey=True, layout="constrained")
for ax, speaker in zip(axes, speakers[:3], strict=True):
    first = np.flatnonzero(np.asarray(y_train) == speaker)[0]
    ax.plot(X_train[first], linewidth=1)
    ax.set(title=f"speaker {speaker}", xlabel="step")
axes[0].set_ylabel("coefficient")
plt.show()

# %%
# Training
# --------
# A tenth of the training part is held out to decide when to stop. The weights with the best score
# on it are kept: with the highest accuracy here, with the lowest loss by default.

model = GRUClassifier(
    hidden_layer_sizes=64,
    pooling=("last", "mean", "max"),
    early_stopping=True,
    scoring="accuracy",
    n_iter_no_change=15,
    max_iter=80,
    random_state=0,
)
model.fit(X_train, y_train)
print(f"{model.n_iter_} epochs, test accuracy {model.score(X_test, y_test):.3f}")

# %%
# The loss on the training part and the score on the held-out part, epoch by epoch:

fig, ax = plt.subplots(figsize=(7, 3.2), layout="constrained")
ax.plot(model.loss_curve_, color="tab:blue")
ax.set(xlabel="epoch", yscale="log")
ax.set_ylabel("training loss", color="tab:blue")
right = ax.twinx()
right.plot(model.validation_scores_, color="tab:orange")
right.set_ylabel("validation accuracy", color="tab:orange")
plt.show()

# %%
# Which speakers are confused?
# ----------------------------

from sklearn.metrics import ConfusionMatrixDisplay

fig, ax = plt.subplots(figsize=(5, 5), layout="constrained")
ConfusionMatrixDisplay.from_estimator(model, X_test, y_test, ax=ax, cmap="Blues", colorbar=False)
ax.set_title("Japanese vowels, held-out utterances")
plt.show()
