/** Pictures that devices send as a model's input: decoded by sharp, within limits, JPEG, PNG and WebP only. */
import { type ImageDecoder, SplitError } from '@cutpoint/sdk/gateway';
import type { Sharp } from 'sharp';

const MAX_PIXELS = 64e6;

/** First bytes of the formats accepted. Others that sharp could read (SVG, TIFF, PDF) reach far more code. */
const SIGNATURES: readonly { readonly at: number; readonly bytes: readonly number[] }[] = [
  { at: 0, bytes: [0xff, 0xd8, 0xff] }, // JPEG
  { at: 0, bytes: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] }, // PNG
  { at: 8, bytes: [0x57, 0x45, 0x42, 0x50] }, // WebP, behind RIFF and a length
];

/** Gives sRGB, grey or RGBA pixels as they are stored: rows from the top, no rotation by EXIF. */
export function createImageDecoder(): ImageDecoder {
  return async (bytes, limits) => {
    if (!SIGNATURES.some((signature) => hasSignature(bytes, signature))) {
      throw new SplitError('codec-invalid', `a picture of ${bytes.length} bytes is no JPEG, PNG or WebP`);
    }
    const limitInputPixels = Math.min(MAX_PIXELS, limits.maxPixels);
    try {
      // Only now: a gateway that gets no pictures needs none of it.
      const { default: sharp } = await import('sharp');
      const image = withChannels(sharp(bytes, { limitInputPixels, failOn: 'error' }), limits.channels);
      const { data, info } = await image.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
      return { width: info.width, height: info.height, channels: info.channels, data };
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new SplitError(
        'codec-invalid',
        `a picture of ${bytes.length} bytes cannot be decoded within ${limitInputPixels} pixels: ${why}`,
        { cause },
      );
    }
  };
}

/** Of another number of channels than these the caller gets what the picture has, and refuses it. */
function withChannels(image: Sharp, channels: number): Sharp {
  if (channels === 1) return image.removeAlpha().toColourspace('b-w');
  if (channels === 3) return image.removeAlpha().toColourspace('srgb');
  return channels === 4 ? image.toColourspace('srgb').ensureAlpha() : image;
}

function hasSignature(bytes: Uint8Array, { at, bytes: expected }: (typeof SIGNATURES)[number]): boolean {
  return expected.every((byte, index) => bytes[at + index] === byte);
}
