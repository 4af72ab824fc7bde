"""The Anki reader: both forms on made-up reviews and, where at hand, one person's real reviews."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from coursewright.data.readers.anki import read_anki
from coursewright.errors import InputError
from places import DATA

ANKI = DATA / "anki"
here = pytest.mark.skipif(not ANKI.is_dir(), reason=f"the Anki sample is not at {ANKI}")

TIMED = """card_id,review_rating,review_time,review_duration
c1,3,2020-01-02T00:00:00.000000+00:00,6000
c1,1,2020-01-01T12:00:00.000000+00:00,60000
c2,2,2020-01-01T13:00:00.000000+01:00,
c2,0,2020-01-05T12:00:00.000000+00:00,0
c2,4,,100
,4,2020-01-05T12:00:00.000000+00:00,100
"""


def file(path, text, name="reviews.csv"):
    (path / name).write_text(text)
    return path / name


def test_reviews_with_times(tmp_path):
    log = read_anki(file(tmp_path, TIMED))
    assert log.table["item"].to_pylist() == ["c1", "c2", "c1"]
    assert log.table["skills"].to_pylist() == [["c1"], ["c2"], ["c1"]]
    assert log.table["time"].to_pylist() == [18262.5, 18262.5, 18263.0]
    assert log.table["correct"].to_pylist() == [0, 1, 1]
    assert log.table["grade"].to_pylist() == pytest.approx([0.0, 1 / 3, 2 / 3])
    assert log.table["minutes"].to_pylist() == [1.0, None, 0.1]
    assert log.table["learner"].to_pylist() == ["1"] * 3
    assert log.reordered == 1
    assert log.dropped == {"no card": 1, "no time": 1, "rating outside 1 to 4": 1}


def test_milliseconds_learners_and_decks(tmp_path):
    text = "user_id,card_id,deck_id,review_rating,review_time,review_duration\n"
    log = read_anki(
        file(tmp_path, f"{text}u,c,d,4,1577880000000,0\nv,c,d,4,1577880000000,0\n"), skill="deck_id"
    )
    assert log.table["time"].to_pylist() == [18262.5] * 2
    assert log.table["learner"].to_pylist() == ["u", "v"]
    assert log.table["skills"].to_pylist() == [["d"]] * 2
    assert log.table["grade"].to_pylist() == [1.0] * 2


def test_a_folder_of_learners_without_times(tmp_path):
    reviews = {
        "card_id": [1, 2, 1, 3, 1],
        "day_offset": [5, 5, 6, 6, 8],
        "rating": [1, 3, 3, 2, 4],
        "state": [0, 0, 1, 0, 2],
        "duration": [60_000, 30_000, 0, 0, 0],
        "elapsed_days": [-1, -1, 1, -1, 2],
        "elapsed_seconds": [-1, -1, 129_600, -1, 86_400],
    }
    for learner in ("7", "12"):
        folder = tmp_path / f"user_id={learner}"
        folder.mkdir()
        pq.write_table(pa.table(reviews), folder / "data.parquet")
    log = read_anki(tmp_path)
    assert log.table["learner"].to_pylist() == ["7"] * 5 + ["12"] * 5
    # Card 1: 1.5 days, then 1 day; card 2 right after it; card 3 when the row before it happened.
    assert log.table["time"].to_pylist() == [5.0, 5.0, 6.5, 6.5, 7.5] * 2
    assert log.table["item"].to_pylist()[:5] == ["1", "2", "1", "3", "1"]
    assert log.table["minutes"].to_pylist()[:2] == [1.0, 0.5]


def test_rows_sorted_by_card_are_added_up_in_the_order_of_review(tmp_path):
    text = """card_id,review_th,elapsed_days,elapsed_seconds,duration,state,rating
a,1,-1,-1,100,0,3
a,3,1,86400,100,1,3
b,2,-1,-1,100,0,1
c,4,-1,-1,100,0,1
"""
    log = read_anki(file(tmp_path, text), learner="me")
    assert log.table["item"].to_pylist() == ["a", "b", "a", "c"]
    assert log.table["time"].to_pylist() == [0.0, 0.0, 1.0, 1.0]
    assert log.table["learner"].to_pylist() == ["me"] * 4


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (("review_duration", "length"), ["lacks the column 'review_duration'"]),
        (("review_rating", "card_id"), ["lacks the column 'review_rating'", "log=mapped"]),
        (("c1,3", "c1,good"), ["log.rating", "'good'", "a number"]),
        (
            ("2020-01-02T00:00:00.000000+00:00", "1960-01-02"),
            ["log.review_time = '1960-01-02'", "from 1970"],
        ),
        (("2020-01-02T00:00:00.000000+00:00", "NaT-1"), ["log.review_time", "NaT-1"]),
        ((",6000", ",-6000"), ["log.minutes", "-0.1"]),
    ],
)
def test_each_fault_gets_one_line(tmp_path, change, parts):
    with pytest.raises(InputError) as caught:
        read_anki(file(tmp_path, TIMED.replace(*change)))
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="holds no review log"):
        read_anki(tmp_path)
    (tmp_path / "x.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(InputError, match="cannot be read"):
        read_anki(tmp_path)
    with pytest.raises(InputError, match="no such file"):
        read_anki(tmp_path / "absent.parquet")


@here
def test_the_sample_is_whole():
    (path,) = ANKI.glob("*.csv.gz")
    log = read_anki(path)
    assert (log.table.num_rows, log.n_learners) == (12_580, 1)
    assert not log.dropped
    grade = [round(3 * value) + 1 for value in log.table["grade"].to_pylist()]
    assert [grade.count(rating) for rating in (1, 2, 3, 4)] == [3_676, 1, 8_903, 0]
    assert max(log.table["minutes"].to_pylist()) == 1.0


def test_days_begin_at_four_on_the_clocks_of_the_learner(tmp_path):
    # 03:30 and 04:30 in Berlin lie on two of Anki's days; in summer its clocks are two hours ahead
    moments = [
        "2024-01-02T02:30",
        "2024-01-02T03:30",
        "2024-01-03T02:59",
        "2024-07-02T01:59",
        "2024-07-02T02:00",
    ]
    text = "card_id,review_rating,review_time,review_duration\n"
    text += "".join(f"c,3,{moment}:00+00:00,1000\n" for moment in moments)
    (tmp_path / "log.csv").write_text(text)
    time = read_anki(tmp_path / "log.csv", zone="Europe/Berlin").table["time"].to_pylist()
    first = 19_723  # 2024-01-01
    assert [int(t + 1e-9) - first for t in time] == [0, 1, 1, 182, 183]
    assert time[1] - time[0] == pytest.approx(1 / 24)
    with pytest.raises(InputError, match=r"log\.zone = 'Mars': must be a time zone"):
        read_anki(tmp_path / "log.csv", zone="Mars")
    with pytest.raises(InputError, match=r"log\.rollover = 25"):
        read_anki(tmp_path / "log.csv", zone="UTC", rollover=25)


def test_a_folder_of_text_files_is_read_too(tmp_path):
    for name, card in (("b.csv", 2), ("a.csv", 1)):
        text = f"card_id,rating,elapsed_seconds,duration,day_offset\n{card},3,-1,1000,0\n"
        (tmp_path / name).write_text(text)
    (tmp_path / "notes.txt").write_text("not a log")
    assert read_anki(tmp_path).table["item"].to_pylist() == ["1", "2"]
