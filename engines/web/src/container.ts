/** Header and chunk table: chapters 2 and 3 of docs/format.md. Nothing is unpacked here. */
import { crc32 } from "./crc32.js";
import { NtcError, require } from "./errors.js";
import type { Outline } from "./model.js";

const HEADER_BYTES = 40;
const CHUNK_BYTES = 40;
const MAGIC = [0x89, 0x4e, 0x54, 0x43, 0x0d, 0x0a, 0x1a, 0x0a];
const NTEX = [0x4e, 0x54, 0x45, 0x58];
const KINDS = ["MODL", "META", "NETW", "LEVL"];

const HASH = 1;
const SIMPLEX = 2;
const ENTROPY = 8;

export const STORED = 0;
export const ZSTD = 1;
export const CODED = 2;

/** A chunk as the table has it; sizes in bytes. */
export interface Chunk {
  kind: string;
  index: number;
  offset: number;
  stored: number;
  unpacked: number;
  codec: number;
  crc: number;
  /** Where its entry in the table lies. */
  entry: number;
}

/** The chunks of kinds that are known, in their order. */
export interface Table {
  /** Bytes of the whole file. */
  size: number;
  features: number;
  model: Chunk;
  metadata: Chunk;
  network: Chunk;
  /** Coarsest first. */
  levels: Chunk[];
}

export const chunkEnd = (chunk: Chunk): number => chunk.offset + chunk.stored;

/** The rules H1 to H7, C1 to C3, C6 and C9, of a file or of the beginning of one. */
export function readTable(bytes: Uint8Array, prefix: boolean): Table {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const { count, features, size } = readHeader(bytes, view, prefix);
  let start = BigInt(HEADER_BYTES + CHUNK_BYTES * count);
  const chunks: Chunk[] = [];
  for (let i = 0; i < count; i++) {
    const entry = HEADER_BYTES + CHUNK_BYTES * i;
    const offset = view.getBigUint64(entry + 8, true);
    require(offset === start, "C1", entry, `offset ${offset}`, `offset ${start}`);
    start += view.getBigUint64(entry + 16, true);
    chunks.push(readEntry(view, entry));
  }
  require(start === size, "C1", HEADER_BYTES, `chunks up to byte ${start}`, `up to ${size}`);
  const used = chunks.some((chunk) => chunk.codec === CODED) ? ENTROPY : 0;
  require((features & ENTROPY) === used, "C9", 12, `required features ${features}`, `${used}`);
  for (const chunk of chunks) checkCrc(bytes, chunk);
  return { size: Number(size), features, ...splitChunks(chunks) };
}

function startsWith(bytes: Uint8Array, magic: number[]): boolean {
  return magic.every((byte, i) => bytes[i] === byte);
}

function readHeader(
  bytes: Uint8Array,
  view: DataView,
  prefix: boolean,
): { count: number; features: number; size: bigint } {
  if (startsWith(bytes, NTEX)) {
    const found = "an NVIDIA RTXNTC container (`NTEX`)";
    throw new NtcError("H1", 0, found, "a `.ntc` of this project");
  }
  require(startsWith(bytes, MAGIC), "H1", 0, "another kind of file", "the magic of a `.ntc`");
  const length = bytes.length;
  require(length >= HEADER_BYTES, "H6", length, `${length} bytes`, `a header of ${HEADER_BYTES}`);
  const version = view.getUint32(8, true);
  require(version === 1, "H2", 8, `version ${version}`, 1);
  const features = view.getUint32(12, true);
  const unknown = features & ~(HASH | SIMPLEX | ENTROPY);
  require(unknown === 0, "H3", 12, `required features ${features}`, "none that are newer");
  const count = view.getUint32(20, true);
  require(count >= 4 && count <= 64, "H4", 20, `${count} chunks`, "4..64");
  require(view.getUint32(36, true) === 0, "H7", 36, "a reserved field that is set", 0);
  const end = HEADER_BYTES + CHUNK_BYTES * count;
  require(length >= end, "H6", length, `${length} bytes`, `a chunk table up to ${end}`);
  const signed = bytes.slice(0, end);
  signed.fill(0, 32, 36);
  const crc = view.getUint32(32, true);
  require(crc32(signed) === crc, "H5", 32, `CRC-32 ${crc32(signed)}`, crc);
  const size = view.getBigUint64(24, true);
  const whole = BigInt(length) === size || (prefix && BigInt(length) < size);
  require(whole, "H6", length, `${length} bytes`, `${size} bytes`);
  return { count, features, size };
}

function readEntry(view: DataView, entry: number): Chunk {
  const letters = [0, 1, 2, 3].map((i) => view.getUint8(entry + i));
  const kind = String.fromCharCode(...letters);
  const codec = view.getUint32(entry + 32, true);
  const most = kind === "LEVL" ? CODED : ZSTD;
  require(codec <= most, "C2", entry + 32, `codec ${codec}`, "0, 1; 2 of a LEVL");
  return {
    kind,
    index: view.getUint32(entry + 4, true),
    offset: Number(view.getBigUint64(entry + 8, true)),
    stored: Number(view.getBigUint64(entry + 16, true)),
    unpacked: Number(view.getBigUint64(entry + 24, true)),
    codec,
    crc: view.getUint32(entry + 36, true),
    entry,
  };
}

/** A chunk that has arrived has the right CRC. */
function checkCrc(bytes: Uint8Array, chunk: Chunk): void {
  if (chunkEnd(chunk) > bytes.length) return;
  const found = crc32(bytes.subarray(chunk.offset, chunkEnd(chunk)));
  require(found === chunk.crc, "C3", chunk.offset, `CRC-32 ${found} of a chunk`, chunk.crc);
}

function splitChunks(chunks: Chunk[]): Pick<Table, "model" | "metadata" | "network" | "levels"> {
  const known = chunks.filter((chunk) => KINDS.includes(chunk.kind));
  const inOrder = known.every((chunk, i) => chunk.kind === KINDS[Math.min(i, 3)]);
  const found = known.map((chunk) => chunk.kind).join(" ");
  const allowed = "MODL, META, NETW, then LEVL once a level";
  require(inOrder && known.length >= 4, "C6", HEADER_BYTES, found, allowed);
  const [model, metadata, network, ...levels] = known;
  for (const { kind, index, entry } of [model, metadata, network]) {
    require(index === 0, "C7", entry + 4, `${kind} number ${index}`, "number 0");
  }
  return { model, metadata, network, levels };
}

/** Rule M7: the features that levels have are named, and no other. */
export function checkFeatures(features: number, outlines: Outline[]): void {
  const hashed = outlines.some((outline) => outline.masked || outline.tableLog2 > 0);
  const simplex = outlines.some((outline) => outline.simplex);
  const used = (hashed ? HASH : 0) | (simplex ? SIMPLEX : 0);
  const found = features & ~ENTROPY;
  require(found === used, "M7", 12, `required features ${found}`, `${used}, as levels say`);
}
