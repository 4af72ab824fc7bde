"""Every agent that can be exported, on every kind of task: both runtimes teach 100 learners alike."""

import pytest

from coursewright.agents.learning.dqn import Dqn
from coursewright.agents.learning.graph_ppo import GraphPpo
from coursewright.agents.learning.ppo import Ppo
from coursewright.agents.learning.recurrent_ppo import RecurrentPpo
from coursewright_runtime import Tutor, differs
from exported import DATED, FADING, RULES, SEVERAL
from packages import ask, build, chromium, lacking, opened
from tutor_files import FEW, episodes_of, follow, made, written

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("every")]
LEARNERS = 100
UNLAYERED = {name: value for name, value in FEW.items() if name != "layers"}
NETWORKS = {
    "ppo": Ppo(**FEW),
    "maskable_ppo": Ppo(**FEW, masked=True),
    "graph_ppo": GraphPpo(**UNLAYERED),
    "recurrent_ppo": RecurrentPpo(**FEW, masked=True, units=8),
    "dqn": Dqn(steps=640, learners=16, layers=(16,), batch_size=80, learning_starts=200),
}
PAIRS = [
    *[(name, where) for name in (*RULES, *NETWORKS) for where in SEVERAL],
    *[(name, where) for name in DATED for where in FADING],
]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A page in Chromium without a network; None where there is no Chromium."""
    if lacking(browser=True):
        yield None
        return
    folder = tmp_path_factory.mktemp("every") / "page"
    build(made("a rule").path, folder)
    with chromium() as browser:
        context = browser.new_context()
        page = context.new_page()
        context.set_offline(True)
        opened(page, (folder / "index.html").as_uri())
        yield page


@pytest.mark.parametrize(("name", "where"), PAIRS)
def test_both_runtimes_teach_as_the_original(name, where, page):
    agent, task = ({**RULES, **NETWORKS, **DATED}[name], {**SEVERAL, **FADING}[where]())
    original = written(f"{name} on {where}", agent, task)
    tutor = Tutor(original.path)
    assert differs(tutor) is None
    for episode in episodes_of(original, LEARNERS):
        follow(tutor, episode, task)
    if page:
        assert ask(page, original, LEARNERS) == [None, None]
