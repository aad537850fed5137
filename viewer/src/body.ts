/** The canvas in three dimensions: there while the mode is, loaded when it first is. */
import { byId } from "./dom.js";
import type { Scene } from "./scene.js";
import type { State } from "./state.js";
import type { Surface } from "./surface.js";

export class Body {
  readonly canvas = byId<HTMLCanvasElement>("surface");
  /** What the last picture cost: time to draw it, bytes of B's textures. */
  milliseconds = 0;
  bytes = 0;
  private surface: Surface | undefined;

  /** Puts the maps of a scene onto the body. Throws an Error without WebGL. */
  async wear({ worn }: Scene, state: State): Promise<void> {
    if (!worn) return;
    const { Surface } = await import("./surface.js");
    this.surface ??= new Surface(this.canvas);
    this.bytes = this.surface.fill(...worn, state.filter === "filtered");
  }

  draw(state: State, width: number, height: number): void {
    this.canvas.hidden = state.mode !== "3d";
    if (this.canvas.hidden || !this.surface) return;
    this.canvas.style.width = `${width / devicePixelRatio}px`;
    this.canvas.style.height = `${height / devicePixelRatio}px`;
    const begun = performance.now();
    this.surface.draw(state, width, height);
    this.milliseconds = performance.now() - begun;
  }

  label(): string {
    const bytes = `${(this.bytes / 2 ** 20).toFixed(1)} MiB of textures`;
    return `${bytes}, submitted in ${this.milliseconds.toFixed(1)} ms`;
  }
}
