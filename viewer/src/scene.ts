/** From a state to what stands on the canvas: samples are read, pictures made, each once. */
import type { MapRecord } from "@ntc/web";
import * as api from "./api.js";
import { findFastGpu } from "./decoding.js";
import type { Entries, Entry } from "./entries.js";
import {
  anglePicture,
  differencePicture,
  flipPicture,
  type Picture,
  pictureOf,
  tilesPicture,
} from "./pictures.js";
import { type Pair, tilesOf } from "./quality.js";
import { counterpart, type MapSamples } from "./samples.js";
import type { DecoderName, State } from "./state.js";
import type { Worn } from "./surface.js";
import type { Size } from "./view.js";

const FIRST_TEXELS = 1 << 18; // of a picture that is there at once
const MOST_TEXELS = 1 << 24; // of a mip that is chosen by the page
const MOST_WORN = 1 << 22; // of maps that become textures, all at once
const MOST_ON_PROCESSOR = 1 << 18; // about 3 s
export const TILE = 64;

/** All that a picture needs and the panels tell. */
export interface Scene {
  a: Entry;
  b: Entry;
  size: Size;
  mip: number;
  mips: number;
  records: MapRecord[];
  record: MapRecord;
  left: MapSamples;
  right: MapSamples;
  /** Of A and of B; in modes of one picture the same. */
  pictures: [Picture, Picture];
  tiles: api.Tiles | undefined;
  /** A and B for a body that wears them. */
  worn: [Worn, Worn] | undefined;
}

/** The entries and maps of a state. Throws an Error that says what cannot be shown. */
export async function readScene(entries: Entries, state: State): Promise<Scene> {
  const [a, b] = entries.usual(state.a, state.b);
  for (const entry of [b, a]) if (entry.error) throw new Error(entry.error);
  const [mapsA, mapsB] = await Promise.all([a.source.maps(), b.source.maps()]);
  const records = mapsA.maps;
  const record = state.map === "" ? records[0]! : records.find(({ name }) => name === state.map);
  if (!record) {
    const names = records.map(({ name }) => name).join(", ");
    throw new Error(`map ${state.map}: ${a.name} has ${names}`);
  }
  const other = counterpart(record, mapsB.maps);
  if (!other) throw new Error(`${b.name} has no map like ${record.file} of ${a.name}`);
  const size = { width: mapsB.width, height: mapsB.height };
  const mips = Math.min(mapsA.mips, mapsB.mips);
  const mip = state.mip < 0 ? await usualMip(size, mips, b, state) : state.mip;
  if (mip >= mips) throw new Error(`mip ${mip}: there are mips 0..${mips - 1}`);
  const [left, right] = await Promise.all([
    a.source.samples(record, mip, state.decoder),
    b.source.samples(other, mip, state.decoder),
  ]);
  const tiles = state.mode === "tiles" ? await readTiles({ a, b, left, right, mip }) : undefined;
  const worn: Scene["worn"] =
    state.mode === "3d"
      ? [await a.source.worn(mip, state.decoder), await b.source.worn(mip, state.decoder)]
      : undefined;
  const partial = { a, b, size, mip, mips, records, record, left, right, tiles, worn };
  return { ...partial, pictures: await makePictures(partial, state) };
}

/** What stands until the scene itself does: B alone in a coarse mip, which the server has at once.
 *
 * Undefined where that is none of what the state wants, or where B was shown before.
 */
export async function readFirst(
  entries: Entries,
  state: State,
  before: Entry | undefined,
): Promise<Scene | undefined> {
  const [, b] = entries.usual(state.a, state.b);
  const ours = state.decoder === "auto" || state.decoder === "server";
  if (b === before || b.item?.kind !== "ntc" || state.mode !== "b" || !ours) return undefined;
  const maps = await b.source.maps();
  const mip = mipOfMost(FIRST_TEXELS, maps, maps.mips);
  if (mip <= Math.max(state.mip, 0)) return undefined;
  return readScene(entries, { ...state, a: b.key, mip, decoder: "server" });
}

async function usualMip(size: Size, mips: number, b: Entry, state: State): Promise<number> {
  const here = state.decoder === "webgpu" || !b.item; // in this browser
  const slow = state.decoder === "browser" || (here && !(await findFastGpu()));
  const usual = state.mode === "3d" ? MOST_WORN : MOST_TEXELS;
  return mipOfMost(slow ? MOST_ON_PROCESSOR : usual, size, mips);
}

/** The finest mip of at most so many texels. */
function mipOfMost(texels: number, { width, height }: Size, mips: number): number {
  let mip = 0;
  while (mip + 1 < mips && (width >> mip) * (height >> mip) > texels) mip++;
  return mip;
}

/** PSNR of tiles: by the server, of files that it does not have by this page. */
export async function readTiles({
  a,
  b,
  left,
  right,
  mip,
}: Pick<Scene, "a" | "b" | "left" | "right" | "mip">): Promise<api.Tiles> {
  if (!a.item || !b.item) return tilesOf([left, right], TILE, mip);
  return api.tiles(a.item.number, b.item.number, left.record.name, TILE);
}

function readFlip({ a, b, record }: Pick<Scene, "a" | "b" | "record">): Promise<api.Sent> {
  if (!a.item || !b.item) throw new Error("FLIP is the server's, which has no files dropped here");
  return api.flip(a.item.number, b.item.number, record.name);
}

/** All maps of A with those of B that stand for them. */
export async function readPairs(scene: Scene, decoder: DecoderName): Promise<Pair[]> {
  const { a, b, records, mip } = scene;
  const others = (await b.source.maps()).maps;
  return Promise.all(
    records.map(async (record) => {
      const other = counterpart(record, others);
      if (!other) throw new Error(`${b.name} has no map like ${record.file} of ${a.name}`);
      return Promise.all([
        a.source.samples(record, mip, decoder),
        b.source.samples(other, mip, decoder),
      ]);
    }),
  );
}

async function makePictures(
  scene: Omit<Scene, "pictures">,
  state: State,
): Promise<[Picture, Picture]> {
  const { left, right, size, tiles } = scene;
  const one = (picture: Picture): [Picture, Picture] => [picture, picture];
  switch (state.mode) {
    case "diff":
    case "signed":
    case "relative":
      return one(differencePicture(left, right, state, state.mode));
    case "angle":
      return one(anglePicture(left, right, state.gain));
    case "flip":
      return one(flipPicture(await readFlip(scene)));
    case "3d":
      return one(pictureOf(right, state));
    case "tiles":
      return one(tilesPicture(tiles!, size.width, size.height));
    default:
      return [pictureOf(left, state), pictureOf(right, state)];
  }
}
