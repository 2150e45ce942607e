"""
How many taxi rides in the next half hour?
==========================================

The number of taxi passengers in New York City was counted every 30 minutes over seven months. The
task is to predict the next count from the counts of one day.

The counts are passed to :class:`skgru.GRURegressor` as they are, up to tens of thousands: the
estimator standardises them itself.
"""

# %%
# The data
# --------
# Each row of ``X`` is a window of consecutive counts, oldest first; ``y`` is the count that
# follows. The test part lies after the training part in time.

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import mean_absolute_error, r2_score

from skgru import GRURegressor
from skgru.datasets import load_nyc_taxi

X_train, y_train = load_nyc_taxi(return_X_y=True, subset="train")
test = load_nyc_taxi(subset="test")
X_test, y_test = test.data, test.target
print(f"train {X_train.shape}, test {X_test.shape}")

# %%
# A baseline
# ----------
# Counts change slowly, so "the same as half an hour ago" is a reasonable guess.

persistence = X_test[:, -1]

# %%
# Training
# --------
# Fifteen epochs are enough, with the defaults for everything else. The most recent windows resemble
# the test part most, so none of them is held out to decide when to stop: that would make the error
# larger.

model = GRURegressor(max_iter=15, random_state=0)
model.fit(X_train, y_train)
forecast = model.predict(X_test)

for name, prediction in [("half an hour ago", persistence), ("GRURegressor", forecast)]:
    mae = mean_absolute_error(y_test, prediction)
    print(f"{name:18s} MAE {mae:6.0f} passengers, R2 {r2_score(y_test, prediction):.3f}")

# %%
# One week of the test part. The baseline lags by one step, which shows most in the morning rise.

week = slice(0, 7 * 48)
when = test.target_timestamps[week]
fig, (top, bottom) = plt.subplots(
    2, 1, figsize=(9, 5), sharex=True, layout="constrained", height_ratios=[2, 1]
)
top.plot(when, y_test[week], color="black", linewidth=1, label="counted")
top.plot(when, forecast[week], color="tab:blue", linewidth=1, label="GRURegressor")
top.set_ylabel("passengers in 30 minutes")
top.legend(loc="upper right", ncols=2)
bottom.plot(
    when,
    np.abs(persistence - y_test)[week],
    color="tab:orange",
    linewidth=1,
    label="half an hour ago",
)
bottom.plot(
    when, np.abs(forecast - y_test)[week], color="tab:blue", linewidth=1, label="GRURegressor"
)
bottom.set_ylabel("absolute error")
bottom.xaxis.set_major_formatter(mdates.DateFormatter("%a %d %b"))
bottom.legend(loc="upper right", ncols=2)
plt.show()

# %%
# How large are the errors over the whole test part? Each point is half an hour; on the diagonal the
# forecast is perfect.

fig, axes = plt.subplots(1, 2, figsize=(8, 4), sharex=True, sharey=True, layout="constrained")
for ax, (title, prediction) in zip(
    axes, [("half an hour ago", persistence), ("GRURegressor", forecast)], strict=True
):
    ax.scatter(y_test, prediction, s=2, alpha=0.4)
    ax.axline((0, 0), slope=1, color="black", linewidth=0.8)
    ax.set(title=title, xlabel="counted")
axes[0].set_ylabel("predicted")
plt.show()
