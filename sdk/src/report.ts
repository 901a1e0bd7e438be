/** `@cutpoint/sdk/report`: the face of tables and pages, for programs that show results as Cutpoint does. */

export { escapeHtml, type HtmlTable, htmlList, htmlTable } from './report/html.ts';
export { type PageOptions, renderMain, renderPage, type Section } from './report/page.ts';
export { linearScale, type Scale } from './report/scale.ts';
export { STYLE as PAGE_STYLE } from './report/style.ts';
export { type Cell, type Column, formatNumber, renderTable, type TableOptions } from './report/table.ts';
