/** The style sheet of every page: Okabe-Ito colours, light and dark by the reader's setting, and A4 on paper. */

/** Edge and cloud, and each stage of a request, have the same colour on every page. */
export const STYLE: string = `
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1c1c1c; --soft: #595959; --line: #d0d0d0; --band: #f4f4f2;
  --edge: #0072b2; --cloud: #b34f00; --product: #00795a; --move: #a8508a; --plain: #8a8a8a; --other: #3d3d3d;
  --encode: #56b4e9; --uplink: #009e73; --queue: #8a8a8a; --downlink: #cc79a7; --decode: #7b6fd0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #16181a; --ink: #ececec; --soft: #b0b0b0; --line: #44484c; --band: #202326;
    --edge: #56b4e9; --cloud: #f0973a; --product: #2dbd93; --move: #dd9cc4; --plain: #8f9499; --other: #d8d8d8;
    --encode: #b6dff7; --uplink: #2dbd93; --queue: #8f9499; --downlink: #dd9cc4; --decode: #a79df0;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 64rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1 { font-size: 1.35rem; line-height: 1.35; margin: 0 0 .25rem; font-weight: 650; text-wrap: balance; }
h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
p { margin: .25rem 0; }
.soft { color: var(--soft); }
.wide { overflow-x: auto; }
figure { margin: 1.25rem 0 0; }
figcaption { color: var(--soft); font-size: .875rem; margin-top: .25rem; }
svg { display: block; width: 100%; min-width: 40rem; height: auto; }
svg text { font: 13px system-ui, sans-serif; fill: var(--soft); }
svg text.strong { fill: var(--ink); font-weight: 650; paint-order: stroke; stroke: var(--paper); stroke-width: 4px; stroke-linejoin: round; }
svg text.edge { fill: var(--edge); font-weight: 650; } svg text.cloud { fill: var(--cloud); font-weight: 650; }
svg .product { fill: var(--product); } svg .move { fill: var(--move); }
svg .plain { fill: var(--plain); } svg .other { fill: var(--other); }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .frontier { fill: none; stroke: var(--soft); stroke-width: 1.25; }
svg .offered { fill: var(--paper); stroke: var(--ink); stroke-width: 1; }
svg .default { fill: var(--ink); stroke: var(--paper); stroke-width: 1; }
svg .arm, svg .envelope, svg .leader { fill: none; stroke: var(--product); stroke-width: 1; opacity: .45; }
svg .arm.device, svg .envelope.device { stroke: var(--edge); } svg .arm.cloud, svg .envelope.cloud { stroke: var(--cloud); }
svg .arm.device, svg .arm.cloud { opacity: .9; } svg .envelope { stroke-width: 5; opacity: 1; stroke-linecap: round; }
svg .leader { stroke: var(--soft); opacity: .6; }
svg text.device { fill: var(--edge); } svg text.split { fill: var(--product); }
svg .stage { fill: var(--queue); } svg .stage.head { fill: var(--edge); } svg .stage.encode { fill: var(--encode); }
svg .stage.uplink { fill: var(--uplink); } svg .stage.tail { fill: var(--cloud); }
svg .stage.downlink { fill: var(--downlink); } svg .stage.decode { fill: var(--decode); } svg .stage.last { fill: var(--edge); }
svg .best { stroke: var(--ink); stroke-width: 2.5; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .9rem; }
caption { text-align: left; color: var(--soft); padding-bottom: .25rem; }
@media screen and (max-width: 64rem) { caption { position: sticky; left: 0; max-width: calc(100vw - 2rem); } }
th { font-weight: 600; vertical-align: bottom; } th small { display: block; font-weight: 400; color: var(--soft); }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line); }
th.number, td.number { text-align: right; }
td:last-child { overflow-wrap: anywhere; min-width: 12rem; }
tbody tr:nth-child(even) { background: var(--band); }
tr.best td { font-weight: 650; }
code { font: .875em ui-monospace, monospace; overflow-wrap: anywhere; }
summary { cursor: pointer; margin: 1rem 0 .5rem; font-weight: 600; }
:focus-visible { outline: 3px solid var(--edge); outline-offset: 2px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 0; }
dt { color: var(--soft); } dd { margin: 0; min-width: 0; overflow-wrap: anywhere; }
@media (max-width: 32rem) { dl { grid-template-columns: 1fr; } dd { margin-bottom: .4rem; } }
@page { size: A4; margin: 15mm; }
@media print {
  :root { color-scheme: light; --paper: #fff; --ink: #000; --soft: #444; --line: #bbb; --band: #fff;
    --edge: #0072b2; --cloud: #b34f00; --product: #00795a; --move: #a8508a; --plain: #8a8a8a; --other: #3d3d3d;
    --encode: #56b4e9; --uplink: #009e73; --queue: #8a8a8a; --downlink: #cc79a7; --decode: #7b6fd0; }
  main { max-width: none; padding: 0; } body { font-size: 10pt; }
  svg { min-width: 0; } .wide { overflow: visible; } tr, figure { break-inside: avoid; } h2, h2 + p { break-after: avoid; } thead { display: table-header-group; }
}
`;
