/** A picture as its file and as its pixels. The pixels are those that a gateway decodes from the same file. */
import sharp from 'sharp';

export interface Picture {
  readonly width: number;
  readonly height: number;
  /** Row by row from the top, red, green and blue of a pixel side by side. */
  readonly rgb: Uint8Array;
  /** JPEG, PNG or WebP, as it was read. */
  readonly file: Uint8Array;
}

/** Decodes a JPEG, PNG or WebP file. Transparency is dropped, and a rotation noted in the file is not applied. */
export async function readPicture(file: Uint8Array): Promise<Picture> {
  const image = sharp(file).removeAlpha().toColourspace('srgb').raw({ depth: 'uchar' });
  const { data, info } = await image.toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, rgb: data, file };
}

/** A file for pixels that never were one: WebP without loss, smaller than PNG in the same time. */
export function encodeLossless({ width, height, rgb }: Omit<Picture, 'file'>): Promise<Uint8Array> {
  return sharp(rgb, { raw: { width, height, channels: 3 } })
    .webp({ lossless: true, effort: 0 })
    .toBuffer();
}
