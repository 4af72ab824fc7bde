/** Teach with a tutor file: raw responses in, the next item out. */

/** A moment: a Date, or days (1e6 at most; no milliseconds) since any fixed moment, the same for a whole lesson. */
export type Moment = Date | number;

/** A learner's luck of random choices: a whole number from 0 to 2^64 - 1, or a text such as the learner's id. */
export type Key = number | bigint | string;

/** Names in a list; one text is one name.  Null is as nothing. */
export type Names = Iterable<string> | string | null;

/** Something given cannot be used; nothing has changed. */
export class TutorError extends Error {}

/** The JSON file that comes with a tutor file. */
export interface Words {
  format: number;
  stamp: number;
  /** Of the tutor, 64 hex digits. */
  fingerprint: string;
  items: { name: string; skills: string[]; minutes: number; kind: string; format: string }[];
  skills: string[];
  state: { width: number; columns: string[]; new: string };
  outputs: Record<string, string>;
  golden: {
    key: number;
    responses: {
      item: string;
      correct: number;
      days: number;
      minutes: number;
      action: number;
      /** After some of the responses, as are belief and scores. */
      observation?: number[];
      belief?: number[];
      scores?: number[];
    }[];
    state: number[];
  };
  [name: string]: unknown;
}

/** The beginning of a lesson. */
export interface Beginning {
  /** The skills to learn, one at the least; all, where it is left out. */
  goal?: Names;
  key?: Key;
  /** The moment when the lessons begin. */
  at?: Moment | null;
}

export interface Circumstances {
  /** Minutes spent on the item. */
  minutes?: number;
  /** The moment of the answer: first the time since the last event passes, then the answer counts. */
  at?: Moment | null;
  /** False where the learner did not work through the item. */
  taught?: boolean;
  /** True where it happened before the lessons began; `at` is then not used. */
  past?: boolean;
  /** The items that could have been chosen instead; all, where it is left out. */
  offered?: Names;
}

/** 1 right, 0 wrong, null where nothing was asked or the answer was helped. */
export type Answer = 1 | 0 | boolean | null;

/** The tutor's next step for a learner. */
export interface Choice {
  /** The item to give now; null, with `stop`, where the lessons are to end. */
  item: string | null;
  /** Days to pause after it. */
  wait: number;
  stop: boolean;
  /** One for each action; -1e8 where it is not allowed. */
  scores: Float32Array;
  /** The chance of a right answer for each item; null where the tutor holds no model of the learner. */
  chance: Float32Array | null;
  /** The chance that a skill is known, for each; null where the tutor holds no model of the learner. */
  belief: Float32Array | null;
  /** The columns that the policy sees. */
  observation: Float32Array;
}

/** An array with a value for each learner, or one value for all. */
export type Each<T> = T | ArrayLike<T>;

export class Tutor {
  private constructor();
  /**
   * From bytes or a place (to fetch; in node also a path).  `words`: the JSON, parsed or as text, or its place
   * (beside the file, where left out; needed with bytes).
   */
  static open(file: Uint8Array | ArrayBuffer | string | URL, words?: Words | string | URL): Promise<Tutor>;
  readonly items: string[];
  readonly skills: string[];
  /** The index of each item. */
  readonly place: Map<string, number>;
  /** States of another stamp are another tutor's. */
  readonly stamp: number;
  /** Columns of a state. */
  readonly width: number;
  readonly words: Words;
  begin(beginning?: Beginning | null): Lesson;
  load(text: string): Lesson;
  replay(
    history: Iterable<{ item: string; correct: Answer } & Circumstances>,
    beginning?: Beginning | null,
  ): Promise<Lesson>;
  /** The states of learners nobody has met, one for each key, row after row. */
  new(keys: Key[]): Float32Array;
  goal(names?: Names): Uint8Array;
  mask(only?: Names, exclude?: Names): Uint8Array;
  /** One call of the file for a batch; gives the outputs that `words.outputs` names, as typed arrays. */
  run(
    state: Float32Array,
    event?: null | {
      item?: Each<number>;
      correct?: Each<number>;
      taught?: Each<boolean>;
      past?: Each<boolean>;
      days?: Each<number>;
      minutes?: Each<number>;
      goal?: Uint8Array;
      mask?: Uint8Array;
    },
  ): Promise<Record<string, Float32Array | BigInt64Array | Uint8Array>>;
}

/** A learner's state, a cache of the responses so far; it changes by `observe` alone. */
export class Lesson {
  private constructor();
  readonly tutor: Tutor;
  observe(item: string, correct: Answer, circumstances?: Circumstances | null): Promise<void>;
  next(
    among?: { at?: Moment | null; only?: Names; exclude?: Names } | null,
  ): Promise<Choice | null>;
  /** The lesson as JSON; a TutorError while an `observe` is still running. */
  save(): string;
}

/** A key as a whole number; that of a text is the 64-bit FNV-1a hash of its UTF-8 bytes. */
export function keyOf(key: Key): bigint;

/** The first difference between file and golden trace, in words; null where there is none. */
export function differs(tutor: Tutor): Promise<string | null>;

/** The metadata of an ONNX file, by name. */
export function metadata(bytes: Uint8Array): Record<string, string>;
