import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ocrModels } from '../../../test/support/models/ocr-models.ts';
import { fileSource } from './file.ts';
import { memorySource } from './memory.ts';

const { path } = ocrModels().cls;

describe('a model source', () => {
  it('reads the same bytes and digest from a file and from memory', async () => {
    const bytes = await readFile(path);
    const digest = createHash('sha256').update(bytes).digest('hex');
    for (const source of [fileSource(path), memorySource(bytes)]) {
      expect(Buffer.compare(await source.read(), bytes)).toBe(0);
      expect(await source.digest()).toBe(digest);
    }
  });

  it('says where a file lies, and nothing of the kind for a model in memory', () => {
    expect(fileSource(path)).toMatchObject({ directory: dirname(path), location: basename(path) });
    expect(memorySource(new Uint8Array())).not.toHaveProperty('location');
  });

  it('names the file that cannot be read', async () => {
    const source = fileSource('no/such/model.onnx');
    const expected = {
      code: 'model-invalid',
      message: expect.stringMatching(/no\/such\/model\.onnx.*ENOENT/),
    };
    await expect(source.read()).rejects.toMatchObject(expected);
    await expect(source.digest()).rejects.toMatchObject(expected);
  });
});
