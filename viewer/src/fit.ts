/** A fit while it runs: its curve, its end, and other settings for the next one. */
import * as api from "./api.js";
import { button, element } from "./dom.js";
import { bytesText, decibels } from "./numbers.js";

const WIDTH = 290;
const HEIGHT = 120;
const MARGIN = 14;

/** Options as they are written in the form, one a line. */
export function parseOptions(text: string): api.Options {
  const options: api.Options = {};
  for (const line of text.split("\n").map((part) => part.trim())) {
    if (line === "") continue;
    const [name, value] = line.replace(/^--/, "").split(/\s*=\s*|\s+/, 2);
    if (!name || value === undefined) throw new Error(`${line}: write name=value`);
    const number = Number(value);
    options[name] =
      value === "true" || value === "false"
        ? value === "true"
        : Number.isNaN(number)
          ? value
          : number;
  }
  return options;
}

export function formatOptions(options: api.Options): string {
  return Object.entries(options)
    .map(([name, value]) => `${name}=${value}`)
    .join("\n");
}

const names = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean);

/** The panel beside the picture; stays in the page for as long as it is open. */
export class FitPanel {
  readonly node: HTMLElement;
  /** Of the latest fit, as far as it is known. */
  latest: api.FitEvent | undefined;
  private readonly source = element("select", { name: "source" });
  private readonly options = element("textarea", { name: "options", rows: "5" });
  private readonly only = element("input", { name: "only", placeholder: "all" });
  private readonly exclude = element("input", { name: "exclude", placeholder: "none" });
  private readonly curve = element("canvas", { id: "curve" });
  private readonly cancel = button("Cancel", "ends the fit at its next batch", () =>
    this.act(api.cancelFit()),
  );
  private readonly status = element("p", { id: "fit-status" }, "no fit yet");
  private readonly log = element("ol", { id: "runs" });
  private events: EventSource | undefined;
  private points: [number, number][] = [];

  /** `show` gets the number of a finished item, `changed` is told of pictures and ends. */
  constructor(
    private readonly show: (item: number, source: number) => void,
    private readonly changed: (event: api.FitEvent) => void,
    private readonly fail: (error: Error) => void,
  ) {
    [this.curve.width, this.curve.height] = [WIDTH, HEIGHT];
    this.options.value = "effort=fast";
    this.cancel.disabled = true;
    const label = (text: string, field: HTMLElement): HTMLElement =>
      element("label", {}, text, field);
    this.node = element(
      "section",
      { id: "fit" },
      element("h2", {}, "Fit"),
      this.status,
      this.curve,
      this.cancel,
      element("h3", {}, "Settings"),
      label("images ", this.source),
      label("options of ntc compress, one a line", this.options),
      label("only ", this.only),
      label("exclude ", this.exclude),
      button("Start", "cancels the fit under way", () => this.act(this.restart())),
      element("h3", {}, "Runs"),
      this.log,
    );
  }

  /** Listens from now on. */
  open(items: api.SessionItem[]): void {
    const images = items.filter(({ kind, error }) => kind === "images" && error === null);
    const chosen = this.source.value;
    const choices = images.map(({ number, name }) =>
      element("option", { value: String(number) }, name),
    );
    this.source.replaceChildren(...choices);
    if (images.some(({ number }) => String(number) === chosen)) this.source.value = chosen;
    if (this.events) return;
    this.events = new EventSource("api/fit/events");
    this.events.onopen = () => (this.points = []); // all events of the fit come again
    this.events.onmessage = ({ data }) => this.take(JSON.parse(data as string) as api.FitEvent);
    this.act(this.showLog());
  }

  private act(work: Promise<unknown>): void {
    work.catch((error: Error) => this.fail(error));
  }

  private async restart(): Promise<void> {
    const options = parseOptions(this.options.value);
    if (this.latest?.run.state === "running") {
      await api.cancelFit();
      await this.ended();
    }
    const [only, exclude] = [names(this.only.value), names(this.exclude.value)];
    await api.startFit(Number(this.source.value), options, only, exclude);
  }

  private async ended(): Promise<void> {
    while ((await api.runs()).runs.at(-1)?.state === "running") {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  private take(event: api.FitEvent): void {
    if (event.run.run !== this.latest?.run.run) this.points = [];
    const before = this.latest;
    this.latest = event;
    if (event.texels > 0) this.points.push([event.texels, event.psnr]);
    this.draw(event);
    this.status.textContent = statusOf(event);
    const ended = event.run.state !== "running";
    this.cancel.disabled = ended;
    const same = before?.run.run === event.run.run && before.run.state === event.run.state;
    if (!same) this.act(this.showLog());
    if (ended || event.preview !== before?.preview) this.changed(event);
  }

  private draw({ total }: api.FitEvent): void {
    const context = this.curve.getContext("2d")!;
    const style = getComputedStyle(document.documentElement);
    context.clearRect(0, 0, WIDTH, HEIGHT);
    if (this.points.length === 0) return;
    const values = this.points.map(([, psnr]) => psnr);
    const [least, most] = [Math.min(...values), Math.max(...values)];
    const x = (texels: number): number => (WIDTH * texels) / (total || texels);
    const y = (psnr: number): number =>
      HEIGHT - MARGIN - ((HEIGHT - 2 * MARGIN) * (psnr - least)) / (most - least || 1);
    context.strokeStyle = style.getPropertyValue("--accent");
    context.lineWidth = 2;
    context.beginPath();
    this.points.forEach(([texels, psnr]) => context.lineTo(x(texels), y(psnr)));
    context.stroke();
    context.fillStyle = style.getPropertyValue("--text");
    context.font = "11px system-ui, sans-serif";
    context.fillText(`${most.toFixed(1)} dB`, 2, 10);
    context.fillText(`${least.toFixed(1)} dB`, 2, HEIGHT - 2);
  }

  private async showLog(): Promise<void> {
    const { runs } = await api.runs();
    this.log.replaceChildren(...runs.map((run) => this.logLine(run)));
  }

  private logLine(run: api.FitRun): HTMLElement {
    const said =
      run.state === "done" ? `${decibels(run.psnr)} dB, ${bytesText(run.bytes)}` : run.state;
    const settings = formatOptions(run.options).replaceAll("\n", " ") || "usual settings";
    const line = element(
      "li",
      {},
      element("span", {}, `${said}, ${run.seconds.toFixed(1)} s: ${settings} `),
    );
    line.append(button("Restore", "its settings into the form", () => this.restore(run)));
    const { item } = run;
    if (item !== null) line.append(button("Show", "as B", () => this.show(item, run.source)));
    if (run.error !== null) line.append(element("p", { class: "error" }, run.error));
    for (const warning of run.warnings) line.append(element("p", {}, warning));
    return line;
  }

  private restore(run: api.FitRun): void {
    this.source.value = String(run.source);
    this.options.value = formatOptions(run.options);
    this.only.value = run.only.join(" ");
    this.exclude.value = run.exclude.join(" ");
  }
}

function statusOf({ run, texels, total, psnr }: api.FitEvent): string {
  if (run.state === "failed") return `failed: ${run.error}`;
  if (run.state === "cancelled") return "cancelled";
  if (run.state === "done") {
    return `done: ${decibels(run.psnr)} dB, ${bytesText(run.bytes)}, ${run.seconds.toFixed(1)} s`;
  }
  const part = total > 0 ? Math.round((100 * texels) / total) : 0;
  return `running: ${part} %, ${psnr.toFixed(1)} dB, ${run.seconds.toFixed(1)} s`;
}
