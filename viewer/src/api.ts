/** Addresses of the server, docs/decisions/0022-viewer.md, and the documents it answers with. */
import type { MapRecord, Report } from "@ntc/web";

export interface SessionItem {
  number: number;
  name: string;
  path: string;
  kind: "ntc" | "images" | "textures";
  width: number;
  height: number;
  mips: number;
  maps: string[];
  bytes: number;
  video_memory_bytes: number;
  raw_bytes: number;
  block_bytes: number;
  reference: number | null;
  error: string | null;
}

export interface Session {
  generator: string;
  items: SessionItem[];
  fits: boolean;
}

export interface MapsReport {
  width: number;
  height: number;
  mips: number;
  maps: MapRecord[];
}

export interface CompareReport {
  equal: boolean;
  psnr: number | null;
  maps: Record<string, number | null>;
  normal_degrees: Record<string, [number, number]>;
}

export interface Tiles {
  size: number;
  columns: number;
  rows: number;
  psnr: (number | null)[];
  worst: number[];
}

export type Options = Record<string, boolean | number | string>;

export interface FitRun {
  source: number;
  options: Options;
  only: string[];
  exclude: string[];
  run: number;
  state: "running" | "done" | "cancelled" | "failed";
  seconds: number;
  item: number | null;
  bytes: number;
  bpp: number;
  psnr: number | null;
  warnings: string[];
  error: string | null;
}

export interface FitEvent {
  run: FitRun;
  texels: number;
  total: number;
  psnr: number;
  preview: number;
}

/** Samples as they travel: `[height, width, channels]` in storage space. */
export interface Sent {
  width: number;
  height: number;
  channels: number;
  values: Uint8Array | Uint16Array;
}

export async function ask(address: string, body?: object): Promise<Response> {
  const post = {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  let answer: Response;
  try {
    answer = await fetch(`api/${address}`, body ? post : {});
  } catch {
    throw new Error("the server does not answer: is `ntc view` still running?");
  }
  if (!answer.ok) throw new Error(((await answer.json()) as { error: string }).error);
  return answer;
}

async function json<T>(address: string, body?: object): Promise<T> {
  return (await (await ask(address, body)).json()) as T;
}

export async function samples(address: string): Promise<Sent> {
  const answer = await ask(address);
  const number = (name: string): number => Number(answer.headers.get(`Ntc-${name}`));
  const bytes = await answer.arrayBuffer();
  const wide = answer.headers.get("Ntc-Sample") === "uint16";
  return {
    width: number("Width"),
    height: number("Height"),
    channels: number("Channels"),
    values: wide ? new Uint16Array(bytes) : new Uint8Array(bytes),
  };
}

const encode = encodeURIComponent;

export const session = (): Promise<Session> => json("session");
export const info = (item: number): Promise<Report> => json(`item/${item}/info`);
export const maps = (item: number): Promise<MapsReport> => json(`item/${item}/maps`);
export const compare = (a: number, b: number): Promise<CompareReport> => json(`compare/${a}/${b}`);
export const runs = (): Promise<{ runs: FitRun[] }> => json("fit/runs");
export const cancelFit = (): Promise<FitRun> => json("fit/cancel", {});

export function startFit(
  source: number,
  options: Options,
  only: string[],
  exclude: string[],
): Promise<FitRun> {
  return json("fit/start", { source, options, only, exclude });
}

export function tiles(a: number, b: number, map: string, size: number): Promise<Tiles> {
  return json(`compare/${a}/${b}/tiles?map=${encode(map)}&size=${size}`);
}

export function flip(a: number, b: number, map: string): Promise<Sent> {
  return samples(`compare/${a}/${b}/flip?map=${encode(map)}`);
}

export function mapSamples(item: number, map: string, mip: number): Promise<Sent> {
  return samples(`item/${item}/map/${encode(map)}/mip/${mip}`);
}

export const preview = (map: string): Promise<Sent> => samples(`fit/preview?map=${encode(map)}`);

export async function fileBytes(item: number): Promise<ArrayBuffer> {
  return (await ask(`item/${item}/file`)).arrayBuffer();
}
