/** Teach with a tutor file: raw responses in, the next item out. */

/** A moment: a Date, or days since any fixed moment, the same for a whole lesson. */
export type Moment = Date | number;

/** A learner's luck of random choices: a whole number from 0 to 2^64 - 1, or a text such as the learner's id. */
export type Key = number | bigint | string;

/** Something given cannot be used; nothing has changed. */
export class TutorError extends Error {}

/** The JSON file that comes with a tutor file. */
export interface Words {
  format: number;
  stamp: number;
  items: { name: string; skills: string[]; minutes: number; kind: string; format: string }[];
  skills: string[];
  state: { width: number; columns: string[]; new: string };
  outputs: Record<string, string>;
  golden: {
    key: number;
    responses: { item: string; correct: number; days: number; minutes: number; action: number }[];
    state: number[];
  };
  [name: string]: unknown;
}

/** The beginning of a lesson. */
export interface Beginning {
  /** The skills to learn; all, where it is left out. */
  goal?: Iterable<string> | null;
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
  offered?: Iterable<string> | null;
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
  /** From bytes or a place to fetch; `words`: the parsed JSON, or its place (beside the file, where left out). */
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
  begin(beginning?: Beginning): Lesson;
  load(text: string): Lesson;
  replay(
    history: Iterable<{ item: string; correct: Answer } & Circumstances>,
    beginning?: Beginning,
  ): Promise<Lesson>;
  /** The states of learners nobody has met, one for each key, row after row. */
  new(keys: Key[]): Float32Array;
  goal(names?: Iterable<string> | null): Uint8Array;
  mask(only?: Iterable<string> | null, exclude?: Iterable<string>): Uint8Array;
  /** One call of the file for a batch; gives the outputs that `words.outputs` names, as typed arrays. */
  run(
    state: Float32Array,
    event?: {
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
  observe(item: string, correct: Answer, circumstances?: Circumstances): Promise<void>;
  next(
    among?: { at?: Moment | null; only?: Iterable<string> | null; exclude?: Iterable<string> },
  ): Promise<Choice | null>;
  save(): string;
}

/** A key as a whole number; that of a text is the 64-bit FNV-1a hash of its UTF-8 bytes. */
export function keyOf(key: Key): bigint;

/** The first difference between file and golden trace, in words; null where there is none. */
export function differs(tutor: Tutor): Promise<string | null>;

/** The metadata of an ONNX file, by name. */
export function metadata(bytes: Uint8Array): Record<string, string>;
