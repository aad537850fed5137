/** What the page shows, as the fragment of its address says it. */

export const MODES = [
  "a",
  "b",
  "split",
  "side",
  "diff",
  "signed",
  "relative",
  "flip",
  "tiles",
  "angle",
  "3d",
  "fit",
] as const;
export const SHOWS = ["values", "xyz", "lit"] as const;
export const SHAPES = ["sphere", "plane", "cube", "cloth"] as const;
export const FILTERS = ["auto", "texel", "filtered", "exact", "stochastic"] as const;
export const DECODERS = ["auto", "webgpu", "browser", "server"] as const;

export type Mode = (typeof MODES)[number];
export type Show = (typeof SHOWS)[number];
export type Shape = (typeof SHAPES)[number];
export type Filter = (typeof FILTERS)[number];
export type DecoderName = (typeof DECODERS)[number];

export interface State {
  /** Keys of entries; empty: chosen by the page. */
  a: string;
  b: string;
  mode: Mode;
  /** The name of a map; empty: the first. */
  map: string;
  /** -1: the finest that a browser can hold. */
  mip: number;
  /** A channel alone, in grey; -1: all. */
  channel: number;
  show: Show;
  gain: number;
  /** Stops. */
  exposure: number;
  /** What is shown black, and what white. */
  low: number;
  high: number;
  /** Pixels a texel of mip 0; 0: all of the material. */
  zoom: number;
  /** The middle of the view, in parts of the material. */
  x: number;
  y: number;
  /** Where A ends and B begins, in parts of the view. */
  split: number;
  /** Times that the material is repeated in each direction. */
  tiling: number;
  /** Where the light is, in degrees. */
  light: number;
  /** The body that wears the material, how it is turned in degrees, how far it is, how it is read. */
  shape: Shape;
  turn: number;
  tilt: number;
  distance: number;
  filter: Filter;
  decoder: DecoderName;
}

/** All of the material, as it comes. */
export const WHOLE = { zoom: 0, x: 0.5, y: 0.5, turn: 0, tilt: 0, distance: 4 } as const;

export const USUAL: State = {
  a: "",
  b: "",
  mode: "b",
  map: "",
  mip: -1,
  channel: -1,
  show: "values",
  gain: 8,
  exposure: 0,
  low: 0,
  high: 1,
  split: 0.5,
  tiling: 1,
  light: 135,
  shape: "sphere",
  filter: "auto",
  decoder: "auto",
  ...WHOLE,
};

/** Least and most of each number. */
const BOUNDS = {
  mip: [-1, 15],
  channel: [-1, 31],
  gain: [1, 64],
  exposure: [-16, 16],
  low: [-1e6, 1e6],
  high: [-1e6, 1e6],
  zoom: [0, 256],
  x: [-1, 2],
  y: [-1, 2],
  split: [0, 1],
  tiling: [1, 3],
  light: [0, 360],
  turn: [-180, 180],
  tilt: [-89, 89],
  distance: [1.5, 50],
} as const;

const CHOICES: Record<string, readonly string[]> = {
  mode: MODES,
  show: SHOWS,
  shape: SHAPES,
  filter: FILTERS,
  decoder: DECODERS,
};
const INTEGERS = new Set(["mip", "channel", "tiling"]);

/** The state that a fragment says. Throws an Error that names what it cannot mean. */
export function parseState(fragment: string): State {
  const found: Record<string, string | number> = { ...USUAL };
  for (const [name, text] of new URLSearchParams(fragment.replace(/^#/, ""))) {
    if (!(name in USUAL)) throw new Error(`${name}: there is no such part of a view`);
    found[name] = typeof found[name] === "number" ? numberOf(name, text) : choiceOf(name, text);
  }
  return found as unknown as State;
}

function numberOf(name: string, text: string): number {
  const [least, most] = BOUNDS[name as keyof typeof BOUNDS];
  const value = Number(text);
  const legal = text !== "" && value >= least && value <= most;
  if (!legal || (INTEGERS.has(name) && !Number.isInteger(value))) {
    throw new Error(`${name} ${text}: use ${least} to ${most}`);
  }
  return value;
}

function choiceOf(name: string, text: string): string {
  const choices = CHOICES[name];
  if (choices && !choices.includes(text)) {
    throw new Error(`${name} ${text}: use one of ${choices.join(", ")}`);
  }
  return text;
}

/** The fragment of a state: what is not as usual. */
export function formatState(state: State): string {
  const parts = new URLSearchParams();
  for (const [name, value] of Object.entries(state)) {
    if (value === USUAL[name as keyof State]) continue;
    const shown = typeof value === "number" ? Number(value.toFixed(6)) : value;
    parts.set(name, String(shown));
  }
  return parts.size ? `#${parts}` : "";
}

/** A number held to its bounds. */
export function bounded(name: keyof typeof BOUNDS, value: number): number {
  const [least, most] = BOUNDS[name];
  return Math.min(Math.max(value, least), most);
}

/** The one place that the state is kept in; who listens is told of every change. */
export class Store {
  private readonly listeners: (() => void)[] = [];

  constructor(public state: State) {}

  set(change: Partial<State>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }

  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }
}
