/** `@cutpoint/sdk/report`: the face of tables and pages, for programs that show results as Cutpoint does. */
export { type PageOptions, renderPage, type Section } from './report/page.ts';
export { STYLE as PAGE_STYLE } from './report/style.ts';
export { type Cell, type Column, formatNumber, renderTable, type TableOptions } from './report/table.ts';
