/** Teach with a tutor file: raw responses in, the next item out; onnxruntime-web, nothing else. */

import * as ort from "onnxruntime-web/wasm";

const FORMAT = 3;
const FREE = ["licence", "scored", "labels"]; // the words that a host may change
const PIECES = 4; // of a key, 16 bits each
const DAY = 86_400_000; // milliseconds
const LARGEST = 3e38; // of a float32
const CLOSE = 1e-5; // numbers that differ by less are equal
const LATEST = 1e6; // days; any more are seconds or milliseconds
const LONGEST_PATH = 1024; // letters
const TOLD = ["minutes", "at", "taught", "past", "offered"];
const RUNS = ["item", "correct", "taught", "past", "days", "minutes", "goal", "mask"];
const MAKES = "`coursewright export run=RUN to=tutor.onnx` writes one";

/** Something given cannot be used; nothing has changed. */
export class TutorError extends Error {
  name = "TutorError";
}

/** A tutor file; `begin` a lesson with it for each learner. */
export class Tutor {
  /**
   * The tutor of an ONNX file, given as bytes or as its place (something to fetch; in node also a path), and
   * its words: the JSON file, parsed or as text, or its place (beside the ONNX file unless it is named).
   */
  static async open(file, words = undefined) {
    const placed = typeof file === "string" || file instanceof URL;
    const name = placed ? `${placeOf(file)}: ` : "";
    const bytes = placed ? await got(file) : bytesOf(file);
    if (words == null) {
      if (!placed) throw refused("words", words, "the JSON file of the tutor, which came with the ONNX file");
      words = String(file).replace(/\.[^./\\]*$/, ".json");
    }
    const there = typeof words === "string" && !/^\s*[{[]/.test(words); // \s is also a BOM
    const where = there || words instanceof URL ? placeOf(words) : "words";
    if (there || words instanceof URL) words = await got(words);
    ort.env.wasm.numThreads = 1;
    let session;
    try {
      session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"], logSeverityLevel: 4 });
    } catch {
      throw new TutorError(`${name}not an ONNX file that runs here; ${MAKES}`);
    }
    const about = metadata(bytes);
    if (!("stamp" in about)) throw new TutorError(`${name}an ONNX file, but no tutor; ${MAKES}`);
    if (about.format !== String(FORMAT)) throw new TutorError(`${name}format ${about.format}, not ${FORMAT}: export it again`);
    return new Tutor(session, wordsOf(where, words, about.digest));
  }

  constructor(session, words) {
    this.session = session;
    this.words = words;
    this.stamp = words.stamp;
    this.items = words.items.map((item) => item.name);
    this.skills = words.skills;
    this.place = new Map(this.items.map((name, index) => [name, index]));
    this.width = words.state.columns.length;
    this.firstKey = words.state.columns.indexOf("key, bits 0 to 15");
  }

  /** The lesson of a learner nobody has met; see index.d.ts. */
  begin(beginning = {}) {
    const { goal, key = 0, at } = options("begin", beginning, ["goal", "key", "at"]);
    return new Lesson(this, this.new([key]), this.goal(goal), at == null ? null : daysOf(at));
  }

  /** The lesson that `Lesson.save` wrote. */
  load(text) {
    let kept;
    try {
      kept = JSON.parse(text);
      if (!Array.isArray(kept.state) || kept.goal === undefined || kept.seen === undefined) throw new Error();
    } catch {
      throw refused("state", text, "not the text of a lesson; replay the responses");
    }
    const state = Float32Array.from(kept.state, (value) => (typeof value === "number" ? value : NaN));
    if (kept.stamp !== this.stamp || state.length !== this.width || !state.every(Number.isFinite)) {
      throw new TutorError(`state of tutor ${kept.stamp}: this file is ${this.stamp}; replay the responses`);
    }
    if (state[0] !== 0 && state[0] !== Math.fround(this.stamp)) {
      throw new TutorError(`state of tutor ${state[0]}: this file is ${this.stamp}; replay the responses`);
    }
    return new Lesson(this, state, this.goal(kept.goal), kept.seen === null ? null : daysOf(kept.seen, "seen"));
  }

  /** The lesson, begun as in `begin`, after a history: `{item, correct, ...}` each, as `observe` takes them. */
  async replay(history, beginning = {}) {
    const lesson = this.begin(beginning);
    if (typeof history === "string" || typeof history?.[Symbol.iterator] !== "function") {
      throw refused("history", history, "allowed: an array of { item, correct, ... }");
    }
    for (const [row, event] of [...history].entries()) {
      try {
        const { item, correct, ...rest } = options("replay", event, ["item", "correct", ...TOLD], "each response");
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
    if (!Array.isArray(keys)) throw refused("keys", keys, "allowed: an array of keys");
    const state = new Float32Array(keys.length * this.width);
    keys.map(keyOf).forEach((key, row) => {
      for (let piece = 0; piece < PIECES; piece++) {
        state[row * this.width + this.firstKey + piece] = Number((key >> BigInt(16 * piece)) & 0xffffn);
      }
    });
    return state;
  }

  /** Skills by name as 0 and 1, one at the least; nothing given: all. */
  goal(names) {
    const marks = marked("goal", names, this.skills, "skills");
    if (!marks.includes(1)) throw refused("goal", [], "allowed: at least one skill; leave it out for all of them");
    return marks;
  }

  /** Items by name as 0 and 1: those of `only` (all) without those of `exclude` (none). */
  mask(only, exclude = []) {
    const offered = marked("only", only, this.items, "items");
    const out = marked("exclude", exclude ?? [], this.items, "items");
    return offered.map((value, index) => value & ~out[index]);
  }

  /**
   * One call of the file for a batch: an answer, then days that pass, then the choice.  `state` holds the
   * learners' rows one after the other; each of the others is an array, a value a learner, or one value for
   * all.  Gives the outputs of `words.outputs` by name, as typed arrays.
   */
  async run(state, event = {}) {
    const { item = -1, correct = -1, taught = true, past = false, days = 0, minutes = 0, goal, mask } = options("run", event, RUNS);
    const batch = state?.length / this.width;
    if (!(Number.isInteger(batch) && batch > 0) || typeof state === "string") {
      throw refused("state", state, `allowed: ${this.width} numbers for each learner`, shape(state));
    }
    const flag = (name, value) => new ort.Tensor("bool", Uint8Array.from(rowOf(name, value, batch, isFlag, "true or false")), [batch]);
    const whole = (name, value, high) => {
      const fits = (v) => (typeof v === "bigint" || Number.isInteger(v)) && v >= -1 && v <= high;
      return new ort.Tensor("int64", BigInt64Array.from(rowOf(name, value, batch, fits, `whole numbers, -1 to ${high}`), BigInt), [batch]);
    };
    const real = (name, value) => {
      const fits = (v) => typeof v === "number" && v >= 0 && v <= LARGEST;
      return new ort.Tensor("float32", Float32Array.from(rowOf(name, value, batch, fits, `0 to ${LARGEST}`)), [batch]);
    };
    const given = {
      state: new ort.Tensor("float32", Float32Array.from(state), [batch, this.width]),
      item: whole("item", item, this.items.length - 1),
      correct: whole("correct", correct, 1),
      taught: flag("taught", taught),
      past: flag("past", past),
      goal: tableOf("goal", goal, batch, this.skills.length),
      days: real("days", days),
      minutes: real("minutes", minutes),
      mask: tableOf("mask", mask, batch, this.items.length),
    };
    const takes = this.session.inputNames.map((name) => [name, given[name]]);
    const found = await this.session.run(Object.fromEntries(takes));
    return Object.fromEntries(Object.entries(found).map(([name, tensor]) => [name, tensor.data]));
  }
}

/**
 * A learner's state, a cache of the responses so far.  It changes by `observe` alone: a choice hangs on the
 * recorded events, not on the number of looks.
 */
export class Lesson {
  constructor(tutor, state, goal, seen) {
    Object.assign(this, { tutor, state, goal, seen, turn: Promise.resolve(), waiting: 0 });
  }

  /** Note the answer to an item: 1 right, 0 wrong, null where nothing was asked or it was helped. */
  async observe(item, correct, circumstances = {}) {
    const { minutes = 0, at, taught = true, past = false, offered } = options("observe", circumstances, TOLD);
    const { tutor } = this;
    const place = tutor.place.get(item);
    if (place === undefined) throw refused("item", item, unknown(item, tutor.place, tutor.items, "items"));
    if (![1, 0, true, false, null].includes(correct)) {
      throw refused("correct", correct, "allowed: 1 right, 0 wrong, null where nothing was asked");
    }
    amount("minutes", minutes, LARGEST, `allowed: a finite number >= 0, at most ${LARGEST}`);
    for (const [name, value] of Object.entries({ taught, past })) {
      if (typeof value !== "boolean") throw refused(name, value, "allowed: true or false");
    }
    const moment = at == null ? null : daysOf(at);
    const mask = marked("offered", offered, tutor.items, "items");
    const answer = correct === null ? -1 : Number(correct);
    this.waiting += 1;
    return this.queued(async () => {
      const [days, seen] = past ? [0, this.seen] : this.since(moment);
      let { state, goal } = this;
      if (days > 0 || offered != null) state = (await told(tutor, state, { days, goal, mask })).next_state;
      const found = await told(tutor, state, { item: place, correct: answer, taught, past, minutes, goal });
      this.state = found.next_state;
      this.seen = seen;
    }).finally(() => { this.waiting -= 1; });
  }

  /** The choice among the items `only` (all) without those of `exclude`; null where none is left. */
  async next(among = {}) {
    const { at, only, exclude } = options("next", among, ["at", "only", "exclude"]);
    const { tutor } = this;
    const moment = at == null ? null : daysOf(at);
    const mask = tutor.mask(only, exclude);
    return this.queued(async () => {
      const found = await told(tutor, this.state, { days: this.since(moment)[0], goal: this.goal, mask });
      const action = Number(found.action[0]);
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

  /** The lesson as JSON, for `Tutor.load`, here or in Python; refused while an answer is still being noted. */
  save() {
    const { tutor, seen, state, waiting } = this;
    if (waiting) throw new TutorError(`save: ${waiting} answers are still being noted; await each observe before it`);
    const goal = tutor.skills.filter((_, index) => this.goal[index]);
    return JSON.stringify({ stamp: tutor.stamp, seen, goal, state: Array.from(state) });
  }

  /** Days since the latest moment, and the latest then; a clock that runs backwards counts as no time. */
  since(moment) {
    if (moment === null) return [0, this.seen];
    const seen = this.seen === null ? moment : Math.max(this.seen, moment);
    return [this.seen === null ? 0 : seen - this.seen, seen];
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

/** The words, parsed or as text or bytes, which must have the digest of the ONNX file. */
function wordsOf(where, given, digest) {
  let words = given;
  let found;
  try {
    if (ArrayBuffer.isView(given)) given = new TextDecoder("utf-8", { fatal: true }).decode(given);
    if (typeof given === "string") words = JSON.parse(given.replace(/^\uFEFF/, ""));
    found = digestOf(words);
  } catch {
    throw new TutorError(`${where}: no JSON, so not the words of a tutor`);
  }
  if (found !== digest) throw new TutorError(`${where}: another tutor's words, or changed since the export`);
  return words;
}

/** The CRC-32 of words in a form that any language writes alike, eight hex digits. */
function digestOf(words) {
  const table = Uint32Array.from({ length: 256 }, (_, byte) => {
    for (let bit = 0; bit < 8; bit++) byte = (byte >>> 1) ^ (0xedb88320 & -(byte & 1));
    return byte;
  });
  let sum = -1;
  for (const byte of new TextEncoder().encode(JSON.stringify(plain(words)))) sum = (sum >>> 8) ^ table[(sum ^ byte) & 255];
  return hex(~sum >>> 0);
}

/** An object as its pairs without those that are free, in the order of their names; a number as its bits in hex. */
function plain(value, bits = new DataView(new ArrayBuffer(8))) {
  if (Array.isArray(value)) return value.map((part) => plain(part, bits));
  if (typeof value === "object" && value !== null) {
    const names = Object.keys(value).filter((name) => !FREE.includes(name)).sort(byCodePoint);
    return names.map((name) => [name, plain(value[name], bits)]);
  }
  if (typeof value !== "number") return value;
  bits.setFloat64(0, value);
  return hex(bits.getUint32(0)) + hex(bits.getUint32(4));
}

const hex = (word) => word.toString(16).padStart(8, "0");

/** The order of two texts by their characters, not by the halves of which JavaScript makes some. */
function byCodePoint(a, b) {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  return (a.codePointAt(at) ?? -1) - (b.codePointAt(at) ?? -1);
}

/** The first difference between file and golden trace, in words; null where there is none. */
export async function differs(tutor) {
  const { key, responses, state: last } = tutor.words.golden;
  const { columns, skills, actions } = tutor.words;
  let state = tutor.new([key]);
  for (const [step, told] of responses.entries()) {
    state = Float32Array.from(JSON.parse(JSON.stringify(Array.from(state))));
    const { item, correct, days, minutes } = told;
    const found = await tutor.run(state, { item: tutor.place.get(item), correct, days, minutes });
    const action = Number(found.action[0]);
    const where = `response ${step + 1} (${told.item})`;
    if (action !== told.action) return `${where}: action ${action} instead of ${told.action}`;
    for (const [name, names] of [["observation", columns], ["belief", skills], ["scores", actions]]) {
      const off = told[name] && away(found[name], told[name], names);
      if (off) return `${where}: ${name} of ${off}`;
    }
    state = found.next_state;
  }
  const off = away(state, last, tutor.words.state.columns);
  return off && `after the last response: ${off}`;
}

/** The first number that is off by more than 1e-5, of its size where that exceeds 1, in words; null where none is. */
function away(found, wanted, names) {
  const worst = Array.from(found).findIndex((value, at) => !(Math.abs(value - wanted[at]) <= CLOSE * Math.max(1, Math.abs(wanted[at]))));
  return worst < 0 ? null : `${names[worst]} is off by ${Math.abs(found[worst] - wanted[worst])}`;
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

/** One call of the file, for a learner; a state of another tutor is refused. */
async function told(tutor, state, event) {
  const found = await tutor.run(state, event);
  if (Number(found.action[0]) === -2) throw new TutorError(`state of another tutor: this file is ${tutor.stamp}; replay the responses`);
  return found;
}

function daysOf(at, name = "at") {
  const days = at instanceof Date ? at.getTime() / DAY : at;
  const allowed = `allowed: a Date, or days >= 0 since a fixed moment, at most ${LATEST}; milliseconds and seconds are none`;
  return amount(name, days, LATEST, allowed);
}

function amount(name, value, most, allowed) {
  if (typeof value !== "number" || !(value >= 0 && value <= most)) throw refused(name, value, allowed);
  return value;
}

/** The options of a call; what it does not know is refused by name.  Null is as nothing. */
function options(call, given, known, what = `the last argument of ${call}`) {
  if (given == null && call !== "replay") return {};
  const fits = typeof given === "object" && given !== null && !Array.isArray(given) && !(given instanceof Date);
  if (!fits) throw refused(what, given, `allowed: an object of ${known.join(", ")}`);
  for (const name of Object.keys(given)) {
    if (!known.includes(name)) throw refused(name, given[name], `no option of ${call}; allowed: ${known.join(", ")}`);
  }
  return given;
}

/** A value for each learner, from an array, or from one value for all. */
function rowOf(name, value, batch, fits, allowed) {
  const many = typeof value === "object" && value !== null && value.length !== undefined;
  const row = many ? Array.from(value) : Array(batch).fill(value);
  for (const one of row) if (!fits(one)) throw refused(name, one, `allowed: ${allowed}`);
  if (row.length !== batch) throw refused(name, row, `allowed: one value, or shape [${batch}]`, shape(row));
  return row;
}

/** Marks of 0 and 1 for each learner, from as many, or from one row for all; nothing given: all are 1. */
function tableOf(name, value, batch, columns) {
  const given = value ?? new Uint8Array(columns).fill(1);
  if (given.length !== columns && given.length !== batch * columns) {
    throw refused(name, given, `allowed: shape [${columns}], or as many for each learner, row after row`, shape(given));
  }
  const strange = Array.from(given).find((mark) => !isFlag(mark));
  if (strange !== undefined) throw refused(name, strange, "allowed: true or false");
  const full = Uint8Array.from({ length: batch * columns }, (_, at) => given[at % given.length]);
  return new ort.Tensor("bool", full, [batch, columns]);
}

const isFlag = (value) => value === true || value === false || value === 1 || value === 0;

/** What has a length is told by it, anything else by itself. */
function shape(value) {
  return typeof value === "object" && value?.length !== undefined ? `shape [${value.length}]` : shown(value);
}

function marked(field, names, known, kind) {
  if (names == null) return new Uint8Array(known.length).fill(1);
  if (typeof names !== "string" && typeof names[Symbol.iterator] !== "function") {
    throw refused(field, names, `allowed: names of the tutor's ${kind} in a list, or one name`);
  }
  const chosen = new Set(typeof names === "string" ? [names] : names);
  const marks = Uint8Array.from(known, (name) => Number(chosen.has(name)));
  const there = new Set(known);
  for (const name of chosen) if (!there.has(name)) throw refused(field, name, unknown(name, there, known, kind));
  return marks;
}

function unknown(name, there, known, kind) {
  const hint = typeof name === "number" && there.has(String(name)) ? `; names are texts: '${name}'` : "";
  return `not one of the tutor's ${known.length} ${kind}${hint}`;
}

function refused(name, value, allowed, words = shown(value)) {
  return new TutorError(`${name} = ${short(words)}: ${allowed}`);
}

/** A value in words: a text in quotes, lists and objects as JSON where they are. */
function shown(value) {
  if (typeof value === "string") return `'${value}'`;
  try {
    return (typeof value === "object" && !(value instanceof Date) && JSON.stringify(value)) || String(value);
  } catch {
    return `a strange ${typeof value}`; // such as a list of itself
  }
}

/** A place as it is named in messages: whole, where it can be a path. */
const placeOf = (place) => (String(place).length <= LONGEST_PATH ? String(place) : short(String(place)));
const short = (text) => (text.length <= 80 ? text : `${text.slice(0, 77)}...`);

function bytesOf(file) {
  if (ArrayBuffer.isView(file)) return new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
  if (Object.prototype.toString.call(file) === "[object ArrayBuffer]") return new Uint8Array(file);
  throw refused("file", file, "allowed: the bytes of an ONNX file (Uint8Array, ArrayBuffer), or its place");
}

/** The bytes at a place: fetched, or, in node, read from a path. */
async function got(place) {
  const files = globalThis.process?.getBuiltinModule?.("node:fs");
  const path = String(place);
  if (files && !/^(https?|data|blob):/i.test(path)) {
    try {
      return new Uint8Array(await files.promises.readFile(/^file:/i.test(path) ? new URL(path) : path));
    } catch (error) {
      throw new TutorError(`${placeOf(path)}: cannot be read (${short(error.message.replace(/^[A-Z]+: |, .*$/g, ""))})`);
    }
  }
  const answer = await fetch(place).catch((error) => ({ ok: false, status: error.message }));
  if (!answer.ok) throw new TutorError(`${placeOf(path)}: cannot be fetched (${answer.status})`);
  return new Uint8Array(await answer.arrayBuffer());
}
