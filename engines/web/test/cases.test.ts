/** Cases that tests/test_web.py wrote: what the reference makes of files, bit for bit. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  decodeRectangle,
  decodeSamples,
  decodeTexels,
  describe,
  gpuWords,
  mapsOf,
  NtcError,
  type NtcFile,
  openNtc,
  type Report,
} from "@ntc/web";

/** The beginning of a file: the rule it breaks, or what it is good for. */
interface Prefix {
  length: number;
  rule?: string;
  finest: number;
  words: string;
  /** Of the finest mip, if there is one and it is small. */
  values?: string;
}

/** Arrays are in base64, as the reference has them in memory. */
interface Case {
  info: Report & { file: string };
  words: string;
  rectangles: { mip: number; rectangle: [number, number, number, number]; values: string }[];
  texels: { mip: number; x: number[]; y: number[]; values: string };
  samples: { lod: number; u: number[]; v: number[]; values: string }[];
  maps: Record<string, { type: "uint8" | "uint16" | "float32"; values: string; exact: boolean }>;
  prefixes: Prefix[];
}

const FOLDER = process.env["NTC_WEB_CASES"];
const LONGEST_MS = 2000;
const names = FOLDER === undefined ? [] : readdirSync(FOLDER);
const read = (name: string): Buffer => readFileSync(join(FOLDER ?? "", name));

function bytesOf(base64: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64, "base64"));
}

function same(found: ArrayBufferView, expected: string, what: string): void {
  const bytes = Buffer.from(found.buffer, found.byteOffset, found.byteLength);
  assert(bytes.equals(bytesOf(expected)), `${what} differ`);
}

test("there are cases", { skip: FOLDER === undefined && "tests/test_web.py writes them" }, () => {
  assert(names.length > 0);
});

for (const name of names.filter((file) => file.endsWith(".case.json"))) {
  test(name, () => {
    const bytes = read(name.replace(".case.json", ".ntc"));
    const wanted = JSON.parse(read(name).toString()) as Case;
    const file = openNtc(bytes);
    const { file: _, ...info } = wanted.info;
    assert.deepEqual(describe(file), info);
    assert.equal(file.finestMip, 0);
    same(gpuWords(file), wanted.words, "words");
    checkValues(file, wanted);
    checkMaps(file, wanted);
    checkPrefixes(bytes, wanted);
  });
}

function checkValues(file: NtcFile, wanted: Case): void {
  for (const { mip, rectangle, values } of wanted.rectangles) {
    const [x, y, width, height] = rectangle;
    const found = decodeRectangle(file, mip, { x, y, width, height });
    same(found, values, `mip ${mip}, ${rectangle.join(" ")}:`);
  }
  const { mip, x, y, values } = wanted.texels;
  same(decodeTexels(file, mip, x, y), values, "texels");
  for (const { lod, u, v, values } of wanted.samples) {
    same(decodeSamples(file, lod, u, v), values, `samples of lod ${lod}`);
  }
}

/** The maps of the first rectangle. Curves may differ in the last bit, as 2^x does everywhere. */
function checkMaps(file: NtcFile, wanted: Case): void {
  const outputs = new Uint16Array(bytesOf(wanted.rectangles[0].values).buffer);
  for (const { record, samples } of mapsOf(outputs, file)) {
    const { type, values, exact } = wanted.maps[record.name];
    if (exact) {
      same(samples, values, record.name);
      continue;
    }
    assert.equal(type, "float32");
    const expected = new Float32Array(bytesOf(values).buffer);
    assert.equal(samples.length, expected.length);
    const step = record.sample === "half" ? 2 ** -10 : 2 ** -23;
    samples.forEach((sample, i) => {
      assert(Math.abs(sample - expected[i]) <= Math.abs(expected[i]) * step, record.name);
    });
  }
}

function checkPrefixes(bytes: Uint8Array, wanted: Case): void {
  for (const { length, rule, finest, words, values } of wanted.prefixes) {
    const prefix = bytes.subarray(0, length);
    if (rule !== undefined) {
      assert.throws(() => openNtc(prefix, { prefix: true }), { name: "NtcError", rule });
      continue;
    }
    const file = openNtc(prefix, { prefix: true });
    assert.equal(file.finestMip, finest);
    assert.equal(file.bytes, bytes.length);
    same(gpuWords(file), words, "words of a prefix");
    if (file.finestMip > 0) assert(file.bytesForMip[file.finestMip - 1] > length);
    if (values !== undefined) same(decodeRectangle(file, file.finestMip), values, "a prefix");
    if (values !== undefined) assert(file.bytesForMip[file.finestMip] <= length);
  }
}

/** The rule that refuses these bytes, or `valid` if they open and decode. */
function fateOf(bytes: Uint8Array, prefix: boolean): string {
  try {
    const file = openNtc(bytes, { prefix });
    for (let mip = file.finestMip; mip < file.model.mips; mip++) {
      decodeRectangle(file, mip, { x: 0, y: 0, width: 1, height: 1 });
    }
    gpuWords(file);
    describe(file);
    return "valid";
  } catch (error) {
    assert(error instanceof NtcError, String(error));
    return error.rule;
  }
}

test("mutants", { skip: !names.includes("mutants.bin") && "tests/test_web.py makes them" }, () => {
  const bytes = read("mutants.bin");
  const fates = JSON.parse(read("mutants.json").toString()) as { length: number; fate: string }[];
  const others: string[] = [];
  let at = 0;
  fates.forEach(({ length, fate }, i) => {
    const mutant = bytes.subarray(at, at + length);
    at += length;
    const start = performance.now();
    const found = fateOf(mutant, false);
    fateOf(mutant.subarray(0, (length * (i % 11)) / 10), true);
    assert(performance.now() - start < LONGEST_MS, `mutant ${i} takes too long`);
    if (found !== fate) others.push(`mutant ${i}: ${found} instead of ${fate}`);
  });
  assert.deepEqual(others, []);
});

test(
  "frames",
  { skip: !names.includes("frames.json") && "tests/test_web.py makes them" },
  async () => {
    const module = new URL("../../dist/zstd.js", import.meta.url).href;
    const { unzstd } = (await import(module)) as {
      unzstd: (stored: Uint8Array, size: number) => Uint8Array | string;
    };
    const frames = JSON.parse(read("frames.json").toString()) as {
      stored: string;
      size: number;
      content: string | null;
      what: string;
      mutated?: boolean;
    }[];
    for (const { stored, size, content, what, mutated } of frames) {
      const found = unzstd(bytesOf(stored), size);
      if (content === null) assert.equal(typeof found, "string", what);
      else if (typeof found === "string") assert(mutated, `${what}: ${found}`);
      else same(found, content, what);
    }
  },
);
