/** All number formats, by their numbers. */
import { SplitError } from '../../errors.ts';
import type { Kernels } from '../kernels/kernels.ts';
import { uint4ChannelsFormat, uint8ChannelsFormat } from './affine-channels.ts';
import { bfloat16Format } from './bfloat16.ts';
import { float16Format } from './float16.ts';
import type { NumberFormat } from './number-format.ts';
import { rawFormat } from './raw.ts';
import { uint4Format, uint8Format } from './uint8-affine.ts';
import { uniformStepFormat } from './uniform-step.ts';

export function numberFormats(kernels: Kernels): readonly NumberFormat[] {
  return [
    rawFormat(),
    float16Format(),
    bfloat16Format(),
    uint8Format(kernels),
    uint4Format(kernels),
    uint8ChannelsFormat(kernels),
    uint4ChannelsFormat(kernels),
    uniformStepFormat(kernels),
  ];
}

/** @throws SplitError `codec-invalid` */
export function findFormat(formats: readonly NumberFormat[], id: number): NumberFormat {
  const format = formats.find((candidate) => candidate.id === id);
  if (format === undefined) throw new SplitError('codec-invalid', `number format ${id} is not known`);
  return format;
}
