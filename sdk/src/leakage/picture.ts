/** Inputs as an attacker would want them back: small pictures with values of 0 to 1. */
import type { Tensor } from '../tensor.ts';
import type { Picture } from './likeness.ts';

/** Between the least and the largest value of all inputs. */
export interface ValueRange {
  readonly least: number;
  readonly most: number;
}

/** What an input is to the attacker, by its shape. */
export interface PictureForm {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** Whether it is a picture to look at, or numbers in a row. */
  readonly isPicture: boolean;
}

/**
 * A float tensor `[1, channels, height, width]` or `[1, height, width, channels]` of 1 or 3 channels is a picture; any other is a row.
 * @param mostSide longest side of the small picture, and most numbers in a row
 */
export function formOf({ dims }: Pick<Tensor, 'dims'>, mostSide: number): PictureForm {
  const shape = layoutOf(dims);
  if (!shape) {
    const length = dims.reduce((product, dim) => product * dim, 1);
    return { channels: 1, height: 1, width: Math.min(length, mostSide * mostSide), isPicture: false };
  }
  const factor = Math.max(1, Math.max(shape.height, shape.width) / mostSide);
  const small = (side: number) => Math.max(1, Math.round(side / factor));
  return {
    channels: shape.channels,
    height: small(shape.height),
    width: small(shape.width),
    isPicture: true,
  };
}

interface Layout {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly isChannelsLast: boolean;
}

function layoutOf(dims: readonly number[]): Layout | undefined {
  const [batch, a = 0, b = 0, c = 0] = dims;
  if (dims.length !== 4 || batch !== 1) return undefined;
  const isColour = (channels: number) => channels === 1 || channels === 3;
  if (isColour(a)) return { channels: a, height: b, width: c, isChannelsLast: false };
  if (isColour(c)) return { channels: c, height: a, width: b, isChannelsLast: true };
  return undefined;
}

/** Each value is the mean of those that it stands for, brought into 0 to 1. */
export function smallPicture(tensor: Tensor, form: PictureForm, { least, most }: ValueRange): Picture {
  const { channels, height, width } = form;
  const source = layoutOf(tensor.dims) ?? {
    channels: 1,
    height: 1,
    width: tensor.data.length,
    isChannelsLast: false,
  };
  const span = most - least || 1;
  const at = (channel: number, y: number, x: number) => {
    const place = source.isChannelsLast
      ? (y * source.width + x) * source.channels + channel
      : (channel * source.height + y) * source.width + x;
    return (Number(tensor.data[place]) - least) / span;
  };
  const data = Float32Array.from({ length: channels * height * width }, (_, place) => {
    const [channel, y, x] = [
      Math.floor(place / (height * width)),
      Math.floor(place / width) % height,
      place % width,
    ];
    const [rows, columns] = [covered(y, height, source.height), covered(x, width, source.width)];
    let sum = 0;
    for (let row = rows.from; row < rows.to; row++)
      for (let column = columns.from; column < columns.to; column++) sum += at(channel, row, column);
    return sum / ((rows.to - rows.from) * (columns.to - columns.from));
  });
  return { channels, height, width, data };
}

function covered(
  place: number,
  small: number,
  whole: number,
): { readonly from: number; readonly to: number } {
  const from = Math.floor((place * whole) / small);
  return { from, to: Math.max(from + 1, Math.floor(((place + 1) * whole) / small)) };
}

export function rangeOf(tensors: readonly Tensor[]): ValueRange {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { data } of tensors) {
    for (const value of data) {
      least = Math.min(least, Number(value));
      most = Math.max(most, Number(value));
    }
  }
  return { least, most };
}

/** As it would be shown: nothing below 0 or above 1. */
export function clamped(picture: Picture): Picture {
  return { ...picture, data: picture.data.map((value) => Math.min(1, Math.max(0, value))) };
}
