/** `@cutpoint/sdk/report`: the face of tables and pages, for programs that show results as Cutpoint does. */
export { type PageOptions, renderPage, type Section } from './report/page.ts';
export { type Cell, type Column, formatNumber, renderTable, type TableOptions } from './report/table.ts';
