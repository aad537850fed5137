/** Bytes to `NtcFile`, by all rules of docs/format.md. */
import {
  checkFeatures,
  type Chunk,
  chunkEnd,
  CODED,
  readTable,
  STORED,
  type Table,
} from "./container.js";
import { decodeSection } from "./entropy.js";
import { NtcError, require } from "./errors.js";
import { checkLevel, emptyLevel, levelMost, readLevel } from "./level.js";
import { checkMetadata, type Metadata, readMetadata } from "./metadata.js";
import { checkRoles, type Model, MODEL_MOST, NOT_READ, readModel, type Shape } from "./model.js";
import { checkLayer, networkBytes, readNetwork } from "./network.js";
import { unzstd } from "./zstd.js";

const METADATA_MOST = 1 << 20;
const LEVELS_MOST = 2 ** 29;

/** A material and what its channels mean. */
export interface NtcFile {
  model: Model;
  metadata: Metadata;
  /** Bytes of the whole file, also where a part of it has been opened. */
  bytes: number;
  /** The finest mip that decodes rightly, with all coarser ones; `model.mips` if none does. */
  finestMip: number;
  /** For each mip, how many bytes from the start of the file decode it and all coarser ones. */
  bytesForMip: number[];
}

export interface OpenOptions {
  /** The bytes may be the beginning of a file: chapter 11 of docs/format.md. */
  prefix?: boolean;
}

/**
 * The file that these bytes hold. Throws NtcError, naming the first rule they break. Of a prefix,
 * levels that have not arrived have latents of 0, and `finestMip` says from where on mips are right.
 */
export function openNtc(source: Uint8Array, options: OpenOptions = {}): NtcFile {
  // Node's Buffer is a Uint8Array whose `slice` shares memory: a plain one copies.
  const bytes = new Uint8Array(source.buffer, source.byteOffset, source.length);
  const table = readTable(bytes, options.prefix ?? false);
  const shape = readModel(unpack(bytes, table.model, MODEL_MOST));
  checkFeatures(table.features, shape.outlines);
  const metadata = readMetadata(unpack(bytes, table.metadata, METADATA_MOST));
  const packedLayers = unpack(bytes, table.network, networkBytes(shape.widths));
  const layers = readNetwork(packedLayers, shape.widths);
  checkLevels(table, shape);
  const levels = shape.outlines.map((outline, i) => {
    const chunk = chunkOfLevel(table, i);
    if (chunkEnd(chunk) > bytes.length) return emptyLevel(outline);
    const most = levelMost(outline);
    if (chunk.codec !== CODED) return readLevel(unpack(bytes, chunk, most), outline);
    return readLevel(
      decodeSection(storedBytes(bytes, chunk, most), outline, chunk.unpacked),
      outline,
    );
  });
  const model = { ...shape, levels, layers, channels: shape.widths[layers.length] };
  checkRoles(model);
  layers.forEach(checkLayer);
  levels.forEach(checkLevel);
  checkMetadata(metadata, model);
  const bytesForMip = prefixes(shape, table);
  const missing = bytesForMip.filter((needed) => needed > bytes.length).length;
  return { model, metadata, bytes: table.size, finestMip: missing, bytesForMip };
}

/** Level `i` of a table that has passed `checkLevels`: coarse levels come first. */
function chunkOfLevel(table: Table, i: number): Chunk {
  return table.levels[table.levels.length - 1 - i];
}

/** The rules C7 and C8. */
function checkLevels(table: Table, shape: Shape): void {
  const { levels } = table;
  const count = shape.outlines.length;
  const inOrder =
    levels.length === count && levels.every((chunk, i) => chunk.index === count - 1 - i);
  const order = levels.map((chunk) => chunk.index).join(" ");
  require(inOrder, "C7", levels[0].entry, `levels ${order}`, "each once, coarse first");
  const total = levels.reduce((sum, chunk) => sum + chunk.unpacked, 0);
  const about = `levels of ${total} bytes`;
  require(total <= LEVELS_MOST, "C8", levels[0].entry, about, `at most ${LEVELS_MOST}`);
}

/** Mip by mip, the end of the last chunk that it or a coarser one needs. */
function prefixes(shape: Shape, table: Table): number[] {
  const count = shape.outlines.length;
  let end = chunkEnd(table.network);
  const ends: number[] = [];
  for (let mip = shape.mips - 1; mip >= 0; mip--) {
    for (let i = 0; i < count; i++) {
      const read = shape.roles[mip * count + i] !== NOT_READ;
      if (read) end = Math.max(end, chunkEnd(chunkOfLevel(table, i)));
    }
    ends.unshift(end);
  }
  return ends;
}

/** The stored bytes of a chunk that has arrived and unpacks to at most `most`. */
function storedBytes(bytes: Uint8Array, chunk: Chunk, most: number): Uint8Array {
  const end = chunkEnd(chunk);
  require(end <= bytes.length, "H6", bytes.length, "the end of the file", `a ${chunk.kind}`);
  const about = `${chunk.unpacked} bytes unpacked`;
  require(chunk.unpacked <= most, "C4", chunk.entry + 24, about, `at most ${most}`);
  return bytes.subarray(chunk.offset, end);
}

/** What a chunk of codec 0 or 1 holds, at most `most` bytes, in memory of its own. */
function unpack(bytes: Uint8Array, chunk: Chunk, most: number): Uint8Array {
  const stored = storedBytes(bytes, chunk, most);
  if (chunk.codec === STORED) {
    const { length } = stored;
    require(length === chunk.unpacked, "C5", chunk.entry + 24, chunk.unpacked, `${length} bytes`);
    return stored.slice();
  }
  const content = unzstd(stored, chunk.unpacked);
  if (typeof content === "string") {
    throw new NtcError("C5", chunk.offset, content, `a frame of ${chunk.unpacked} bytes`);
  }
  return content;
}
