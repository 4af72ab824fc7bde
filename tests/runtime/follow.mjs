/** The JavaScript runtime against the original; runs in node (asked through stdin) and in a browser. */

/** Teach learners as `episodes` tell; gives the first difference in words, or null. */
export async function follow(tutor, { episodes, loose }) {
  for (const [row, episode] of episodes.entries()) {
    let lesson = tutor.begin({ goal: episode.goal, key: BigInt(episode.key), at: 0 });
    for (const { item, correct, taught } of episode.past) await lesson.observe(item, correct, { taught, past: true });
    let now = 0;
    for (const [step, { offered, observation, choices, event }] of episode.steps.entries()) {
      if (step % 2) lesson = tutor.load(lesson.save());
      const choice = await lesson.next({ at: now, only: offered });
      const again = row < 5 ? await lesson.next({ at: now, only: offered }) : choice;
      const where = `learner ${row}, step ${step}`;
      if (String(again.scores) !== String(choice.scores)) return `${where}: looking twice changes the scores`;
      const wanted = new Float32Array(Uint8Array.from(atob(observation), (letter) => letter.charCodeAt(0)).buffer);
      const apart = choice.observation.findIndex(
        (value, at) => Math.abs(value - wanted[at]) > (loose.includes(at) ? 1e-6 * Math.max(1, Math.abs(wanted[at])) : 0),
      );
      if (apart >= 0) return `${where}: column ${apart} is ${choice.observation[apart]}, not ${wanted[apart]}`;
      const chosen = JSON.stringify([choice.item, choice.wait, choice.stop]);
      if (!choices.some((right) => JSON.stringify(right) === chosen)) return `${where}: ${chosen}, not ${choices}`;
      const { item, correct, taught, minutes, days } = event;
      if (item !== null) await lesson.observe(item, correct, { taught, minutes, at: now, offered });
      now += days;
    }
  }
  return null;
}

/** The milliseconds of one decision, the median of many. */
export async function milliseconds(tutor, times = 300) {
  const lesson = tutor.begin();
  const taken = [];
  for (let i = 0; i < times; i++) {
    const from = performance.now();
    await lesson.next();
    taken.push(performance.now() - from);
  }
  return taken.sort((a, b) => a - b)[times >> 1];
}

/** The messages of what is refused, and of nothing else. */
export async function refusals({ Tutor, keyOf }, bytes, words) {
  const tutor = await Tutor.open(bytes, words);
  const [item] = tutor.items;
  const observe = (told) => () => tutor.begin().observe(item, 1, told);
  const kept = (changes) => () => tutor.load(JSON.stringify({ ...JSON.parse(tutor.begin().save()), ...changes }));
  const run = (event) => () => tutor.run(tutor.new([1]), event);
  const changed = { ...words, unlock_after: 7 };
  const foreign = JSON.parse(tutor.begin().save()).state.with(0, 5);
  return messages({
    item: () => tutor.begin().observe("zz", 1),
    "item, a list": () => tutor.begin().observe(["a1"], 1),
    correct: () => tutor.begin().observe(item, 2),
    "correct, missing": () => tutor.begin().observe(item),
    minutes: observe({ minutes: NaN }),
    "minutes, negative": observe({ minutes: -1 }),
    "minutes, text": observe({ minutes: "2" }),
    "minutes, beyond float32": observe({ minutes: 1e39 }),
    at: observe({ at: new Date("nonsense") }),
    "at, milliseconds": observe({ at: 1795863084605 }),
    taught: observe({ taught: "no" }),
    past: observe({ past: 1 }),
    offered: observe({ offered: ["q"] }),
    "an option": observe({ minute: 3 }),
    "no options": observe(1.5),
    "next, a name": () => tutor.begin().next("a1"),
    only: () => tutor.begin().next({ only: ["q"] }),
    "only, a number": () => tutor.begin().next({ only: 3 }),
    exclude: () => tutor.begin().next({ exclude: ["q"] }),
    goal: () => tutor.begin({ goal: ["q"] }),
    "goal, empty": () => tutor.begin({ goal: [] }),
    key: () => keyOf(1.5),
    state: () => tutor.load("{}"),
    "state, NaN": kept({ state: [null] }),
    "state, no moment": kept({ seen: undefined }),
    "state, no goal": kept({ goal: [] }),
    "state, of another tutor": kept({ state: foreign }),
    stamp: kept({ stamp: 5 }),
    waiting: () => { const lesson = tutor.begin(); lesson.observe(item, 1); return lesson.save(); },
    "another's": () => {
      const lesson = tutor.begin();
      lesson.state[0] = 5;
      return lesson.next();
    },
    "words, changed": () => Tutor.open(bytes, changed),
    "words, changed in a text": () => Tutor.open(bytes, JSON.stringify(changed)),
    "words, missing": () => Tutor.open(bytes),
    "words, no JSON": () => Tutor.open(bytes, `{"a": ${"1".repeat(9999)}`),
    "words, nowhere": () => Tutor.open(bytes, "nowhere".repeat(999)),
    file: () => Tutor.open(new TextEncoder().encode("nothing"), words),
    "file, a number": () => Tutor.open(5, words),
    history: () => tutor.replay([{ item, correct: 1 }, { item, correct: 7 }]),
    "history, missing": () => tutor.replay(null),
    "history, time": () => tutor.replay([{ item, correct: 1, time: 3 }]),
    "history, null": () => tutor.replay([null]),
    "run, item": run({ item: 7 }),
    "run, half an item": run({ item: 0.7 }),
    "run, text": run({ item: "3" }),
    "run, many": run({ item: [0, 1, 2] }),
    "run, correct": run({ correct: 7 }),
    "run, days": run({ days: NaN }),
    "run, days back": run({ days: [-1] }),
    "run, minutes": run({ minutes: -3 }),
    "run, past": run({ past: "no" }),
    "run, goal": run({ goal: [1, 0, 1] }),
    "run, mask": run({ mask: Array(7).fill(2) }),
    "run, an option": run({ day: 3 }),
    "run, state": () => tutor.run([1, 2]),
  });
}

/** The message of each, which must be a TutorError; another error is told whole. */
async function messages(tries) {
  const found = {};
  for (const [name, tried] of Object.entries(tries)) {
    try {
      await tried();
      found[name] = "nothing was refused";
    } catch (error) {
      found[name] = error.name === "TutorError" ? error.message : `another error: ${error.stack}`;
    }
  }
  return found;
}

/** What must be the same as what, both as text: null where nothing is given, one name, a clock set back. */
export async function same(tutor) {
  const item = tutor.items[1];
  const begun = tutor.begin();
  const plain = JSON.stringify(await begun.next());
  const back = tutor.begin({ at: 20000 });
  for (const at of [20000, 19990, 19995]) await back.observe(item, 1, { at });
  const still = tutor.begin({ at: 20000 });
  for (const at of [20000, 20000, 20000]) await still.observe(item, 1, { at });
  const nothing = tutor.begin(null);
  await nothing.observe(item, 1, null);
  await nothing.observe(item, 1, { offered: null, at: null });
  const defaults = tutor.begin();
  for (let n = 0; n < 2; n++) await defaults.observe(item, 1);
  const anyGoal = { ...JSON.parse(begun.save()), goal: null };
  const choices = async (among) => JSON.stringify(await begun.next(among));
  return {
    "next(null)": [await choices(null), plain],
    "exclude: null": [await choices({ exclude: null, only: null }), plain],
    "only, one name": [await choices({ only: item }), await choices({ only: [item] })],
    "goal, one name": [tutor.begin({ goal: tutor.skills[0] }).save(), tutor.begin({ goal: [tutor.skills[0]] }).save()],
    "goal: null": [tutor.load(JSON.stringify(anyGoal)).save(), begun.save()],
    "a clock set back": [back.save(), still.save()],
    "observe(null)": [nothing.save(), defaults.save()],
  };
}

/** A lesson that waits for nothing in between, its replay, and its state; all must agree with Python. */
export async function lesson(tutor, history) {
  const begun = tutor.begin({ key: "ann", at: 0 });
  await Promise.all(history.flatMap(({ item, correct, ...rest }) => [begun.observe(item, correct, rest), begun.next()]));
  const again = await tutor.replay(history, { key: "ann", at: 0 });
  return { saved: begun.save(), again: again.save(), choice: (await begun.next()).item };
}
