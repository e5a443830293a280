// SPDX-License-Identifier: MIT
// A session as JSON lines (docs/formats/session.md), written and read. What is read comes from
// strangers: every field is checked, and an error names the line.

import { BEGINNING, type ModelName, type Operation, Session, type Start } from "./session.ts";

export const FORMAT = "bitloom.loomlog.1";
const MOST_OPERATIONS = 100000, MOST_TEXT = 65536;

export function writeLog(session: Session): string {
  const { model, began, start } = session;
  return [{ format: FORMAT, model, began, ...start }, ...session.operations]
    .map((line) => JSON.stringify(line) + "\n").join("");
}

type Fields = Record<string, unknown>;
type Check = (value: unknown) => boolean;

const isText: Check = (v) => typeof v === "string" && v.length <= MOST_TEXT;
const within = (low: number, high: number, isWhole = true): Check =>
  (v) => typeof v === "number" && v >= low && v <= high && (!isWhole || Number.isInteger(v));
const isBase64: Check = (v) =>
  isText(v) && /^(?:[\w+/]{4})*(?:[\w+/]{2}==|[\w+/]{3}=)?$/.test(v as string);
const listOf = (check: Check, most: number): Check =>
  (v) => Array.isArray(v) && v.length <= most && v.every(check);

const SETTINGS: Record<string, Check> = {
  temperature: within(0, 4, false), diversity: within(0, 64, false), width: within(1, 512), steps: within(1, 1024),
  seed: within(0, 2 ** 32 - 1),
};
const CONSTRAINT: Record<string, Check> = { pattern: isText, words: listOf(isText, 4096) };
const BYTES: Record<string, Check> = { text: isText, text_base64: isBase64 };

interface Shape { all?: Record<string, Check>; some?: Record<string, Check>; isOne?: boolean }

const SHAPES: Record<string, Shape> = {
  edit: { all: { at: within(0, MOST_TEXT), remove: within(0, MOST_TEXT), insert: isText } },
  commit: { all: { text: isText } },
  prune: { some: BYTES, isOne: true },
  pin: { all: { costs: listOf(within(0, 65535), 1024) }, some: BYTES, isOne: true },
  unpin: { all: { pin: within(0, MOST_OPERATIONS) } },
  boost: { all: { bits: within(-64, 64) }, some: BYTES, isOne: true },
  constrain: { some: CONSTRAINT },
  set: { some: SETTINGS },
  undo: {}, redo: {},
};

function checkFields(fields: Fields, { all = {}, some = {}, isOne = false }: Shape): void {
  for (const [name, check] of Object.entries(all))
    if (!check(fields[name])) throw new Error(`"${name}" is missing or out of range`);
  const given = Object.keys(some).filter((name) => name in fields);
  for (const name of given)
    if (!some[name](fields[name])) throw new Error(`"${name}" is out of range`);
  if (isOne && given.length !== 1)
    throw new Error(`expected one of ${Object.keys(some).join(", ")}`);
  if (given.length > 1 && some === CONSTRAINT) throw new Error("pattern and words are both given");
}

const pick = (fields: Fields, names: string[]): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => names.includes(name)));

function readOperation(fields: Fields): Operation {
  const name = String(fields.op), shape = Object.hasOwn(SHAPES, name) ? SHAPES[name] : null;
  if (!shape) throw new Error(`there is no operation ${JSON.stringify(fields.op)}`);
  checkFields(fields, shape);
  const names = [...Object.keys(shape.all ?? {}), ...Object.keys(shape.some ?? {})];
  return { op: name, ...pick(fields, names) } as Operation;
}

function readHeader(fields: Fields): { model: ModelName | null; began: string; start: Start } {
  if (fields.format !== FORMAT) throw new Error(`not a session: "format" is not "${FORMAT}"`);
  checkFields(fields, { all: { text: isText }, some: SETTINGS });
  const { name, sha256 } = (fields.model ?? {}) as Fields;
  const constraint = fields.constraint as Fields | undefined;
  if (constraint) checkFields(constraint, { some: CONSTRAINT, isOne: true });
  const start = { ...BEGINNING, ...pick(fields, ["text", ...Object.keys(SETTINGS)]) } as Start;
  if (constraint)
    start.constraint = pick(constraint, Object.keys(CONSTRAINT)) as Start["constraint"];
  return {
    model: isText(name) && isText(sha256) ? { name: String(name), sha256: String(sha256) } : null,
    began: isText(fields.began) ? String(fields.began) : "", start,
  };
}

function parseLine(line: string): Fields {
  const fields: unknown = JSON.parse(line);
  if (typeof fields !== "object" || fields === null) throw new Error("not a JSON object");
  return fields as Fields;
}

export function readLog(log: string): Session {
  const lines = log.split("\n").filter((l) => l.trim());
  if (lines.length > MOST_OPERATIONS) throw new Error(`more than ${MOST_OPERATIONS} lines`);
  if (!lines.length) throw new Error("the session is empty");
  let at = 0;
  try {
    const { model, began, start } = readHeader(parseLine(lines[0]));
    const session = new Session(model, start, [], began);
    for (at = 1; at < lines.length; at++) {
      session.append(readOperation(parseLine(lines[at])));
      if (session.now.text.length > MOST_TEXT)
        throw new Error(`the text grows beyond ${MOST_TEXT} characters`);
    }
    return session;
  } catch (error) {
    throw new Error(`line ${at + 1}: ${(error as Error).message}`);
  }
}
