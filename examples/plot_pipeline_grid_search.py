"""
Choosing pooling and size with a grid search
============================================

The estimators of skgru are scikit-learn estimators, so a grid search works on a Pipeline with one
of them, also for sequences of different lengths. Here we search for the pooling (how the states of
a sequence become one vector), for the number of units, and for one direction or both.
"""

# %%
# A Pipeline over ragged sequences
# --------------------------------
# :class:`skgru.SequenceScaler` takes the same input as the estimators. Inside a Pipeline it learns
# its means and scales from the training part of each fold only. (The estimators standardise their
# input in any case; a scaler in the Pipeline makes the step visible and replaceable.)

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from skgru import GRUClassifier, SequenceScaler
from skgru.datasets import load_japanese_vowels

X_train, y_train = load_japanese_vowels(return_X_y=True, subset="train")
X_test, y_test = load_japanese_vowels(return_X_y=True, subset="test")

pipeline = Pipeline(
    [("scale", SequenceScaler()), ("gru", GRUClassifier(max_iter=15, random_state=0))]
)
pipeline

# %%
# The search
# ----------

poolings = ["last", "mean", "max", ("last", "mean", "max")]
sizes = [8, 16, 32]
search = GridSearchCV(
    pipeline,
    {
        "gru__bidirectional": [False, True],
        "gru__pooling": poolings,
        "gru__hidden_layer_sizes": sizes,
    },
    cv=3,
)
search.fit(X_train, y_train)
print(f"best by cross-validation: {search.best_params_}")
print(f"its accuracy there: {search.best_score_:.3f}")
print(f"on the test part: {search.score(X_test, y_test):.3f}")

# %%
# The whole grid
# --------------

results = search.cv_results_
accuracy = {}
for params, score in zip(results["params"], results["mean_test_score"], strict=True):
    both_ways, pooling = params["gru__bidirectional"], params["gru__pooling"]
    accuracy[both_ways, pooling, params["gru__hidden_layer_sizes"]] = score

lowest, highest = min(accuracy.values()), max(accuracy.values())
fig, axes = plt.subplots(1, 2, figsize=(8.5, 4), sharey=True, layout="constrained")
for ax, both_ways in zip(axes, [False, True], strict=True):
    grid = np.array(
        [[accuracy[both_ways, pooling, size] for size in sizes] for pooling in poolings]
    )
    image = ax.imshow(grid, vmin=lowest, vmax=highest, cmap="viridis")
    for (i, j), value in np.ndenumerate(grid):
        dark = value < (lowest + highest) / 2
        ax.text(j, i, f"{value:.2f}", ha="center", va="center", color="white" if dark else "black")
    ax.set_xticks(range(len(sizes)), sizes)
    names = [pooling if isinstance(pooling, str) else "all three" for pooling in poolings]
    ax.set_yticks(range(len(poolings)), names)
    ax.set(title="both directions" if both_ways else "one direction", xlabel="hidden_layer_sizes")
axes[0].set_ylabel("pooling")
fig.colorbar(image, ax=axes, label="accuracy, 3-fold cross-validation")
plt.show()
