/** The page: state to scene to picture, one way; controls change the state alone. */
import { Body } from "./body.js";
import { fillBar } from "./controls.js";
import { byId, element } from "./dom.js";
import { findGpu } from "./decoding.js";
import { Entries } from "./entries.js";
import { FitPanel } from "./fit.js";
import { withPreview } from "./fitScene.js";
import { histogram, inspect, texelAt } from "./inspector.js";
import { keyTable, listenToKeys } from "./keys.js";
import type { Outline } from "./marks.js";
import { numbersOf } from "./numbers.js";
import { listenToDrops, listenToPointer } from "./pointer.js";
import { readFirst, readScene, readTiles, type Scene } from "./scene.js";
import { Stage } from "./stage.js";
import { bounded, formatState, parseState, type State, Store, USUAL, WHOLE } from "./state.js";
import { restoreTheme, toggleTheme } from "./theme.js";
import { placeAt, zoomOf } from "./view.js";

const PAN_STEP = 0.1; // of the view
const VIEW_ONLY = new Set(["zoom", "x", "y", "split", "tiling", "turn", "tilt", "distance"]);
const TURN = 0.4; // degrees a pixel
const TURN_STEP = 25; // pixels a key
const ADDRESS_PAUSE = 110; // ms: Safari throws when it is told of more than 100 in 10 s

const root = document.documentElement;
const bar = byId("bar");
const panel = byId("panel");
const message = byId("message");
const help = byId<HTMLDialogElement>("help");

const entries = new Entries();
const store = new Store(USUAL);
const stage = new Stage(() => repaint());
const body = new Body(() => sayBody());
let scene: Scene | undefined;
let held = false;
let worst = -1;
let outline: Outline | undefined;
let asked = 0;
let drawing = false;
let pausing = false;
let pointed: [number, number] | undefined;

const sides = element("div");
const graph = element("div");
const inspected = element("div");
panel.append(sides, graph, inspected);

function fail(error: unknown): void {
  const text = error instanceof Error ? error.message : String(error);
  root.dataset["error"] = message.textContent = text;
}

function sceneKey(state: State): string {
  return JSON.stringify(Object.entries(state).filter(([name]) => !VIEW_ONLY.has(name)));
}

/** Paints at the next frame, once. */
function repaint(): void {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    draw();
  });
}

function draw(): void {
  if (!scene) return;
  const { width, height } = stage.canvas;
  body.draw(scene, store.state, width, height);
  stage.draw(scene, store.state, held, outline);
  inspectPointed();
  const { mode } = store.state;
  const { latest } = fit;
  sayBody();
  if (mode === "fit" && latest?.preview) {
    stage.say(`preview ${latest.preview} of run ${latest.run.run} · ${scene.record.name}`);
  }
}

function sayBody(): void {
  if (scene && store.state.mode === "3d") stage.say(body.label(scene.a.name, scene.b.name));
}

/** Reads what the state wants and shows it; a later wish overtakes an earlier one. */
async function refresh(): Promise<void> {
  const mine = ++asked;
  delete root.dataset["ready"];
  delete root.dataset["shown"];
  delete root.dataset["error"];
  message.textContent = "";
  root.dataset["busy"] = "1";
  fillBar(bar, store, entries, scene, barActs);
  const { state } = store;
  if (state.mode === "fit") fit.open(entries.session?.items ?? []);
  try {
    const first = await readFirst(entries, state, scene?.b).catch(() => undefined);
    if (mine !== asked) return;
    if (first) show(first, "coarse");
    const found = await (state.mode === "fit"
      ? withPreview(entries, state, fit.latest)
      : readScene(entries, state));
    if (mine !== asked) return;
    if (found.record.name !== scene?.record.name || found.b !== scene?.b) worst = -1;
    if (worst < 0) outline = undefined;
    await body.wear(found, state);
    if (mine !== asked) return;
    show(found, "sharp");
    await body.drawn;
    await fillPanel(found, state);
    if (mine === asked) root.dataset["ready"] = "1";
  } catch (error) {
    if (mine === asked) fail(error);
  } finally {
    if (mine === asked) delete root.dataset["busy"];
  }
}

/** Puts a scene onto the page; what else is told of it follows. */
function show(found: Scene, how: "coarse" | "sharp"): void {
  scene = found;
  fillBar(bar, store, entries, scene, barActs);
  draw();
  root.dataset["shown"] = how;
}

async function fillPanel(found: Scene, state: State): Promise<void> {
  const parts = state.mode === "fit" ? [] : await numbersOf(found, state.decoder);
  if (scene !== found) return;
  // What is being written into the form of fits would lose the focus.
  if (state.mode !== "fit") sides.replaceChildren(...parts);
  else if (sides.firstChild !== fit.node) sides.replaceChildren(fit.node);
  graph.replaceChildren(histogram(found, state.channel));
}

/** Shows a file as B; of several the first as A beside the last. */
async function openFiles(files: Iterable<File>): Promise<void> {
  const failures: string[] = [];
  const keys: string[] = [];
  for (const file of files) {
    try {
      keys.push((await entries.addFile(file)).key);
    } catch (error) {
      failures.push((error as Error).message);
    }
  }
  const [first, last] = [keys[0], keys.at(-1)];
  if (last !== undefined && first !== last) store.set({ a: first!, b: last, map: "", mode: "split" });
  else if (last !== undefined) store.set({ a: scene?.a.key ?? last, b: last, map: "", mode: "b" });
  if (failures.length) fail(failures.join("\n"));
}

/** Shows the tile that is the next worst, or the one before. */
async function showWorst(step: number): Promise<void> {
  if (!scene) return;
  const { record, size } = scene;
  const tiles = scene.tiles ?? (await readTiles(scene));
  if (tiles.worst.length === 0) throw new Error(`${record.name}: no tile differs`);
  worst = (worst + step + tiles.worst.length) % tiles.worst.length;
  const place = tiles.worst[worst]!;
  const [x, y] = [
    (place % tiles.columns) * tiles.size,
    Math.floor(place / tiles.columns) * tiles.size,
  ];
  const [width, height] = [
    Math.min(tiles.size, size.width - x),
    Math.min(tiles.size, size.height - y),
  ];
  outline = { x, y, width, height };
  const psnr = tiles.psnr[place];
  message.textContent = `tile ${worst + 1} of ${tiles.worst.length}: ${psnr?.toFixed(2)} dB`;
  const zoom = Math.min(stage.canvas.width, stage.canvas.height) / (3 * tiles.size);
  const middle = { x: (x + width / 2) / size.width, y: (y + height / 2) / size.height };
  store.set({ zoom: bounded("zoom", zoom), ...middle });
}

function zoomNow(): number {
  const { width, height } = stage.canvas;
  return scene ? zoomOf(store.state, scene.size, width, height) : 1;
}

/** Changes the zoom; the place under the pixel stays there. */
function zoomAt(zoom: number, x: number, y: number): void {
  if (!scene || store.state.mode === "3d") return;
  const { state } = store;
  const placement = stage.placementAt(scene, state, x);
  const [u, v] = placeAt(placement, x, y);
  const next = Math.min(Math.max(zoom, 1 / 64), 256);
  const { width, height } = scene.size;
  const middleX = placement.left + state.x * width * placement.zoom;
  const middleY = placement.top + state.y * height * placement.zoom;
  store.set({
    zoom: next,
    x: bounded("x", (u - (x - middleX) / next) / width),
    y: bounded("y", (v - (y - middleY) / next) / height),
  });
}

function panBy(pixelsX: number, pixelsY: number): void {
  if (!scene) return;
  const { x, y } = store.state;
  const zoom = zoomNow();
  store.set({
    zoom,
    x: bounded("x", x + pixelsX / zoom / scene.size.width),
    y: bounded("y", y + pixelsY / zoom / scene.size.height),
  });
}

/** Turns the body, as far as a hand moved. */
function turnBy(x: number, y: number): void {
  const { turn, tilt } = store.state;
  const around = ((turn + TURN * x + 540) % 360) - 180;
  store.set({ turn: bounded("turn", around), tilt: bounded("tilt", tilt + TURN * y) });
}

/** Closer by a factor: to the body, else to the picture, where a place stays under its pixel. */
function closer(factor: number, x: number, y: number): void {
  const { mode, distance } = store.state;
  if (mode === "3d") store.set({ distance: bounded("distance", distance / factor) });
  else zoomAt(zoomNow() * factor, x, y);
}

function texelUnder(x: number, y: number): [number, number] | undefined {
  if (!scene || store.state.mode === "3d") return undefined;
  return texelAt(scene, ...placeAt(stage.placementAt(scene, store.state, x), x, y));
}

function hover(x: number, y: number): void {
  if (texelUnder(x, y)) pointed = [x, y];
  inspectPointed();
}

/** Tells of the texel where the pointer was last, whatever is shown there by now. */
function inspectPointed(): void {
  const texel = pointed && texelUnder(...pointed);
  inspected.replaceChildren(...(scene && texel ? [inspect(scene, ...texel)] : []));
}

const showHelp = (): void => (help.open ? help.close() : help.showModal());

const barActs = { openFiles: (files: FileList) => void openFiles(files), help: showHelp, theme };

function theme(): void {
  toggleTheme();
  if (scene) void fillPanel(scene, store.state).catch(fail);
}

const fit = new FitPanel(
  (item, source) =>
    void entries
      .refresh()
      .then(() => store.set({ a: String(source), b: String(item), mode: "split", map: "" }))
      .catch(fail),
  (event) =>
    void (event.run.state === "running" ? Promise.resolve() : entries.refresh())
      .then(() => (store.state.mode === "fit" ? refresh() : undefined))
      .catch(fail),
  fail,
);

/** Says the state in the address; while it moves, not each time. */
function tellAddress(): void {
  if (pausing) return;
  history.replaceState(null, "", location.pathname + formatState(store.state));
  const told = store.state;
  const { hash } = location;
  pausing = true;
  setTimeout(() => {
    pausing = false;
    if (store.state === told) return;
    if (location.hash === hash) tellAddress();
    else setTimeout(tellAddress, ADDRESS_PAUSE); // another one was written: it is heard first
  }, ADDRESS_PAUSE);
}

function listen(): void {
  let before = sceneKey(store.state);
  store.onChange(() => {
    tellAddress();
    const now = sceneKey(store.state);
    if (now === before) {
      repaint();
      return;
    }
    before = now;
    void refresh();
  });
  addEventListener("hashchange", () => {
    try {
      store.set(parseState(location.hash));
    } catch (error) {
      fail(error);
    }
  });
  listenToKeys(
    store,
    {
      names: () => scene?.records.map(({ name }) => name) ?? [],
      channels: () => scene?.right.channels ?? 1,
      mip: () => scene?.mip ?? 0,
      mips: () => scene?.mips ?? 1,
      zoomBy: (factor) => closer(factor, stage.canvas.width / 2, stage.canvas.height / 2),
      fullSize: () => zoomAt(1, stage.canvas.width / 2, stage.canvas.height / 2),
      panBy: (x, y) => {
        if (store.state.mode === "3d") turnBy(x * TURN_STEP, y * TURN_STEP);
        else panBy(x * PAN_STEP * stage.canvas.width, y * PAN_STEP * stage.canvas.height);
      },
      worst: (step) => void showWorst(step).catch(fail),
      help: showHelp,
      theme,
    },
    (down) => {
      held = down;
      repaint();
    },
  );
  listenToPointer(byId("stage"), stage.divider, {
    move: (x, y) => (store.state.mode === "3d" ? turnBy(x, y) : panBy(-x, -y)),
    zoom: closer,
    hover,
    reset: () => store.set(WHOLE),
    split: (x) => store.set({ split: bounded("split", x / stage.canvas.width) }),
  });
  listenToDrops((files) => void openFiles(files));
}

async function start(): Promise<void> {
  history.replaceState(null, "", location.pathname + location.hash); // the cookie has the token
  restoreTheme();
  help.append(keyTable());
  store.state = parseState(location.hash);
  void findGpu(); // takes a while, as does what follows
  await entries.refresh();
  listen();
  await refresh();
}

start().catch(fail);
