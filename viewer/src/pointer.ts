/** The mouse and touches on the picture, the divider within it, and files dropped onto the page. */

/** What gestures do; places are in pixels of the area. */
export interface Gestures {
  move(byX: number, byY: number): void;
  zoom(factor: number, x: number, y: number): void;
  hover(x: number, y: number): void;
  reset(): void;
  split(x: number): void;
}

const WHEEL_STEP = 1.0015; // of the zoom, a unit of the wheel

export function listenToPointer(area: HTMLElement, divider: HTMLElement, gestures: Gestures): void {
  const place = (event: MouseEvent): [number, number] => {
    const box = area.getBoundingClientRect();
    const ratio = devicePixelRatio;
    return [(event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio];
  };
  let last: [number, number] | undefined;
  area.addEventListener("pointerdown", (event) => {
    if (event.target === divider) return;
    area.setPointerCapture(event.pointerId);
    last = place(event);
  });
  area.addEventListener("pointermove", (event) => {
    const now = place(event);
    if (last) gestures.move(now[0] - last[0], now[1] - last[1]);
    if (last) last = now;
    gestures.hover(...now);
  });
  for (const end of ["pointerup", "pointercancel"] as const) {
    area.addEventListener(end, () => (last = undefined));
  }
  area.addEventListener("dblclick", () => gestures.reset());
  area.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      gestures.zoom(WHEEL_STEP ** -event.deltaY, ...place(event));
    },
    { passive: false },
  );
  divider.addEventListener("pointerdown", (event) => divider.setPointerCapture(event.pointerId));
  divider.addEventListener("pointermove", (event) => {
    if (divider.hasPointerCapture(event.pointerId)) gestures.split(place(event)[0]);
  });
}

/** Files dropped anywhere onto the page; while they are held over it, it shows that it takes them. */
export function listenToDrops(open: (files: File[]) => void): void {
  const root = document.documentElement;
  addEventListener("dragover", (event) => {
    event.preventDefault();
    root.dataset["drop"] = "1";
  });
  addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) delete root.dataset["drop"];
  });
  addEventListener("drop", (event) => {
    event.preventDefault();
    delete root.dataset["drop"];
    open([...(event.dataTransfer?.files ?? [])]);
  });
}
