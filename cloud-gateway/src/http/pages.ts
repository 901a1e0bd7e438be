/** A folder of files below /pages/: applications whose sessions ask this gateway, and the models that they load. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { SplitError } from '@cutpoint/sdk';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';

/** By these a page is isolated, without which it has no threads. */
const HEADERS = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'x-content-type-options': 'nosniff',
};

/**
 * Whole files or ranges of them, each with an ETag; names that begin with a dot are not served.
 * @throws SplitError `options-invalid` where there is no such folder
 */
export async function addPages(app: FastifyInstance, folder: string): Promise<void> {
  const root = resolve(folder);
  const isFolder = await stat(root).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) throw new SplitError('options-invalid', `pages is ${folder}, which is no folder`);
  await app.register(fastifyStatic, {
    ...{ root, prefix: '/pages/', decorateReply: false, dotfiles: 'ignore' },
    setHeaders: (reply) => {
      for (const [name, value] of Object.entries(HEADERS)) reply.header(name, value);
    },
  });
}
