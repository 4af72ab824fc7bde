/** Reads texts, one JSON list, from stdin, and writes what the learner's page reads of each. */

import { text } from "node:stream/consumers";

import { read } from "../../runtime/js/page/kept.js";

console.log(JSON.stringify(JSON.parse(await text(process.stdin)).map(read)));
