/** The canvas in three dimensions: there while the mode is, loaded when it first is. */
import { byId } from "./dom.js";
import type { Scene } from "./scene.js";
import type { State } from "./state.js";
import type { Surface } from "./surface.js";

export class Body {
  readonly canvas = byId<HTMLCanvasElement>("surface");
  /** Resolves when what was drawn last stands. */
  drawn: Promise<void> = Promise.resolve();
  private surface: Promise<Surface> | undefined;
  private ready: Surface | undefined;
  private time = "";
  private measuring = false;

  /** `told` is called when the label has changed. */
  constructor(private readonly told: () => void) {}

  /** Puts both sides of a scene onto the body. Throws an Error without WebGPU and WebGL2. */
  async wear({ worn }: Scene, state: State): Promise<void> {
    if (!worn) return;
    this.surface ??= import("./surface.js").then(({ Surface }) => Surface.create(this.canvas));
    this.ready = await this.surface;
    this.ready.wear(...worn, state.filter);
  }

  draw({ size, worn }: Scene, state: State, width: number, height: number): void {
    this.canvas.hidden = state.mode !== "3d";
    if (this.canvas.hidden || !this.ready || !worn) return;
    this.canvas.style.width = `${width / devicePixelRatio}px`;
    this.canvas.style.height = `${height / devicePixelRatio}px`;
    const begun = performance.now();
    this.ready.draw(state, size, width, height);
    if (!this.measuring) this.drawn = this.measure(this.ready, begun);
  }

  private async measure(surface: Surface, begun: number): Promise<void> {
    this.measuring = true;
    const ofDevice = await surface.finished().finally(() => (this.measuring = false));
    const took = ofDevice ?? performance.now() - begun;
    this.time = `${took.toFixed(1)} ms ${ofDevice === undefined ? "a frame" : "on the device"}`;
    this.told();
  }

  label(a: string, b: string): string {
    const [left, right] = this.ready?.told() ?? [];
    const { backend } = this.ready ?? {};
    return `A: ${a}, ${left} · B: ${b}, ${right} · ${backend}, ${this.time}`;
  }
}
