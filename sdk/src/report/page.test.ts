import { describe, expect, it } from 'vitest';
import { frontierChart } from './frontier-chart.ts';
import { htmlTable } from './html.ts';
import { renderPage } from './page.ts';

const chart = {
  description: 'falls "steeply"',
  nodes: ['product', 'plain', 'move'],
  bytes: [1000, 5000, null, 200],
  cuts: [{ position: 1, bytes: 5000, isDefault: true, label: '<b>1</b>' }],
  best: { position: 1, bytes: 5000, label: 'smallest: 5 KB' },
  sizeText: String,
} as const;

describe('a page', () => {
  it('begins with the answer and needs nothing from elsewhere', () => {
    const html = renderPage({ title: 't', answer: 'Cut at <x>.', subtitle: 's', sections: [] });
    expect(html.indexOf('<h1>Cut at &lt;x&gt;.</h1>')).toBeGreaterThan(0);
    expect(html).not.toMatch(/<script|https?:|src=|@import|url\(/);
  });

  it('has dark, print and keyboard styles', () => {
    const html = renderPage({ title: 't', answer: 'a', subtitle: 's', sections: [] });
    for (const rule of ['prefers-color-scheme: dark', 'size: A4', ':focus-visible'])
      expect(html).toContain(rule);
  });

  it('escapes what comes from a model', () => {
    const html = htmlTable({
      caption: 'c',
      columns: [{ title: 'n' }],
      rows: [['"><script>alert(1)</script>']],
    });
    expect(html).toContain('&quot;&gt;&lt;script&gt;');
    expect(frontierChart(chart)).toContain('<title>&lt;b&gt;1&lt;/b&gt;</title>');
  });
});

describe('the chart of a frontier', () => {
  it('says in words what it shows, and has a gap where no size is known', () => {
    const svg = frontierChart(chart) ?? '';
    expect(svg).toContain('aria-label="falls &quot;steeply&quot;"');
    expect(svg.match(/class="frontier" d="([^"]*)"/)?.[1]?.match(/M/g)).toHaveLength(2);
  });

  it('is not drawn without any size', () => {
    expect(frontierChart({ ...chart, bytes: [null, null, null, null] })).toBeUndefined();
  });
});
