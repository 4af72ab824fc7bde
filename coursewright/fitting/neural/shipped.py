"""The neural learners that come with the package: a small GRU trained on the synthetic log.

`python -m coursewright.fitting.neural.shipped` trains it again and writes it into the shipped folder (the
card there is kept); another processor or build of torch may give slightly different numbers.
"""

import sys
from pathlib import Path

from coursewright.data.synthetic import synthetic_log
from coursewright.fitting.coded import Coded
from coursewright.fitting.neural.training import NeuralModel
from coursewright.simulators.folders import SHIPPED

MODEL = NeuralModel(
    hidden=16,
    width=16,
    epochs=60,
    patience=8,
    learning_rate=1e-2,
    dropout=0.2,
    item_dropout=0.1,
    decay=0.01,
    sessions=True,
)

if __name__ == "__main__":
    MODEL.fit(Coded.of(synthetic_log())).write(
        Path(sys.argv[1]) if len(sys.argv) > 1 else SHIPPED / "kes_synthetic"
    )
