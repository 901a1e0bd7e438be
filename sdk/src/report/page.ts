/** The layout of every page: the answer, one picture, the table, how it was measured. One file, readable without scripts. */
import { escapeHtml } from './html.ts';
import { STYLE } from './style.ts';

export interface Section {
  readonly heading: string;
  /** HTML of our making; text in it is escaped. */
  readonly html: string;
  /** Closed until the reader opens it. @default false */
  readonly isFolded?: boolean;
}

export interface PageOptions {
  /** For the tab. */
  readonly title: string;
  /** The first line: what the reader came for, in a sentence. */
  readonly answer: string;
  /** A line below it. */
  readonly subtitle: string;
  /** An `<svg>`, and the sentence below it; absent where there is nothing to draw. */
  readonly picture?: { readonly svg: string; readonly caption: string } | undefined;
  readonly sections: readonly Section[];
  /** Keeps a live page up to date; it must be readable without. @default none */
  readonly script?: string | undefined;
  /** Rules of this page alone, after those of every page. @default none */
  readonly style?: string | undefined;
}

/** What stands inside `<main>`. */
export function renderMain({ answer, subtitle, picture, sections }: Omit<PageOptions, 'title'>): string {
  const figure = picture
    ? `<figure><div class="wide" tabindex="0" role="region" aria-label="Chart">${picture.svg}</div>
<figcaption>${escapeHtml(picture.caption)}</figcaption></figure>`
    : '';
  return `<h1>${escapeHtml(answer)}</h1>
<p class="soft">${escapeHtml(subtitle)}</p>
${[figure, ...sections.map(sectionHtml)].join('\n')}`;
}

export function renderPage({ title, script, style = '', ...content }: PageOptions): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}${style}</style>
</head>
<body>
<main>
${renderMain(content)}
</main>
${script === undefined ? '' : `<script>${script}</script>\n`}</body>
</html>
`;
}

function sectionHtml({ heading, html, isFolded = false }: Section): string {
  const title = escapeHtml(heading);
  if (isFolded) return `<details><summary>${title}</summary>${html}</details>`;
  return `<section><h2>${title}</h2>${html}</section>`;
}
