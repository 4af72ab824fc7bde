"""The trained agent of the card: its cards are those of the benchmark, and the price decides its choice."""

import numpy as np
import pytest

from coursewright.agents.learning.weights import write_tree
from coursewright.errors import InputError
from coursewright.evaluation.card import __main__ as command
from coursewright.evaluation.card import train as trainer
from coursewright.evaluation.card.card import Card, Score, learn, score, unlearned
from coursewright.evaluation.card.exact import RETENTIONS, optimum
from coursewright.evaluation.card.frontier import BASE, BEST, Frontier, Point
from coursewright.evaluation.card.lead import TRAINED, ends_of, lead_of, time_lead
from coursewright.evaluation.card.lives import Lives, drawn_weights, held_out, unit
from coursewright.evaluation.card.priced import FORMAT, Priced
from coursewright.evaluation.card.schedules import FixedRetention
from coursewright.evaluation.card.shown import WIDTH, show
from coursewright.evaluation.card.training import CardPpo, returns, tuned_retention
from coursewright.simulators.luck import Seeds, Split, identify
from coursewright.simulators.memory.fsrs import HIGHEST, LOWEST, RIGHT_GRADES, WEIGHTS, recall

SMALL = Card(60)
PRICE_COLUMN = 4


def lives(card=SMALL, cards=200, price=None, published=1.0):
    found = Lives(card, cards, 0, published)
    found.begin(np.arange(cards))
    if price is not None:
        found.price[:] = price
    return found


def first_lives(card, cards, price, retention):
    """J of each card's first life, under a fixed retention, on the cards of `score`."""
    met = lives(card, cards, price)
    number = np.arange(cards)
    met.fate[:] = identify(Seeds(), number, Split.EVALUATE, np.zeros_like(number)).fate
    met.minutes[:] = 0.0
    learn(number, met.fate, met.weights, card.costs, met.state, met.minutes)
    worth, going = 1.0 - price * met.minutes / card.days, np.ones(cards, bool)
    while going.any():
        met.price[:] = price  # those that begin anew have another
        _, reward, over = met.step(np.full(cards, retention))
        worth += np.where(going, reward / unit(np.full(cards, price)), 0.0)
        going &= ~over
    return worth


# The cards


@pytest.mark.parametrize("weights", [WEIGHTS, held_out(2, WEIGHTS)[1]])
@pytest.mark.parametrize("price", [0.0, 3.0, 200.0])
def test_rewards_add_up_to_recall_minus_price_times_minutes(price, weights):
    card = Card(60, weights)
    found = score(card, FixedRetention(0.85, weights), 300)
    assert first_lives(card, 300, price, 0.85).mean() == pytest.approx(found.recall - price * found.minutes)


def test_a_card_that_is_over_begins_anew_at_another_price():
    met = lives(cards=50)
    before = met.price.copy()
    over = np.zeros(50, bool)
    while not over.all():
        over |= met.step(np.full(50, 0.5)).over
    assert (met.price != before).all()
    assert (met.price >= 0).all()
    assert (met.price <= 1024).all()
    assert (met.state.left > 0).all()


def test_prices_are_drawn_evenly_in_their_logarithm():
    logs = np.log1p(lives(cards=20_000).price) / np.log(1025)
    assert logs.mean() == pytest.approx(0.5, abs=0.01)
    assert logs.std() == pytest.approx(np.sqrt(1 / 12), abs=0.01)


def test_training_cards_of_two_seeds_and_of_the_evaluation_are_others():
    one, two = Lives(SMALL, 100, 0, 1.0), Lives(SMALL, 100, 1, 1.0)
    for met in (one, two):
        met.begin(np.arange(100))
    number = np.arange(100)
    scored = identify(Seeds(), number, Split.EVALUATE, np.zeros_like(number)).fate
    assert len({*one.fate.tolist(), *two.fate.tolist(), *scored.tolist()}) == 300


def test_drawn_weights_are_spread_as_said_and_within_bounds():
    number = np.arange(20_000)
    key = identify(Seeds(), number, Split.TUNE, np.zeros_like(number)).learner
    w = drawn_weights(key, WEIGHTS)
    assert (w >= np.array(LOWEST)).all()
    assert (w <= np.array(HIGHEST)).all()
    logs = np.log(w / np.array(WEIGHTS))
    assert logs[:, 0].std() == pytest.approx(1.0, abs=0.02)
    assert logs[:, 8].std() == pytest.approx(0.15, abs=0.005)
    assert abs(np.corrcoef(logs[:, 0], logs[:, 1])[0, 1]) < 0.03
    assert np.quantile(w[:, 20], [0.5, 1.0]) == pytest.approx([0.33, 0.6], abs=0.01)
    assert np.mean(w[:, 20] == 0.1) == pytest.approx(0.04 / 0.54, abs=0.01)
    assert len({*held_out(32, WEIGHTS)}) == 32


def test_some_cards_have_the_published_weights():
    met = lives(cards=2000, published=0.3)
    own = (met.weights == np.array(WEIGHTS)).all(axis=1)
    assert own.mean() == pytest.approx(0.3, abs=0.04)
    assert met.state.stability[own][0] in WEIGHTS[:4]


# Luck taken out of rewards


def same_state(cards=400, price=20.0):
    """Cards in one state with fates of their own."""
    met = lives(Card(), cards, price)
    met.state.stability[:], met.state.difficulty[:], met.state.left[:] = 20.0, 5.0, 900
    return met


def test_luck_taken_out_leaves_what_was_chosen():
    """The reward and a critic's word of the next state are one number, the mean, for any critic."""

    def critic(seen):
        return 0.3 * seen.sum(axis=1).astype(np.float64) - 2.0

    n, wait = 20_000, 0.9
    met, plain = same_state(n), same_state(n)
    seen, reward, _ = met.step(np.full(n, wait), critic)
    _, raw, _ = plain.step(np.full(n, wait))
    whole = reward + critic(seen)
    assert whole.std() < 1e-5
    assert (raw + critic(seen)).std() > 0.1
    assert (met.state.grade == plain.state.grade).all()
    parts = raw + critic(seen)
    assert whole.mean() == pytest.approx(parts.mean(), abs=4 * parts.std() / np.sqrt(n))


def test_without_a_critic_s_word_the_price_of_luck_alone_goes():
    met, card, w = same_state(price=20.0), Card(), np.array(WEIGHTS)
    _, reward, _ = met.step(np.full(400, 0.9), lambda seen: np.zeros(len(seen)))
    gap = 20  # S
    right = recall(gap, 20.0, w)
    chance = np.array([1 - right, *(right * np.array(RIGHT_GRADES))])
    forgotten = sum(1 - recall(d, 20.0, w) for d in range(1, gap + 1))
    expected = -(forgotten + 20.0 * chance @ card.costs.review) / card.days * unit(np.array(20.0))
    assert reward == pytest.approx(np.full(400, expected))


def test_no_luck_is_taken_out_where_no_review_takes_place():
    met = same_state()
    met.state.left[:] = 5
    _, reward, over = met.step(np.full(400, 0.9), lambda seen: np.full(len(seen), 1e6))
    forgotten = sum(1 - recall(d, 20.0, np.array(WEIGHTS)) for d in range(1, 6))
    assert over.all()
    assert reward == pytest.approx(np.full(400, -forgotten / 1825 * 100 / np.sqrt(21.0)))


# The view


def test_the_view_is_of_the_state_alone_and_finite():
    cards = 300
    met = lives(Card(), cards, published=0.0)
    for _ in range(5):
        seen = met.step(np.full(cards, 0.9)).seen
    assert seen.shape == (cards, WIDTH)
    assert np.isfinite(seen).all()
    assert np.abs(seen).max() < 8.0
    again = np.empty_like(seen)
    state = met.state._replace(grade=np.ones(cards, np.int64), elapsed=np.zeros(cards))
    show(state, met.weights, met.price, 1825, again)
    assert (again == seen).all()
    dear = np.empty_like(seen)
    show(state, met.weights, met.price + 5.0, 1825, dear)
    assert {int(column) for column in np.argwhere((dear != seen).any(axis=0))[:, 0]} == {PRICE_COLUMN}


# The policy


def by_price(days=1825):
    """A network without hidden layers: the higher the price, the lower the retention."""
    weights, biases = np.zeros((len(RETENTIONS), WIDTH)), np.zeros(len(RETENTIONS))
    weights[0, PRICE_COLUMN], weights[-1, PRICE_COLUMN] = 1.0, -1.0
    return Priced(((weights, biases),), days)


def test_the_price_changes_the_choice():
    cards = unlearned(3, 1825)._replace(stability=np.full(3, 5.0), difficulty=np.full(3, 5.0))
    cheap, dear = by_price().at(0), by_price().at(1024)
    assert (cheap.retentions(cards) == 0.98).all()
    assert (dear.retentions(cards) == 0.5).all()
    for schedule, retention in ((cheap, 0.98), (dear, 0.5)):
        assert (schedule.intervals(cards, ()) == FixedRetention(retention).intervals(cards, ())).all()
        assert score(Card(), schedule, 200) == score(Card(), FixedRetention(retention), 200)


def test_a_policy_with_hidden_layers_is_its_formula():
    rng = np.random.default_rng(0)
    shapes = [(WIDTH, 6), (6, len(RETENTIONS))]
    layers = tuple((rng.normal(size=(n, m)), rng.normal(size=n)) for m, n in shapes)
    seen = rng.normal(size=(4, WIDTH)).astype(np.float32)
    (a, b), (c, d) = layers
    expected = [c @ np.maximum(a @ row + b, 0.0) + d for row in seen.astype(np.float64)]
    assert Priced(layers).scores(seen) == pytest.approx(np.array(expected))


def test_a_file_of_data_alone(tmp_path):
    policy = CardPpo(days=60, steps=64, cards=16, n_steps=4, batch_size=32, layers=(8,), imitate=False)(3)
    policy.save(tmp_path / "a.npz")
    read = Priced.load(tmp_path / "a.npz")
    seen = np.random.default_rng(0).normal(size=(5, WIDTH)).astype(np.float32)
    assert (read.scores(seen) == policy.scores(seen)).all()
    assert (read.days, read.told["seed"], read.told["layers"]) == (60, 3, (8,))
    with np.load(tmp_path / "a.npz", allow_pickle=False) as stored:
        assert "tree" in stored.files


@pytest.mark.parametrize("fault", ["narrow", "nan", "short", "text"])
def test_a_file_of_another_thing_is_refused(tmp_path, fault):
    (weights, biases), path = by_price().layers[0], tmp_path / "a.npz"
    layers = {
        "narrow": [[weights[:, 1:], biases]],
        "nan": [[weights * np.nan, biases]],
        "short": [[weights[1:], biases[1:]]],
        "text": "none",
    }[fault]
    write_tree(path, {"days": 60, "told": None, "layers": layers}, FORMAT)
    with pytest.raises(InputError, match="not a trained schedule of a card"):
        Priced.load(path)


def test_what_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"price = 2000\.0: must be a number in \[0, 1024\]"):
        by_price().at(2000)
    with pytest.raises(InputError, match=r"card\.days = 60: must be 1825, for which the agent was trained"):
        by_price().at(1, SMALL)
    with pytest.raises(InputError, match="agent = "):
        Priced.load(tmp_path / "none.npz")
    for name, value in (("days", 0), ("published", 1.5), ("batch_size", 1), ("imitate", 1), ("steps", 0.5)):
        with pytest.raises(InputError, match=rf"agent\.{name} = "):
            CardPpo(**{name: value})


# Training


def test_the_tuned_retention_falls_with_the_price():
    place = tuned_retention(Card(200), np.array([0.0, 4.0, 64.0, 1024.0]))
    assert RETENTIONS[place[0]] == 0.98
    assert (np.diff(place) < 0).all()


def test_one_seed_makes_one_policy():
    agent = CardPpo(days=30, steps=64, cards=16, n_steps=4, batch_size=32, layers=(8,))
    seen = np.random.default_rng(0).normal(size=(50, WIDTH)).astype(np.float32)
    first = agent(0).scores(seen)
    assert (first == agent(0).scores(seen)).all()
    assert (first != agent(1).scores(seen)).any()


@pytest.mark.slow
def test_a_short_training_is_better_than_fixed_retention_and_at_another_price_worse():
    card, prices = Card(120), (2, 4)
    settings = CardPpo(
        days=120, steps=60_000, cards=256, n_steps=16, batch_size=256, epochs=6, layers=(32, 32)
    )
    policy, ends = settings(0), ends_of(card, prices, cards=3000)
    assert 0.1 < lead_of(ends, {price: policy.at(price, card) for price in prices}).worth < 1.05
    assert lead_of(ends, {price: policy.at(64, card) for price in prices}).worth < 0.0


def test_returns_end_where_cards_do():
    reward = np.array([[1.0, 1.0], [2.0, 2.0], [4.0, 4.0], [8.0, 8.0]])
    over = np.array([[False, False], [True, False], [False, False], [False, True]])
    worth, known = returns(reward, over)
    assert worth[:, 0].tolist() == [3.0, 2.0, 12.0, 8.0]
    assert worth[:, 1].tolist() == [15.0, 14.0, 12.0, 8.0]
    assert known.tolist() == [[True, True], [True, True], [False, True], [False, True]]


# Leads


def points(family, recalls, minutes):
    return [Point(family, "", Score(r, m / 10_000, 0.0, 0.0)) for r, m in zip(recalls, minutes, strict=True)]


def test_the_lead_of_time_in_a_closed_form():
    recalls = [0.8, 0.85, 0.9, 1.0]
    base = points(BASE, recalls, [10, 12, 15, 30])
    best = points(BEST, recalls, [5, 6, 7.5, 15])
    quarter = points("quarter", recalls, [7.5, 9, 11.25, 22.5])
    upper = points("upper", [0.9, 0.95, 1.0], [15, 20.125, 30])
    none = points("none", [0.5, 0.6], [1, 2])
    found = Frontier(tuple(base + best + quarter + upper + none))
    assert time_lead(found, BEST) == pytest.approx((1.0, 1.0))
    assert time_lead(found, "quarter") == pytest.approx((0.5, 1.0))
    assert time_lead(found, "upper") == pytest.approx((0.0, 0.5), abs=0.06)
    assert time_lead(found, "none")[1] == 0.0


def test_the_optimum_leads_by_all_and_the_best_fixed_retention_by_nothing():
    ends = ends_of(SMALL, (0.5, 4, 16), cards=500)
    lead = lead_of(ends, {price: optimum(SMALL, price) for price in ends.best})
    assert lead == pytest.approx((1.0, 1.0, lead.coverage))
    fixed = {}
    for price in ends.best:
        at = max(ends.fixed, key=lambda r: ends.fixed[r].recall - price * ends.fixed[r].minutes)
        fixed[price] = FixedRetention(at)
    assert lead_of(ends, fixed).worth == pytest.approx(0.0)


# The commands


@pytest.mark.slow
def test_the_commands(monkeypatch, capsys, tmp_path):
    path = tmp_path / "agent.npz"
    words = ["train", "--to", str(path), "--days", "40", "--steps", "2000", "--published", "1"]
    monkeypatch.setattr("coursewright.evaluation.card.training.LIVES", 8)
    monkeypatch.setattr("sys.argv", words)
    assert trainer.main() == 0
    assert trainer.main() == 2
    assert "--to" in capsys.readouterr().err
    shown = ["card", "--days", "40", "--cards", "50", "--decks", "0", "--agent", str(path)]
    monkeypatch.setattr("sys.argv", shown)
    assert command.main() == 0
    assert TRAINED in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", [*shown[:2], "41", *shown[3:]])
    assert command.main() == 2
    assert "card.days = 41: must be 40" in capsys.readouterr().err
