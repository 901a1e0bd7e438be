/** What the page shows: boxes, lines, cuts, stages. Words first, colours beside them. */
import type { Arm, Trace } from '@cutpoint/sdk/web';
import type { TextLine } from './read-text.ts';

const STAGES = ['head', 'encode', 'uplink', 'queue', 'tail', 'downlink', 'decode'] as const;
const MOST_CHANGES = 4;

export function element<T extends HTMLElement>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`the page has no ${kind.name} #${id}`);
}

export function status(text: string): void {
  element('status', HTMLElement).textContent = text;
}

export function drawBoxes(canvas: HTMLCanvasElement, lines: readonly TextLine[]): void {
  const context = canvas.getContext('2d');
  if (!context) return;
  for (const [colour, width] of [
    ['#fff', 5],
    ['#0072b2', 3],
  ] as const) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    for (const { box } of lines)
      context.strokeRect(box.left, box.top, box.right - box.left, box.bottom - box.top);
  }
}

export function showLines(canvas: HTMLCanvasElement, lines: readonly TextLine[]): void {
  element('hint', HTMLElement).hidden = true;
  const count = `${lines.length} ${lines.length === 1 ? 'line' : 'lines'} of text`;
  canvas.setAttribute('aria-label', `The picture, with boxes around ${count}.`);
  const items = lines.map(({ text }) => make('li', text));
  element('lines', HTMLElement).replaceChildren(
    ...(items.length > 0 ? items : [make('li', 'No text found.', 'soft')]),
  );
}

/** A session names arms by their ids, which say nothing to a reader. */
export function inWords(reason: string, arms: readonly Arm[]): string {
  const longest = arms.toSorted((a, b) => b.id.length - a.id.length);
  return longest.reduce((text, arm) => text.replaceAll(arm.id, armName(arm)), reason);
}

function armName(arm: Arm): string {
  if (arm.kind === 'device') return 'this device';
  const place = arm.cut.position === 0 ? 'the gateway' : `a cut at ${Math.round(arm.cut.depth * 100)} %`;
  return `${place} (${arm.profile})`;
}

export function showChange(model: string, reason: string): void {
  const list = element('changes', HTMLElement);
  const before = [...list.children].filter((item) => item.className !== 'soft').slice(0, MOST_CHANGES - 1);
  list.replaceChildren(make('li', `${model}: ${reason}`), ...before);
}

export function showModels(traces: Readonly<Record<string, Trace>>): void {
  element('models', HTMLElement).replaceChildren(
    ...Object.entries(traces).map(([name, trace]) => modelView(name, trace)),
  );
}

function modelView(name: string, trace: Trace): HTMLElement {
  const view = make('div', '', 'model');
  view.append(make('p', `${name}: ${where(trace)}, ${Math.round(trace.totalMs)} ms`));
  const times = STAGES.map((stage) => ({ stage, ms: trace[`${stage}Ms`] })).filter(({ ms }) => ms >= 0.5);
  const bar = make('div', '', 'bar');
  bar.setAttribute('aria-hidden', 'true');
  for (const { stage, ms } of times) {
    const piece = make('div', '', stage);
    piece.style.flex = `${ms} 0 0`;
    bar.append(piece);
  }
  const list = make('ul', '', 'stages');
  for (const { stage, ms } of times) {
    const item = make('li', '');
    item.append(
      make('span', '', `swatch ${stage}`),
      `${stage} ${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`,
    );
    list.append(item);
  }
  view.append(bar, list);
  return view;
}

function where({ cut, depth, profile, sentBytes, fallback, reason }: Trace): string {
  if (fallback) return `this device, because ${reason}`;
  if (cut === 'device') return 'all of it on this device';
  const size = `${Math.round(sentBytes / 1000)} KB as ${profile}`;
  if (cut === 'input') return `all of it behind the gateway, ${size}`;
  return `cut at ${cut}, ${Math.round(depth * 100)} % here, ${size}`;
}

function make(tag: string, text: string, className = ''): HTMLElement {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}
