/** Upright rectangles around lines of text. */

export interface Box {
  readonly left: number;
  readonly top: number;
  /** Exclusive. */
  readonly right: number;
  /** Exclusive. */
  readonly bottom: number;
}

/**
 * Grows a box on all sides by area * ratio / perimeter: the detector is trained on text shrunk by as much,
 * so that neighbouring lines stay apart.
 */
export function unclip(box: Box, ratio: number): Box {
  const width = box.right - box.left;
  const height = box.bottom - box.top;
  const by = (width * height * ratio) / (2 * (width + height));
  return { left: box.left - by, top: box.top - by, right: box.right + by, bottom: box.bottom + by };
}

/** In other units, rounded to whole pixels and kept within the picture. */
export function fitBox(
  box: Box,
  scale: { x: number; y: number },
  picture: { width: number; height: number },
): Box {
  const within = (value: number, most: number) => Math.min(most, Math.max(0, Math.round(value)));
  return {
    left: within(box.left * scale.x, picture.width),
    top: within(box.top * scale.y, picture.height),
    right: within(box.right * scale.x, picture.width),
    bottom: within(box.bottom * scale.y, picture.height),
  };
}

/** As one reads: rows from the top, boxes of a row from the left. */
export function inReadingOrder(boxes: readonly Box[]): Box[] {
  const rows: Box[][] = [];
  for (const box of boxes.toSorted((a, b) => middle(a) - middle(b))) {
    const row = rows.at(-1);
    if (row?.[0] && isSameRow(row[0], box)) row.push(box);
    else rows.push([box]);
  }
  return rows.flatMap((row) => row.toSorted((a, b) => a.left - b.left));
}

function isSameRow(a: Box, b: Box): boolean {
  const height = Math.min(a.bottom - a.top, b.bottom - b.top);
  return Math.abs(middle(a) - middle(b)) < height / 2;
}

function middle(box: Box): number {
  return (box.top + box.bottom) / 2;
}
