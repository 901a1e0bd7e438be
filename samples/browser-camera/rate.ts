/** The slider that sets the emulated link between this page and the gateway, 0.2 to 200 Mbit/s, in even ratios. */
import { element } from './view.ts';

const LEAST = 0.2e6;
const RATIO = 1000;

/** @param knob where to post the rate */
export function bindRate(knob: string): void {
  const slider = element('rate', HTMLInputElement);
  const text = element('rate-text', HTMLOutputElement);
  const show = () => {
    const label = `${formatRate(rateOf(slider))} Mbit/s`;
    text.value = label;
    slider.setAttribute('aria-valuetext', label);
  };
  slider.addEventListener('input', show);
  slider.addEventListener('change', () => void send(knob, rateOf(slider)));
  show();
  void send(knob, rateOf(slider));
}

function rateOf({ value, max }: HTMLInputElement): number {
  return LEAST * RATIO ** (Number(value) / Number(max));
}

function formatRate(bitsPerSecond: number): string {
  return String(Number((bitsPerSecond / 1e6).toPrecision(2)));
}

async function send(knob: string, bitsPerSecond: number): Promise<void> {
  await fetch(knob, { method: 'POST', body: JSON.stringify({ bitsPerSecond }) });
}
