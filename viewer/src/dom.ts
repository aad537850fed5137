/** Elements in a line each. */

type Child = Node | string;

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

export function byId<T extends HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found as T;
}

export function button(text: string, title: string, act: () => void): HTMLButtonElement {
  const made = element("button", { type: "button", title }, text);
  made.addEventListener("click", act);
  return made;
}

/** A labelled choice; `choices` are values and what they are called. */
export function choice(
  name: string,
  choices: [string, string][],
  chosen: string,
  act: (value: string) => void,
): HTMLLabelElement {
  const select = element("select", { name });
  for (const [value, text] of choices) select.append(element("option", { value }, text));
  select.value = chosen;
  select.addEventListener("change", () => act(select.value));
  return element("label", {}, `${name} `, select);
}

/** A labelled number with bounds. */
export function numberField(
  name: string,
  value: number,
  bounds: { min: number; max: number; step: number },
  act: (value: number) => void,
): HTMLLabelElement {
  const attributes = Object.entries(bounds).map(([key, bound]) => [key, String(bound)]);
  const input = element("input", { type: "number", name, ...Object.fromEntries(attributes) });
  input.value = String(value);
  input.addEventListener("change", () => {
    if (input.value !== "" && Number.isFinite(input.valueAsNumber)) act(input.valueAsNumber);
  });
  return element("label", {}, `${name} `, input);
}

/** A table, its first row the head. */
export function table(id: string, rows: Child[][]): HTMLTableElement {
  const made = element("table", { id });
  rows.forEach((cells, row) => {
    const line = element("tr");
    cells.forEach((cell) => line.append(element(row === 0 ? "th" : "td", {}, cell)));
    made.append(line);
  });
  return made;
}
