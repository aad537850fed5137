/** The bar above the picture. */
import { button, choice, element, numberField } from "./dom.js";
import type { Entries } from "./entries.js";
import type { Scene } from "./scene.js";
import {
  type DecoderName,
  DECODERS,
  type Filter,
  FILTERS,
  type Mode,
  type Shape,
  SHAPES,
  type Show,
  type Store,
} from "./state.js";

const MODE_NAMES: [Mode, string, string][] = [
  ["a", "A", "A alone (a)"],
  ["b", "B", "B alone (b)"],
  ["split", "split", "A left of the divider, B right of it (s)"],
  ["side", "side", "A beside B (v)"],
  ["diff", "|A−B|", "difference (d)"],
  ["signed", "B−A", "signed difference, grey is none (D)"],
  ["relative", "|A−B|/A", "relative difference (r)"],
  ["flip", "FLIP", "what an eye sees of the difference (f)"],
  ["tiles", "tiles", "PSNR of tiles (t); n: the next worst"],
  ["angle", "angle", "between normals (g)"],
  ["3d", "3D", "on a body, A left of the divider (p)"],
  ["fit", "fit", "compress (l)"],
];

export interface BarActs {
  openFiles(files: FileList): void;
  help(): void;
  theme(): void;
}

/** Fills the bar anew; whichever control had the focus keeps it. */
export function fillBar(
  bar: HTMLElement,
  store: Store,
  entries: Entries,
  scene: Scene | undefined,
  acts: BarActs,
): void {
  const active = document.activeElement as HTMLInputElement | null;
  const focused = active && bar.contains(active) ? active.name : "";
  bar.replaceChildren(slots(store, entries, scene), modes(store, entries), page(acts));
  bar.append(element("span", { class: "break" }));
  if (scene && store.state.mode === "3d") bar.append(body(store, scene));
  else if (scene) bar.append(mapTabs(store, scene), values(store, scene));
  if (focused) bar.querySelector<HTMLElement>(`[name="${CSS.escape(focused)}"]`)?.focus();
}

function slots(store: Store, entries: Entries, scene: Scene | undefined): HTMLElement {
  const names: [string, string][] = entries.all.map(({ key, name }) => [key, name]);
  const { state } = store;
  const swap = button("⇄", "A for B", () => {
    if (scene) store.set({ a: scene.b.key, b: scene.a.key });
  });
  return element(
    "span",
    { class: "group" },
    choice("A", names, scene?.a.key ?? state.a, (a) => store.set({ a })),
    swap,
    choice("B", names, scene?.b.key ?? state.b, (b) => store.set({ b })),
  );
}

function modes(store: Store, entries: Entries): HTMLElement {
  const group = element("span", { class: "group", role: "group", "aria-label": "mode" });
  for (const [mode, text, title] of MODE_NAMES) {
    if (mode === "fit" && !entries.session?.fits) continue;
    const made = button(text, title, () => store.set({ mode }));
    made.name = `mode-${mode}`;
    made.setAttribute("aria-pressed", String(store.state.mode === mode));
    group.append(made);
  }
  return group;
}

function mapTabs(store: Store, scene: Scene): HTMLElement {
  const group = element("span", { class: "group", role: "group", "aria-label": "map" });
  scene.records.forEach(({ name, semantic, sample }, i) => {
    const title = `${semantic}, ${sample} (${i + 1})`;
    const made = button(name, title, () => store.set({ map: name, channel: -1 }));
    made.name = `map-${name}`;
    made.setAttribute("aria-pressed", String(name === scene.record.name));
    group.append(made);
  });
  return group;
}

function mipChoice(store: Store, { mips, mip, size }: Scene): HTMLElement {
  const choices: [string, string][] = Array.from({ length: mips }, (_, one) => [
    String(one),
    `${one}: ${Math.max(size.width >> one, 1)}×${Math.max(size.height >> one, 1)}`,
  ]);
  return choice("mip", choices, String(mip), (chosen) => store.set({ mip: Number(chosen) }));
}

/** What there is to choose of a body in three dimensions. */
function body(store: Store, scene: Scene): HTMLElement {
  const { state } = store;
  return element(
    "span",
    { class: "group" },
    choice(
      "body",
      SHAPES.map((name) => [name, name]),
      state.shape,
      (shape) => store.set({ shape: shape as Shape }),
    ),
    choice(
      "filter",
      FILTERS.map((name) => [name, name]),
      state.filter,
      (filter) => store.set({ filter: filter as Filter }),
    ),
    mipChoice(store, scene),
    numberField("light", state.light, { min: 0, max: 360, step: 15 }, (light) =>
      store.set({ light }),
    ),
  );
}

function values(store: Store, scene: Scene): HTMLElement {
  const { state } = store;
  const channels: [string, string][] = scene.right.record.channels.map(({ meaning }, i) => [
    String(i),
    meaning,
  ]);
  const shows: [string, string][] = [
    ["values", "values"],
    ["xyz", "XYZ"],
    ["lit", "lit"],
  ];
  const set = (name: "gain" | "exposure" | "low" | "high") => (value: number) =>
    store.set({ [name]: value });
  const group = element(
    "span",
    { class: "group" },
    mipChoice(store, scene),
    choice("channel", [["-1", "all"], ...channels], String(state.channel), (channel) =>
      store.set({ channel: Number(channel) }),
    ),
    numberField("gain", state.gain, { min: 1, max: 64, step: 1 }, set("gain")),
    numberField("exposure", state.exposure, { min: -16, max: 16, step: 0.5 }, set("exposure")),
    numberField("low", state.low, { min: -1e6, max: 1e6, step: 0.05 }, set("low")),
    numberField("high", state.high, { min: -1e6, max: 1e6, step: 0.05 }, set("high")),
    choice(
      "tiles",
      [
        ["1", "1×1"],
        ["3", "3×3"],
      ],
      String(state.tiling),
      (tiling) => store.set({ tiling: Number(tiling) }),
    ),
    choice(
      "decoder",
      DECODERS.map((name) => [name, name]),
      state.decoder,
      (decoder) => store.set({ decoder: decoder as DecoderName }),
    ),
  );
  if (scene.right.record.semantic === "normal") {
    group.append(choice("normals", shows, state.show, (show) => store.set({ show: show as Show })));
    if (state.show === "lit") {
      const bounds = { min: 0, max: 360, step: 15 };
      group.append(numberField("light", state.light, bounds, (light) => store.set({ light })));
    }
  }
  return group;
}

function page(acts: BarActs): HTMLElement {
  const files = element("input", { type: "file", id: "files", accept: ".ntc", multiple: "" });
  files.hidden = true;
  files.addEventListener("change", () => files.files && acts.openFiles(files.files));
  return element(
    "span",
    { class: "group page" },
    button("Open…", "a .ntc of this machine; or drop it here", () => files.click()),
    files,
    button("◐", "dark or light (k)", acts.theme),
    button("?", "keys (?)", acts.help),
  );
}
