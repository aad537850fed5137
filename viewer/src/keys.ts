/** The keyboard: one table, which the help shows too. */
import { element, table } from "./dom.js";
import {
  bounded,
  FILTERS,
  type Mode,
  SHAPES,
  SHOWS,
  type State,
  type Store,
  WHOLE,
} from "./state.js";

/** What keys need beyond the state. */
export interface Acts {
  names(): string[];
  channels(): number;
  mip(): number;
  mips(): number;
  zoomBy(factor: number): void;
  fullSize(): void;
  panBy(x: number, y: number): void;
  worst(step: number): void;
  help(): void;
  theme(): void;
}

type Act = (store: Store, acts: Acts) => void;

const mode =
  (name: Mode): Act =>
  (store) =>
    store.set({ mode: name });

const change =
  (make: (state: State, acts: Acts) => Partial<State>): Act =>
  (store, acts) =>
    store.set(make(store.state, acts));

const next = <T>(all: readonly T[], now: T): T => all[(all.indexOf(now) + 1) % all.length]!;

/** Keys, what they do, and the doing. */
export const KEYS: readonly [string[], string, Act][] = [
  [["a"], "A alone", mode("a")],
  [["b"], "B alone", mode("b")],
  [["s"], "split: drag the divider", mode("split")],
  [["v"], "side by side", mode("side")],
  [["d"], "difference", mode("diff")],
  [["D"], "signed difference", mode("signed")],
  [["r"], "relative difference", mode("relative")],
  [["f"], "FLIP", mode("flip")],
  [["t"], "PSNR of tiles", mode("tiles")],
  [["g"], "angle between normals", mode("angle")],
  [["p"], "on a body", mode("3d")],
  [["y"], "next body", change(({ shape }) => ({ shape: next(SHAPES, shape) }))],
  [["i"], "next filter on a body", change(({ filter }) => ({ filter: next(FILTERS, filter) }))],
  [["l"], "fit", mode("fit")],
  [["n"], "next worst tile", (_, acts) => acts.worst(1)],
  [["N"], "tile before", (_, acts) => acts.worst(-1)],
  [["]"], "twice the gain", change(({ gain }) => ({ gain: bounded("gain", 2 * gain) }))],
  [["["], "half the gain", change(({ gain }) => ({ gain: bounded("gain", gain / 2) }))],
  [
    ["c"],
    "next channel alone",
    change(({ channel }, acts) => ({ channel: channel + 1 < acts.channels() ? channel + 1 : -1 })),
  ],
  [["0"], "all channels", change(() => ({ channel: -1 }))],
  [["o"], "normals: values, XYZ, lit", change(({ show }) => ({ show: next(SHOWS, show) }))],
  [["m"], "coarser mip", change((_, acts) => ({ mip: Math.min(acts.mip() + 1, acts.mips() - 1) }))],
  [["M"], "finer mip", change((_, acts) => ({ mip: Math.max(acts.mip() - 1, 0) }))],
  [["x"], "3 by 3", change(({ tiling }) => ({ tiling: tiling === 1 ? 3 : 1 }))],
  [
    ["e"],
    "brighter",
    change(({ exposure }) => ({ exposure: bounded("exposure", exposure + 0.5) })),
  ],
  [["E"], "darker", change(({ exposure }) => ({ exposure: bounded("exposure", exposure - 0.5) }))],
  [["+", "="], "closer", (_, acts) => acts.zoomBy(2)],
  [["-"], "farther", (_, acts) => acts.zoomBy(0.5)],
  [["z"], "a pixel for a texel", (_, acts) => acts.fullSize()],
  [["Home", "h"], "all of the material", change(() => WHOLE)],
  [["ArrowLeft"], "left", (_, acts) => acts.panBy(-1, 0)],
  [["ArrowRight"], "right", (_, acts) => acts.panBy(1, 0)],
  [["ArrowUp"], "up", (_, acts) => acts.panBy(0, -1)],
  [["ArrowDown"], "down", (_, acts) => acts.panBy(0, 1)],
  [["k"], "dark or light", (_, acts) => acts.theme()],
  [["?"], "this list", (_, acts) => acts.help()],
];

/** Listens to keys; `hold` is told while the space bar is down. */
export function listenToKeys(store: Store, acts: Acts, hold: (down: boolean) => void): void {
  const writing = (event: KeyboardEvent): boolean =>
    (event.target as HTMLElement).matches("input, textarea, select");
  addEventListener("keydown", (event) => {
    if (writing(event) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog[open]") && event.key !== "?") return; // its list is scrolled
    if (event.key === " ") {
      event.preventDefault();
      if (!event.repeat) hold(true);
      return;
    }
    const name = /^[1-9]$/.test(event.key) ? acts.names()[Number(event.key) - 1] : undefined;
    if (name !== undefined) store.set({ map: name, channel: -1 });
    const found = KEYS.find(([keys]) => keys.includes(event.key));
    if (!found) return;
    event.preventDefault();
    found[2](store, acts);
  });
  addEventListener("keyup", (event) => {
    if (event.key !== " ") return;
    if (!writing(event)) event.preventDefault(); // or a button that has the focus is pressed
    hold(false);
  });
  addEventListener("blur", () => hold(false));
}

export function keyTable(): HTMLElement {
  const mouse = [
    ["space, held", "A instead of B, and B instead of A"],
    ["1 to 9", "maps"],
    ["drag, wheel", "move or turn, closer and farther"],
    ["double click", "all of the material"],
    ["drop files", "one as B, two as A and B"],
  ];
  const rows = KEYS.map(([keys, told]) => [keys.join(" or "), told]);
  return element(
    "div",
    {},
    element("h2", {}, "Keys"),
    table("keys", [["", ""], ...mouse, ...rows]),
  );
}
