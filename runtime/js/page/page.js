/** The page of one learner: the responses are kept in the browser, and nothing leaves it. */

import { Tutor, TutorError } from "coursewright-runtime";
import { NOBODY, read } from "coursewright-page/kept";
import * as ort from "onnxruntime-web/wasm";

const DAY = 86_400_000; // milliseconds
const PLACE = `coursewright ${location.pathname}`; // in the browser's storage; pages of one host do not mix
const BROKEN = `${PLACE} damaged `; // and a moment: texts that could not be read whole
const REST = 400; // milliseconds in which the next exercise takes no click, which was for the last one
const TEXTS = {
  count: "Exercise {n}",
  right: "✓ Right",
  wrong: "✗ Wrong",
  shown: "Only looked",
  content: "The exercise itself stands here: see “Content” in the page's README.",
  progress: "Your progress",
  summary: "{answers} answers, {right} of them right.",
  belief: "The bars tell how likely it is that you know each skill.",
  tried: "{right} of {answers} right",
  done: "You have reached the end.",
  nothing: "There is nothing to do now.",
  pause: "Well done. Come back on {date}.",
  go: "Go on now",
  undo: "Take back the last answer",
  export: "Save my answers as a file",
  forget: "Forget me",
  ask: "All your answers in this browser will be erased. This cannot be undone.",
  keep: "Keep them",
  erase: "Erase everything",
  damaged: "Your saved answers were damaged: {n} of them could be read and kept; the damaged text is put aside for your teacher.",
  rescue: "Save the damaged answers",
  dismiss: "I have saved them: remove this note",
  unsaved: "This browser does not let the page keep your answers: save them as a file before you close it.",
};

const $ = (id) => document.getElementById(id);
const say = (name, values = {}) => TEXTS[name].replace(/\{(\w+)\}/g, (_, key) => values[key]);

let tutor, lesson, choice, content;
let kept = { ...NOBODY, responses: [] };
let unsaved = false; // where the browser keeps nothing, it is kept in memory
let broken = {}; // damaged texts, by their place in the browser's storage
let homeless = {}; // those for which it has had no room yet
let skipsPause = false;
let seconds = 0; // that this exercise has been in sight

/** Open the tutor and what this browser knows of the learner, and show the next exercise. */
export async function start() {
  Object.assign(TEXTS, json("texts"));
  content = json("items");
  ort.env.wasm.wasmBinary = await packed("wasm");
  tutor = await Tutor.open(await packed("tutor"), json("words"));
  for (const name of ["right", "wrong", "shown", "progress", "go", "undo", "export", "forget", "ask", "keep", "erase", "rescue", "dismiss"]) {
    $(name).textContent = say(name);
  }
  $("right").onclick = () => answer(1);
  $("wrong").onclick = () => answer(0);
  $("shown").onclick = () => answer(null);
  $("go").onclick = () => doing(async () => { skipsPause = true; });
  $("undo").onclick = () => doing(takeBack);
  $("export").onclick = save;
  $("rescue").onclick = () => { download("damaged-answers.txt", "text/plain", Object.values(broken).join("\n\n")); $("dismiss").hidden = false; };
  $("dismiss").onclick = () => { removeBroken(); $("damaged").hidden = true; };
  document.addEventListener("keydown", (event) => { // a key held down is pressed once
    if (event.repeat && ["Enter", " "].includes(event.key) && event.target.tagName === "BUTTON") event.preventDefault();
  });
  $("forget").onclick = () => $("sure").showModal();
  $("keep").onclick = () => $("sure").close();
  $("erase").onclick = () => { $("sure").close(); doing(forget); };
  setInterval(() => { seconds += document.hidden ? 0 : 1; }, 1000);
  window.addEventListener("storage", (event) => { if (event.key === PLACE || event.key === null) doing(recall); });
  window.coursewright = { answer, get item() { return choice?.item ?? null; } };
  await doing(recall);
  resting = 0;
  buttons();
  $("loading").hidden = true;
  $("main").hidden = $("footer").hidden = false;
  if ("serviceWorker" in navigator && location.protocol.startsWith("http")) {
    await navigator.serviceWorker.register("sw.js").catch(() => {}); // without one, only the first load needs the host
  }
}

/** Note an answer to the exercise in sight (1, 0, null: nothing asked) and show the next one. */
export function answer(correct) {
  const shown = choice;
  return doing(async () => {
    const { item, wait } = choice ?? {};
    if (!item || shown !== choice || $("answers").hidden) return; // a second click meant the exercise before
    await recall(); // another tab may have gone on
    const response = { item, correct, minutes: Math.round(seconds / 0.6) / 100, time: Date.now() / DAY };
    await lesson.observe(item, correct, { minutes: response.minutes, at: response.time });
    kept.responses.push(wait > 0 ? { ...response, wait } : response);
    keep();
  });
}

async function takeBack() {
  await recall();
  kept.responses.pop();
  keep(""); // so that the rest is replayed
  await recall();
}

async function forget() {
  kept = { ...NOBODY, responses: [] };
  lesson = null;
  removeBroken();
  remove(PLACE);
  await recall();
}

/** The lesson of the responses in the browser's storage; the stored state spares the replay where it fits. */
async function recall() {
  const { damaged, ...found } = stored();
  if (lesson && found.state && found.state === kept.state) return;
  const best = damaged && kept.responses.length > found.responses.length ? kept : found; // damaged while it is open
  if (damaged) putAside(localStorage.getItem(PLACE), best.responses.length);
  kept = { ...best, learner: best.learner || anyone() };
  try {
    lesson = tutor.load(kept.state);
  } catch (error) {
    if (!(error instanceof TutorError)) throw error;
    const known = kept.responses.filter(({ item }) => tutor.place.has(item)); // another course may have stood here
    const history = known.map(({ item, correct, minutes, time }) => ({ item, correct, minutes, at: time }));
    lesson = await tutor.replay(history, { key: kept.learner });
  }
  keep();
}

function stored() {
  if (unsaved) return kept;
  try {
    return read(localStorage.getItem(PLACE));
  } catch {
    return read(null);
  }
}

/** A damaged text under another place, before anything is written over it; see `keep`. */
function putAside(text, n) {
  if (!Object.values(broken).includes(text)) homeless[`${BROKEN}${new Date().toISOString()} ${n}`] = text;
}

function removeBroken() {
  for (const place of Object.keys(broken)) remove(place);
  [broken, homeless] = [{}, {}];
}

function remove(place) {
  try {
    localStorage.removeItem(place);
  } catch {
    // a browser that keeps nothing
  }
}

/** The note about damaged texts, as long as there are some. */
function note() {
  broken = { ...homeless };
  try {
    for (const place of Object.keys(localStorage)) {
      if (place.startsWith(BROKEN)) broken[place] = localStorage.getItem(place);
    }
  } catch {
    // a browser that keeps nothing
  }
  const places = Object.keys(broken).sort();
  $("damaged").hidden = places.length === 0;
  if (places.length) $("told").textContent = say("damaged", { n: places.at(-1).split(" ").at(-1) });
}

function keep(state = lesson.save()) {
  kept.state = state;
  try {
    for (const [place, text] of Object.entries(homeless)) localStorage.setItem(place, text); // first what is damaged
    homeless = {};
    localStorage.setItem(PLACE, JSON.stringify(kept));
    unsaved = false;
  } catch {
    unsaved = true;
  }
  $("message").textContent = unsaved ? say("unsaved") : "";
}

/** A name for a learner that says nothing of who it is. */
function anyone() {
  return Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Do something with the buttons off, then show where the learner stands; a moment later they are on again. */
let busy = Promise.resolve();
let working = 0;
let resting = 0; // until then, by performance.now()
function doing(job) {
  working += 1;
  buttons();
  busy = busy.then(async () => {
    try {
      await job();
      await show();
    } catch (error) {
      $("message").textContent = error.message;
    }
    working -= 1;
    resting = performance.now() + REST;
    buttons();
  });
  return busy;
}

function buttons() {
  const rest = resting - performance.now();
  for (const button of document.querySelectorAll("main button, footer button")) button.disabled = working > 0 || rest > 0;
  if (working === 0 && rest > 0) setTimeout(buttons, rest);
  if (kept.responses.length === 0) $("undo").disabled = $("export").disabled = true;
}

async function show() {
  const last = kept.responses.at(-1);
  const back = last?.wait ? (last.time + last.wait) * DAY : 0;
  const pauses = back > Date.now() && !skipsPause;
  choice = await lesson.next({ at: Date.now() / DAY });
  const item = choice?.item ?? null;
  const title = pauses
    ? say("pause", { date: new Date(back).toLocaleString([], { dateStyle: "full", timeStyle: "short" }) })
    : item ?? say(choice ? "done" : "nothing");
  $("go").hidden = !pauses;
  $("answers").hidden = $("content").hidden = $("of").hidden = pauses || item === null;
  $("count").textContent = item && !pauses ? say("count", { n: kept.responses.length + 1 }) : "";
  $("item").textContent = title;
  $("item").focus({ preventScroll: true });
  const of = item === null ? [] : tutor.words.items[tutor.place.get(item)].skills;
  $("of").textContent = of.length === 1 && of[0] === item ? "" : of.join(", ");
  if (content[item] === undefined) $("content").textContent = say("content");
  else $("content").innerHTML = content[item];
  progress();
  note();
  skipsPause = false;
  seconds = 0;
  document.dispatchEvent(new CustomEvent("coursewright-item", { detail: { item, skills: of } }));
}

/** Each skill with the chance that it is known, or, where the tutor does not reckon one, its right answers. */
function progress() {
  const asked = kept.responses.filter(({ correct }) => correct !== null);
  const right = asked.filter(({ correct }) => correct === 1).length;
  const means = choice?.belief ? [say("belief")] : [];
  $("summary").textContent = [say("summary", { answers: asked.length, right }), ...means].join(" ");
  const tally = new Map(tutor.skills.map((skill) => [skill, { answers: 0, right: 0 }]));
  for (const { item, correct } of asked) {
    for (const skill of tutor.words.items[tutor.place.get(item)]?.skills ?? []) {
      tally.get(skill).answers += 1;
      tally.get(skill).right += correct;
    }
  }
  $("skills").replaceChildren(...tutor.skills.flatMap((skill, index) => {
    if (!lesson.goal[index]) return [];
    const { answers, right } = tally.get(skill);
    const share = choice?.belief ? choice.belief[index] : answers ? right / answers : 0;
    const told = choice?.belief ? `${Math.round(100 * share)} %` : say("tried", { right, answers });
    return [row(skill, told, share)];
  }));
  $("skills").tabIndex = $("skills").scrollHeight > $("skills").clientHeight ? 0 : -1; // a long list scrolls by keyboard
}

function row(skill, told, share) {
  const line = document.createElement("li");
  const [name, value, bar, fill] = ["span", "span", "div", "i"].map((kind) => document.createElement(kind));
  name.textContent = skill;
  value.textContent = told;
  bar.className = "bar";
  bar.setAttribute("aria-hidden", "true");
  fill.style.width = `${100 * share}%`;
  bar.append(fill);
  line.append(name, value, bar);
  return line;
}

/** The answers as a file: the columns of a learner log. */
function save() {
  const cell = (value) => (/[",;\n\r]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : String(value));
  const rows = kept.responses.filter(({ item }) => tutor.place.has(item)).map(({ item, correct, minutes, time }) => [
    kept.learner, item, tutor.words.items[tutor.place.get(item)].skills.join(";"), time, correct ?? -1, minutes,
  ]);
  const table = [["learner", "item", "skills", "time", "correct", "minutes"], ...rows];
  download("answers.csv", "text/csv", table.map((line) => `${line.map(cell).join(",")}\n`).join(""));
}

function download(name, type, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

function json(id) {
  return JSON.parse($(id).textContent);
}

async function packed(id) {
  const bytes = Uint8Array.from(atob($(id).textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
