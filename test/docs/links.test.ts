/** Links between the documents lead somewhere. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const documents = ['*.md', 'docs/**/*.md', 'samples/**/README.md', '{sdk,edge-agent,cloud-gateway}/README.md']
  .flatMap((pattern) => globSync(pattern, { cwd: root, exclude: ['**/node_modules'] }))
  .sort();
const PACKAGES = ['sdk', 'edge-agent', 'cloud-gateway'];

/** Targets of `[text](target)` outside of code, without those that name a place on the web or in the same document. */
function relativeLinks(document: string): readonly string[] {
  const text = readFileSync(resolve(root, document), 'utf8')
    .replace(/^```[\s\S]*?^```/gm, '')
    .replace(/`[^`\n]*`(?!\])/g, '');
  const targets = [...text.matchAll(/\]\(([^)\s]+)[^)]*\)/g)].map(([, target]) => target as string);
  return targets.filter((target) => !/^([a-z]+:|#)/.test(target)).map((target) => target.replace(/#.*$/, ''));
}

it('finds the documents and the links in them', () => {
  expect(documents).toEqual(expect.arrayContaining(['README.md', 'docs/lifecycle.md', 'sdk/README.md']));
  expect(relativeLinks('README.md')).toEqual(
    expect.arrayContaining(['docs/lifecycle.md', 'sdk', 'sdk/src/session/options.ts']),
  );
});

describe.each(documents)('%s', (document) => {
  it('links only to files that are there', () => {
    const missing = relativeLinks(document).filter(
      (target) => !existsSync(resolve(root, dirname(document), target)),
    );
    expect(missing).toEqual([]);
  });
});

it.each(
  PACKAGES,
)('the README of %s links to nothing outside of its package, where npm would show a dead link', (folder) => {
  const outside = relativeLinks(`${folder}/README.md`).filter((target) =>
    relative(folder, `${folder}/${target}`).startsWith('..'),
  );
  expect(outside).toEqual([]);
});
