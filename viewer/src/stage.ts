/** The picture with all that lies over it. */
import { byId } from "./dom.js";
import { clearMarks, type Outline, writeNumbers, writeOutline } from "./marks.js";
import { legend } from "./pictures.js";
import type { Scene } from "./scene.js";
import type { State } from "./state.js";
import { paint, type Pane, type Placement, placementOf, zoomOf } from "./view.js";

export class Stage {
  readonly canvas = byId<HTMLCanvasElement>("picture");
  readonly divider = byId("divider");
  private readonly marks = byId<HTMLCanvasElement>("marks");
  private readonly labels = byId("labels");
  private readonly box = byId("stage");

  constructor(changed: () => void) {
    new ResizeObserver(() => this.fit() && changed()).observe(this.box);
    this.fit();
  }

  /** Whether the canvas had to change, to have a pixel for each of the screen. */
  private fit(): boolean {
    const width = Math.max(Math.round(this.box.clientWidth * devicePixelRatio), 1);
    const height = Math.max(Math.round(this.box.clientHeight * devicePixelRatio), 1);
    if (this.canvas.width === width && this.canvas.height === height) return false;
    for (const canvas of [this.canvas, this.marks]) {
      canvas.width = width;
      canvas.height = height;
      canvas.style.width = `${width / devicePixelRatio}px`;
      canvas.style.height = `${height / devicePixelRatio}px`;
    }
    return true;
  }

  draw(scene: Scene, state: State, held: boolean, outline: Outline | undefined): void {
    const panes = state.mode === "3d" ? [] : this.panes(scene, state, held);
    paint(this.canvas, panes, state, scene.size);
    const context = clearMarks(this.marks);
    for (const pane of panes) {
      const placement = this.placement(scene, state, pane.middle);
      const samples = pane.picture === scene.pictures[0] ? scene.left : scene.right;
      const plain = scene.pictures[0] !== scene.pictures[1] || scene.left === scene.right;
      const { left, right } = pane;
      const shown = plain && state.tiling === 1 ? samples : undefined;
      writeNumbers(context, { samples: shown, placement, left, right }, scene.size);
      if (outline) writeOutline(context, placement, outline);
    }
    this.canvas.hidden = this.marks.hidden = state.mode === "3d";
    this.divider.hidden = state.mode !== "split" && state.mode !== "3d";
    this.divider.style.left = `${(state.split * this.canvas.width) / devicePixelRatio}px`;
    this.say(this.label(scene, state, held));
  }

  say(text: string): void {
    this.labels.textContent = text;
  }

  private panes({ pictures }: Scene, state: State, held: boolean): Pane[] {
    const { width } = this.canvas;
    const [a, b] = held ? [pictures[1], pictures[0]] : pictures;
    if (state.mode === "split") {
      const at = Math.round(state.split * width);
      return [
        { picture: a, left: 0, right: at, middle: width / 2 },
        { picture: b, left: at, right: width, middle: width / 2 },
      ];
    }
    if (state.mode === "side") {
      const half = Math.floor(width / 2);
      return [
        { picture: a, left: 0, right: half, middle: half / 2 },
        { picture: b, left: half, right: width, middle: half + half / 2 },
      ];
    }
    return [{ picture: state.mode === "a" ? a : b, left: 0, right: width, middle: width / 2 }];
  }

  private label(scene: Scene, state: State, held: boolean): string {
    const { mode } = state;
    const one = mode === "a" || mode === "b";
    const zoom = `${Number((100 * zoomOf(state, scene.size, this.paneWidth(state), this.canvas.height)).toPrecision(3))} %`;
    const first = (mode === "a") !== held;
    const name = one ? (first ? `A: ${scene.a.name}` : `B: ${scene.b.name}`) : legend(state);
    const both =
      mode === "split" || mode === "side" ? `A: ${scene.a.name} · B: ${scene.b.name}` : "";
    return [name || both, `${scene.record.name}, mip ${scene.mip}`, zoom]
      .filter(Boolean)
      .join(" · ");
  }

  private paneWidth(state: State): number {
    return state.mode === "side" ? Math.floor(this.canvas.width / 2) : this.canvas.width;
  }

  private placement(scene: Scene, state: State, middle: number): Placement {
    return placementOf(state, scene.size, this.paneWidth(state), this.canvas.height, middle);
  }

  /** How texels lie under a pixel of the canvas. */
  placementAt(scene: Scene, state: State, x: number): Placement {
    const half = this.paneWidth(state) / 2;
    const second = state.mode === "side" && x >= 2 * half;
    return this.placement(scene, state, second ? 3 * half : half);
  }
}
