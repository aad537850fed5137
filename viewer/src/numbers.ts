/** What it costs and how good it is: never hidden. */
import * as api from "./api.js";
import { element, table } from "./dom.js";
import type { Entry } from "./entries.js";
import { type Quality, qualityOf } from "./quality.js";
import { readPairs, type Scene } from "./scene.js";
import type { DecoderName } from "./state.js";

export function bytesText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  const step = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), 3);
  return step === 0 ? `${bytes} B` : `${(bytes / 1024 ** step).toFixed(2)} ${units[step]}`;
}

export const decibels = (psnr: number | null | undefined): string =>
  psnr === null ? "exact" : psnr === undefined ? "" : psnr.toFixed(2);

function cost(bytes: number): HTMLElement {
  return element(
    "span",
    { "data-bytes": String(bytes), title: `${bytes} bytes` },
    bytesText(bytes),
  );
}

/** The numbers of B, and how it compares with A. */
export async function numbersOf(scene: Scene, decoder: DecoderName): Promise<Node[]> {
  const { b } = scene;
  const parts: Node[] = [element("h2", {}, b.name), await costs(b)];
  try {
    parts.push(...(await quality(scene, decoder)));
  } catch (error) {
    // The picture stands all the same.
    parts.push(element("p", { class: "error" }, (error as Error).message));
  }
  parts.push(element("p", { id: "device" }, b.source.by));
  return parts;
}

async function costs(b: Entry): Promise<HTMLElement> {
  const report = await b.report();
  const { item } = b;
  const rows: (Node | string)[][] = [["", ""]];
  if (report) {
    rows.push(["file", cost(report.bytes)], ["video memory", cost(report.video_memory_bytes)]);
    if (item) {
      const times = (bytes: number): string =>
        ` · ${(bytes / report.video_memory_bytes).toFixed(1)}×`;
      const line = (bytes: number): Node => element("span", {}, cost(bytes), times(bytes));
      rows.push(["as BC7, BC5, BC4", line(item.block_bytes)], ["raw", line(item.raw_bytes)]);
    }
    const profile = report.fit.settings["profile"];
    rows.push(["bits a texel", element("span", { id: "bpp" }, String(report.bpp))]);
    rows.push(["encoding", report.encoding], ["filtering", report.fit.filtering]);
    if (profile !== undefined) rows.push(["profile", String(profile)]);
    rows.push(["decoder", report.decoder.join(" → ")]);
    rows.push(["size", `${report.width}×${report.height}, ${report.mips} mips`]);
  } else if (item) {
    rows.push([item.kind, cost(item.bytes)], ["size", `${item.width}×${item.height}`]);
  }
  return table("costs", rows);
}

/** PSNR of each map: measured by the server, of files it does not have here; else as fitted. */
async function quality(scene: Scene, decoder: DecoderName): Promise<Node[]> {
  const { a, b, mip } = scene;
  if (a !== b && a.item && b.item) {
    const report = await api.compare(a.item.number, b.item.number);
    const rows = psnrRows(report.psnr, report.maps);
    for (const [name, [mean, most]] of Object.entries(report.normal_degrees)) {
      rows.push([`${name}, degrees`, `${mean.toFixed(2)}, at most ${most.toFixed(1)}`]);
    }
    return [element("h3", {}, `B against ${a.name}`), table("psnr", rows)];
  }
  if (a !== b) {
    const { all, maps } = await measure(scene, decoder);
    const title = `B against ${a.name}, measured here in mip ${mip}`;
    return [element("h3", {}, title), table("psnr", psnrRows(all, maps))];
  }
  const report = await b.report();
  if (!report) return [];
  const rows = psnrRows(report.psnr, report.map_psnr);
  return [element("h3", {}, "as it was fitted"), table("psnr", rows)];
}

/** What was measured here last: all texels of all maps, which most of a view changes nothing of. */
let measured: { key: string; quality: Quality } | undefined;

async function measure(scene: Scene, decoder: DecoderName): Promise<Quality> {
  const key = [scene.a.key, scene.b.key, scene.mip, decoder].join(" ");
  if (measured?.key !== key) {
    measured = { key, quality: qualityOf(await readPairs(scene, decoder)) };
  }
  return measured.quality;
}

function psnrRows(all: number | null, maps: Record<string, number | null>): (Node | string)[][] {
  const value = (psnr: number | null): Node =>
    element("span", { "data-psnr": String(psnr) }, decibels(psnr));
  const rows: (Node | string)[][] = [
    ["map", "dB"],
    ["all", value(all)],
  ];
  for (const [name, psnr] of Object.entries(maps)) rows.push([name, value(psnr)]);
  return rows;
}
