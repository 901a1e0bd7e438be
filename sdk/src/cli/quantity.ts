/** Quantities on the command line: `3.5Mbps`, `20ms`, `0.5%`, counts. Each parser names the flag and what it expects. */
import { SplitError } from '../errors.ts';

const RATES: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9 };

/** Bits per second. `3.5Mbps`, `3.5Mbit/s`, `800kbps`. */
export function readRate(flag: string): (text: string) => number {
  return (text) => {
    const [, amount = '', prefix = ''] = /^\s*([\d.]+)\s*([kmg]?)(?:bps|bit\/s)\s*$/i.exec(text) ?? [];
    const rate = Number(amount) * (RATES[prefix.toLowerCase()] ?? Number.NaN);
    if (amount !== '' && rate > 0 && Number.isFinite(rate)) return rate;
    throw new SplitError('options-invalid', `${flag} ${text} is not a rate such as 3.5Mbps or 800kbps`);
  };
}

/** Milliseconds. `20ms`, `1.5s`. */
export function readDuration(flag: string): (text: string) => number {
  return (text) => {
    const [, amount = '', unit = ''] = /^\s*([\d.]+)\s*(ms|s)\s*$/.exec(text) ?? [];
    const ms = Number(amount) * (unit === 's' ? 1000 : 1);
    if (amount !== '' && Number.isFinite(ms)) return ms;
    throw new SplitError('options-invalid', `${flag} ${text} is not a time such as 20ms or 1.5s`);
  };
}

/** `0.5%` and `0.005` are the same share. */
export function readShare(flag: string): (text: string) => number {
  return (text) => {
    const [, amount = '', percent = ''] = /^\s*(\d+(?:\.\d*)?|\.\d+)\s*(%?)\s*$/.exec(text) ?? [];
    if (amount !== '') return Number(amount) / (percent === '' ? 1 : 100);
    throw new SplitError('options-invalid', `${flag} ${text} is not a share such as 0.5% or 0.005`);
  };
}

export interface NumberRange {
  readonly min: number;
  readonly max: number;
  readonly isWhole?: boolean;
}

export function readNumber(
  flag: string,
  { min, max, isWhole = false }: NumberRange,
): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (value >= min && value <= max && (!isWhole || Number.isInteger(value))) return value;
    const kind = isWhole ? 'a whole number' : 'a number';
    throw new SplitError('options-invalid', `${flag} ${text} is not ${kind} from ${min} to ${max}`);
  };
}
