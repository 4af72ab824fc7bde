"""EdNet-KT1: English test preparation with Santa (Choi et al. 2020, AIED, doi:10.1007/978-3-030-52240-7_13).

The sample that this reads is a folder with one tab-separated table (user_id, item_id, timestamp in unix
seconds, correct, skill_id) and `q_mat.npz`, a sparse matrix items x skills.  Every item has exactly one
skill in that matrix, and it is the row's `skill_id` (the original release lists several tags an item;
this sample counts each combination of tags as one skill).
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from coursewright.data.delimited import lacks
from coursewright.data.log import Into, LearnerLog, in_memory
from coursewright.errors import InputError

TABLE = "preprocessed_data_test.csv.gz"
COLUMNS = ("user_id", "item_id", "timestamp", "correct", "skill_id")
DAY_S = 86_400.0  # seconds
SOURCE = "EdNet-KT1 sample (Choi et al. 2020, EdNet: A Large-Scale Hierarchical Dataset in Education, AIED)"
LICENCE = "derived from CC BY-NC 4.0 data (EdNet, Riiid): name the source, no commercial use"
WHERE = "EdNet-KT1 is released by Riiid at github.com/riiid/ednet, CC BY-NC 4.0 (Choi et al. 2020)"


def read_ednet(path: str | Path, licence: str | None = LICENCE, into: Into = in_memory) -> LearnerLog:
    """Read the EdNet sample in the folder `path`; times in days since 1970-01-01 UTC.

    Rows stand in stable order of learner, time, file: question bundles share one timestamp and keep the
    file's order.  Rows without a whole entry are dropped and counted.  Raises `InputError` where the
    folder or a column is missing.
    """
    file = Path(path) / TABLE
    if not file.is_file():
        raise InputError(f"log.path = {path}: holds no {TABLE}; {WHERE}")
    try:
        rows = pd.read_csv(file, sep="\t")
    except (OSError, EOFError, ValueError) as error:
        raise InputError(f"log.path = {file}: cannot be read ({error})") from error
    missing = [name for name in COLUMNS if name not in rows]
    if missing:
        raise lacks(file, missing[0], list(map(str, rows)))
    whole = rows[list(COLUMNS)].dropna()
    dropped = {"a value is missing": len(rows) - len(whole)}
    return into([_as_log(whole)], SOURCE, licence, {why: n for why, n in dropped.items() if n})


def _as_log(rows: pd.DataFrame) -> pa.Table:
    skills = rows["skill_id"].astype(np.int64).astype(str)
    return pa.table(
        {
            "learner": pa.array(rows["user_id"].astype(np.int64).astype(str), pa.string()),
            "item": pa.array(rows["item_id"].astype(np.int64).astype(str), pa.string()),
            "skills": pa.ListArray.from_arrays(
                pa.array(np.arange(len(rows) + 1), pa.int32()), pa.array(skills, pa.string())
            ),
            "time": pa.array(rows["timestamp"].to_numpy(np.float64) / DAY_S),
            "correct": pa.array(rows["correct"].to_numpy(np.int64)),
        }
    )
