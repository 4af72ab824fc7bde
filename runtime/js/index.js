/** Teach with a tutor file: raw responses in, the next item out; onnxruntime-web, nothing else. */

import * as ort from "onnxruntime-web/wasm";

const FORMAT = 1;
const PIECES = 4; // of a key, 16 bits each
const DAY = 86_400_000; // milliseconds
const LATEST = 1e6; // days, 2,700 years: seconds or milliseconds in their place are more
const FOREIGN = -2; // the action where another tutor wrote the state
const MAKES = "`coursewright export run=RUN to=tutor.onnx` writes one";

/** Something given cannot be used; nothing has changed. */
export class TutorError extends Error {
  name = "TutorError";
}

/** A tutor file; `begin` a lesson with it for each learner. */
export class Tutor {
  /**
   * The tutor of an ONNX file, given as bytes or as the place to fetch it from, and its words: the parsed
   * JSON file, or its place (beside the ONNX file unless it is named).
   */
  static async open(file, words = undefined) {
    const fetched = typeof file === "string" || file instanceof URL;
    const bytes = fetched ? new Uint8Array(await (await got(file)).arrayBuffer()) : new Uint8Array(file);
    if (words === undefined) {
      if (!fetched) throw refused("words", words, "the JSON file of the tutor, which came with the ONNX file");
      words = String(file).replace(/\.[^./]*$/, ".json");
    }
    if (typeof words === "string" || words instanceof URL) words = await (await got(words)).json().catch(() => null);
    ort.env.wasm.numThreads = 1;
    let session;
    try {
      session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"], logSeverityLevel: 4 });
    } catch (error) {
      throw new TutorError(`not an ONNX file that runs here (${error.message}); ${MAKES}`);
    }
    return new Tutor(session, metadata(bytes), words);
  }

  constructor(session, about, words) {
    if (!("stamp" in about)) throw new TutorError(`an ONNX file, but no tutor; ${MAKES}`);
    this.stamp = JSON.parse(about.stamp);
    if (words?.stamp === undefined) throw new TutorError("not the words of a tutor");
    if (words.stamp !== this.stamp) {
      throw new TutorError(`the words of tutor ${words.stamp}, and the ONNX file is tutor ${this.stamp}`);
    }
    for (const format of [JSON.parse(about.format), words.format]) {
      if (format !== FORMAT) throw new TutorError(`format ${format}; this package reads format ${FORMAT}`);
    }
    if (![words.items, words.skills, words.state?.columns].every(Array.isArray)) {
      throw new TutorError("not the words of a tutor");
    }
    this.words = words;
    this.items = words.items.map((item) => item.name);
    this.skills = words.skills;
    this.place = new Map(this.items.map((name, index) => [name, index]));
    this.width = words.state.width;
    this.firstKey = words.state.columns.indexOf("key, bits 0 to 15");
    this.session = session;
  }

  /** The lesson of a learner nobody has met; see index.d.ts. */
  begin({ goal, key = 0, at } = {}) {
    return new Lesson(this, this.new([key]), this.goal(goal), at == null ? null : daysOf(at));
  }

  /** The lesson that `Lesson.save` wrote. */
  load(text) {
    let kept;
    try {
      kept = JSON.parse(text);
      if (!Array.isArray(kept.state) || !Array.isArray(kept.goal)) throw new Error();
    } catch {
      throw refused("state", text, "not the text of a lesson; replay the responses");
    }
    const state = Float32Array.from(kept.state, (value) => (typeof value === "number" ? value : NaN));
    const ours = kept.stamp === this.stamp && state.length === this.width && state.every(Number.isFinite);
    if (!ours || ![0, this.stamp].includes(state[0])) {
      throw new TutorError(`state of tutor ${kept.stamp}: this file is ${this.stamp}; replay the responses`);
    }
    return new Lesson(this, state, this.goal(kept.goal), kept.seen == null ? null : daysOf(kept.seen));
  }

  /** The lesson, begun as in `begin`, after a history: `{item, correct, ...}` each, as `observe` takes them. */
  async replay(history, begin = {}) {
    const lesson = this.begin(begin);
    for (const [row, { item, correct, ...rest }] of [...history].entries()) {
      try {
        await lesson.observe(item, correct, rest);
      } catch (error) {
        if (error instanceof TutorError) error.message = `history[${row}]: ${error.message}`;
        throw error;
      }
    }
    return lesson;
  }

  /** The states of learners nobody has met, one for each key, in one array. */
  new(keys) {
    const state = new Float32Array(keys.length * this.width);
    keys.map(keyOf).forEach((key, row) => {
      for (let piece = 0; piece < PIECES; piece++) {
        state[row * this.width + this.firstKey + piece] = Number((key >> BigInt(16 * piece)) & 0xffffn);
      }
    });
    return state;
  }

  /** Skills by name as 0 and 1; nothing given: all. */
  goal(names) {
    return marked("goal", names, this.skills, "skills");
  }

  /** Items by name as 0 and 1: those of `only` (all) without those of `exclude`. */
  mask(only, exclude = []) {
    const offered = marked("only", only, this.items, "items");
    const out = marked("exclude", exclude, this.items, "items");
    return offered.map((value, index) => value & ~out[index]);
  }

  /**
   * One call of the file for a batch: an answer, then days that pass, then the choice.  `state` holds the
   * learners' rows one after the other; each of the others is an array, a value a learner, or one value for
   * all.  Gives the outputs of `words.outputs` by name, as typed arrays.
   */
  async run(state, { item = -1, correct = -1, taught = true, past = false, days = 0, minutes = 0, goal, mask } = {}) {
    const batch = state.length / this.width;
    if (!Number.isInteger(batch)) throw refused("state", state.length, `a multiple of ${this.width} numbers`);
    const row = (value) => Array.from({ length: batch }, (_, i) => (value.length === undefined ? value : value[i]));
    const whole = (value) => new ort.Tensor("int64", BigInt64Array.from(row(value), (v) => BigInt(v)), [batch]);
    const real = (value) => new ort.Tensor("float32", Float32Array.from(row(value)), [batch]);
    const flag = (value) => new ort.Tensor("bool", Uint8Array.from(row(value)), [batch]);
    const table = (value, columns) => {
      const given = value ?? new Uint8Array(columns).fill(1);
      const full = given.length === columns && batch > 1 ? Uint8Array.from({ length: batch * columns }, (_, i) => given[i % columns]) : given;
      return new ort.Tensor("bool", full, [batch, columns]);
    };
    const found = await this.session.run({
      state: new ort.Tensor("float32", Float32Array.from(state), [batch, this.width]),
      item: whole(item),
      correct: whole(correct),
      taught: flag(taught),
      past: flag(past),
      goal: table(goal, this.skills.length),
      days: real(days),
      minutes: real(minutes),
      mask: table(mask, this.items.length),
    });
    return Object.fromEntries(Object.entries(found).map(([name, tensor]) => [name, tensor.data]));
  }
}

/**
 * A learner's state, a cache of the responses so far.  It changes by `observe` alone: a choice hangs on the
 * recorded events, not on the number of looks.
 */
export class Lesson {
  constructor(tutor, state, goal, seen) {
    Object.assign(this, { tutor, state, goal, seen, turn: Promise.resolve() });
  }

  /** Note the answer to an item: 1 right, 0 wrong, null where nothing was asked or it was helped. */
  async observe(item, correct, { minutes = 0, at, taught = true, past = false, offered } = {}) {
    const { tutor } = this;
    const place = tutor.place.get(item);
    if (place === undefined) throw refused("item", item, `not one of the tutor's ${tutor.items.length} items`);
    if (![1, 0, true, false, null].includes(correct)) {
      throw refused("correct", correct, "allowed: 1 right, 0 wrong, null where nothing was asked");
    }
    amount("minutes", minutes, "allowed: a finite number >= 0");
    const moment = at == null ? null : daysOf(at);
    const mask = marked("offered", offered, tutor.items, "items");
    const answer = correct === null ? -1 : Number(correct);
    return this.queued(async () => {
      const [days, seen] = past ? [0, this.seen] : this.since(moment);
      let { state, goal } = this;
      if (days > 0 || offered) state = (await tutor.run(state, { days, goal, mask })).next_state;
      const told = await tutor.run(state, { item: place, correct: answer, taught, past, minutes, goal });
      this.state = told.next_state;
      this.seen = seen;
    });
  }

  /** The choice among the items `only` (all) without those of `exclude`; null where none is left. */
  async next({ at, only, exclude } = {}) {
    const { tutor } = this;
    const moment = at == null ? null : daysOf(at);
    const mask = tutor.mask(only, exclude);
    return this.queued(async () => {
      const found = await tutor.run(this.state, { days: this.since(moment)[0], goal: this.goal, mask });
      const action = Number(found.action[0]);
      if (action === FOREIGN) throw new TutorError("state: another tutor's; replay the responses");
      if (action < 0) return null;
      const item = Number(found.next_item?.[0] ?? action);
      return {
        item: item < 0 ? null : tutor.items[item],
        wait: found.wait?.[0] ?? 0,
        stop: Boolean(found.stop?.[0]),
        scores: found.scores,
        chance: found.chance ?? null,
        belief: found.belief ?? null,
        observation: found.observation,
      };
    });
  }

  /** The lesson as JSON, for `Tutor.load`, here or in Python. */
  save() {
    const { tutor, seen, state } = this;
    const goal = tutor.skills.filter((_, index) => this.goal[index]);
    return JSON.stringify({ stamp: tutor.stamp, seen, goal, state: Array.from(state) });
  }

  /** Days since the latest event, and the latest moment in days; before it, no time passes. */
  since(moment) {
    if (moment === null) return [0, this.seen];
    const before = this.seen ?? moment;
    return [Math.max(0, moment - before), Math.max(moment, before)];
  }

  /** What is asked is done in order, also where nobody waits. */
  queued(job) {
    const done = this.turn.then(job);
    this.turn = done.catch(() => {});
    return done;
  }
}

/** A key as a whole number; that of a text is the 64-bit FNV-1a hash of its UTF-8 bytes. */
export function keyOf(key) {
  if (typeof key === "string") {
    let number = 0xcbf29ce484222325n;
    for (const byte of new TextEncoder().encode(key)) {
      number = ((number ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn;
    }
    return number;
  }
  const whole = typeof key === "bigint" || Number.isSafeInteger(key) ? BigInt(key) : -1n;
  if (whole < 0n || whole >= 1n << 64n) {
    throw refused("key", key, "allowed: a whole number from 0 to 2^64 - 1 (beyond 2^53 a BigInt), or a text");
  }
  return whole;
}

/** The first difference between file and golden trace, in words; null where there is none. */
export async function differs(tutor) {
  const { key, responses, state: last } = tutor.words.golden;
  let state = tutor.new([key]);
  for (const [step, told] of responses.entries()) {
    state = Float32Array.from(JSON.parse(JSON.stringify(Array.from(state))));
    const found = await tutor.run(state, { ...told, item: tutor.place.get(told.item) });
    const action = Number(found.action[0]);
    if (action !== told.action) return `response ${step + 1} (${told.item}): action ${action} instead of ${told.action}`;
    state = found.next_state;
  }
  const apart = Array.from(state, (value, column) => Math.abs(value - last[column]));
  const worst = apart.indexOf(Math.max(...apart));
  if (!(apart[worst] <= 1e-5)) {
    return `after the last response: ${tutor.words.state.columns[worst]} is off by ${apart[worst]}`;
  }
  return null;
}

/** The metadata of an ONNX file, by name: field 14 of its protocol buffer, which onnxruntime-web does not show. */
export function metadata(bytes) {
  const found = {};
  for (const [field, part] of fields(bytes)) {
    if (field !== 14) continue;
    const pair = Object.fromEntries([...fields(part)].map(([at, text]) => [at, new TextDecoder().decode(text)]));
    found[pair[1]] = pair[2] ?? "";
  }
  return found;
}

function* fields(bytes) {
  let at = 0;
  const number = () => {
    let value = 0;
    for (let scale = 1; at < bytes.length; scale *= 128) {
      value += (bytes[at] & 127) * scale;
      if (bytes[at++] < 128) break;
    }
    return value;
  };
  while (at < bytes.length) {
    const tag = number();
    const kind = tag % 8;
    if (kind === 0) number();
    else {
      const length = kind === 2 ? number() : kind === 1 ? 8 : kind === 5 ? 4 : bytes.length;
      yield [Math.floor(tag / 8), bytes.subarray(at, at + length)];
      at += length;
    }
  }
}

function daysOf(at) {
  const days = at instanceof Date ? at.getTime() / DAY : at;
  return amount("at", days, "allowed: a Date, or days since any fixed moment (no seconds)", LATEST);
}

function amount(name, value, allowed, most = 3e38) {
  if (typeof value !== "number" || !(value >= 0 && value <= most)) throw refused(name, value, allowed);
  return value;
}

function marked(field, names, known, kind) {
  if (names == null) return new Uint8Array(known.length).fill(1);
  const chosen = new Set(typeof names === "string" ? [names] : names);
  const marks = Uint8Array.from(known, (name) => Number(chosen.has(name)));
  const there = new Set(known);
  const strange = [...chosen].find((name) => !there.has(name));
  if (strange !== undefined) throw refused(field, strange, `not one of the tutor's ${known.length} ${kind}`);
  return marks;
}

function refused(name, value, allowed) {
  const shown = typeof value === "string" ? `'${value}'` : String(value);
  return new TutorError(`${name} = ${shown.length <= 80 ? shown : `${shown.slice(0, 77)}...`}: ${allowed}`);
}

async function got(place) {
  const answer = await fetch(place).catch((error) => ({ ok: false, status: error.message }));
  if (!answer.ok) throw new TutorError(`${place}: cannot be fetched (${answer.status})`);
  return answer;
}
