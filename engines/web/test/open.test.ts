/** What needs no cases from Python: broken files by their names, and rules of the readers. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { decodeRectangle, mapsOf, NtcError, openNtc } from "@ntc/web";

const DATA = new URL("../../../../tests/data/", import.meta.url);
const plain = readFileSync(new URL("golden/v1/plain.ntc", DATA));

/** The rule that refuses these bytes, or `valid`. */
function ruleOf(bytes: Uint8Array): string {
  try {
    openNtc(bytes);
    return "valid";
  } catch (error) {
    assert(error instanceof NtcError, String(error));
    assert(error.offset >= 0);
    assert(!error.message.includes("\n"));
    return error.rule;
  }
}

for (const name of readdirSync(new URL("broken/", DATA)).filter((file) => file.endsWith(".ntc"))) {
  test(`broken: ${name}`, () => {
    assert.equal(ruleOf(readFileSync(new URL(`broken/${name}`, DATA))), name.split("-")[0]);
  });
}

for (const name of readdirSync(new URL("golden/v1/", DATA)).filter((file) =>
  file.endsWith(".ntc"),
)) {
  test(`golden: ${name}`, () => {
    assert.equal(ruleOf(readFileSync(new URL(`golden/v1/${name}`, DATA))), "valid");
  });
}

test("the peer is named", () => {
  const peer = readFileSync(new URL("broken/H1-ntex.ntc", DATA));
  assert.throws(() => openNtc(peer), /NVIDIA RTXNTC/);
});

test("bytes may lie anywhere in a buffer", () => {
  const shifted = new Uint8Array(plain.length + 3);
  shifted.set(plain, 3);
  assert.deepEqual(openNtc(shifted.subarray(3)), openNtc(plain));
});

test("what does not exist is refused", () => {
  const file = openNtc(plain);
  assert.throws(() => decodeRectangle(file, 4), RangeError);
  assert.throws(() => decodeRectangle(file, 0.5), RangeError);
  for (const [x, y, width, height] of [
    [-1, 0, 1, 1],
    [0, 0, 18, 1],
    [0, 13, 1, 1],
    [0, 0, 0, 1],
    [0.5, 0, 1, 1],
  ]) {
    assert.throws(() => decodeRectangle(file, 0, { x, y, width, height }), RangeError);
  }
  assert.throws(() => mapsOf(new Uint16Array(4), file), RangeError);
});
