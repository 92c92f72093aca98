/** Rows of spend as a chart's series and a table's rows. Pure but for the table. */

import { h } from '../dom.js';
import { figure, percent, short } from '../format.js';
import { dollars, money } from './llmwords.js';
import { table } from './table.js';

/** Dimension → what one of it is called. @type {[string, string][]} */
export const DIMENSIONS = [['application', 'Application'], ['model', 'Model'], ['provider', 'Provider'], ['prompt', 'Prompt'], ['user', 'User'], ['key', 'Key'], ['team', 'Team'], ['route', 'Route']];
const SERIES = 7; // by name; the rest together
export const OTHERS = 'all others';

/** What a row is called. @param {any} row @param {string} by */
export function nameIn(row, by) {
  return row[by] || `no ${by}`;
}

/** "+43 %", "×2.1", "−12 %": a cost against that of a window as long, just before. @param {number} cost @param {number} before */
export function growth(cost, before) {
  if (!before) return 'new';
  const more = cost / before - 1;
  return more >= 1 ? `×${short(cost / before)}` : `${more < 0 ? '−' : '+'}${Math.round(Math.abs(more) * 100)} %`;
}

/** The dearest by name and the rest together, stacked over time. @param {any[]} timed rows with `at` @param {any[]} whole the same window without time, the dearest first @param {string} by @param {{start: number, end: number, every: number}} window */
export function stacked(timed, whole, by, { start, end, every }) {
  const names = whole.filter((r) => Number(r.cost_usd) > 0).slice(0, SERIES).map((r) => nameIn(r, by));
  const buckets = Array.from({ length: Math.max(1, Math.ceil((end - start) / every)) }, (_, i) => start + i * every);
  const moments = [...new Set([...buckets, ...timed.map((r) => r.at)])].sort((a, b) => a - b); // one bar alone would be as wide as the axis
  /** @type {Map<string, Map<number, number>>} */ const sums = new Map();
  for (const row of timed) {
    const name = names.includes(nameIn(row, by)) ? nameIn(row, by) : OTHERS;
    const points = sums.get(name) || new Map();
    points.set(row.at, (points.get(row.at) || 0) + Number(row.cost_usd));
    sums.set(name, points);
  }
  return [...names, OTHERS].filter((name) => sums.has(name) && [...(sums.get(name)?.values() || [])].some((v) => v > 0)).map((name) => ({
    name, points: /** @type {[number, number][]} */ (moments.map((at) => [at, sums.get(name)?.get(at) || 0])), // bars stack by position: each has all of them
  }));
}

/** @param {{by: string, label: string, empty: any, colors: () => Map<string, string>, narrow: (row: any) => string|null, traces: (row: any) => string|null}} how */
export function spendTable({ by, label, empty, colors, narrow, traces }) {
  const link = (/** @type {any} */ row, /** @type {any} */ shows, /** @type {string|null} */ to) => (to ? h('a', { href: to }, shows) : shows);
  return table({
    name: `spend-${by}`, label: `Spend by ${label.toLowerCase()}`, title: `By ${label.toLowerCase()}`, key: (r) => nameIn(r, by), sort: '-cost', empty,
    columns: [
      { id: 'name', label, value: (r) => nameIn(r, by), width: 'minmax(130px, 1.5fr)', cell: (r) => h('span', null, h('i', { class: 'dot-key', style: { background: colors().get(nameIn(r, by)) || 'var(--strong-line)' } }), link(r, r[by] ? r[by] : h('span', { class: 'muted' }, nameIn(r, by)), narrow(r))) },
      { id: 'cost', label: 'Cost', right: true, value: (r) => Number(r.cost_usd), cell: (r) => money(r.cost_usd), width: 'minmax(88px, 0.6fr)' },
      { id: 'share', label: 'Share', right: true, value: (r) => r.share, width: 'minmax(84px, 0.9fr)', cell: (r) => h('span', { class: 'share' }, h('span', { class: 'track' }, h('i', { style: { width: `${r.share * 100}%` } })), h('span', null, percent(r.share))) },
      { id: 'growth', label: 'Trend', right: true, value: (r) => (r.before === null ? null : r.before ? Number(r.cost_usd) / r.before : Infinity), width: '64px', cell: (r) => (r.before === null || !Number(r.cost_usd) ? h('span', { class: 'muted' }, '–') : h('span', { title: `$${r.before.toFixed(6)} in the time before, as long as this`, class: Number(r.cost_usd) > 1.5 * r.before ? 'warning' : 'muted' }, growth(Number(r.cost_usd), r.before))) },
      { id: 'requests', label: 'Calls', right: true, value: (r) => r.requests, cell: (r) => link(r, short(r.requests), traces(r)) },
      { id: 'per', label: 'Per call', right: true, value: (r) => (r.requests ? Number(r.cost_usd) / r.requests : null), cell: (r) => figure(r.requests ? Number(r.cost_usd) / r.requests : null, 'USD'), width: 'minmax(88px, 0.6fr)' },
      { id: 'input', label: 'Tokens in', right: true, value: (r) => r.input_tokens, cell: (r) => short(r.input_tokens) },
      { id: 'output', label: 'out', right: true, value: (r) => r.output_tokens, cell: (r) => short(r.output_tokens), width: '64px' },
      { id: 'errors', label: 'Errors', right: true, value: (r) => r.errors, cell: (r) => (r.errors ? h('span', { class: 'critical' }, short(r.errors)) : h('span', { class: 'muted' }, '0')), width: '64px' },
      { id: 'saved', label: 'Saved', right: true, value: (r) => Number(r.saved_usd), cell: (r) => (Number(r.saved_usd) ? h('span', { class: 'good', title: `${r.hits} of ${r.requests} answered by the cache` }, figure(dollars(r.saved_usd), 'USD')) : h('span', { class: 'muted' }, '–')) },
      { id: 'estimated', label: 'Estimated', right: true, value: (r) => Number(r.estimated_cost_usd), cell: (r) => (Number(r.estimated_cost_usd) ? h('span', { title: `${r.estimated} calls whose provider did not say how many tokens there were` }, figure(dollars(r.estimated_cost_usd), 'USD')) : h('span', { class: 'muted' }, '–')) },
      { id: 'forecast', label: 'Month’s end', right: true, value: (r) => dollars(r.forecast?.forecast_usd), cell: (r) => (r.forecast ? h('span', { title: `between $${r.forecast.low_usd} and $${r.forecast.high_usd}` }, figure(dollars(r.forecast.forecast_usd), 'USD')) : h('span', { class: 'muted' }, '–')), off: true },
      { id: 'refused', label: 'Refused', right: true, value: (r) => r.refused, off: true },
      { id: 'hits', label: 'Cache hits', right: true, value: (r) => r.hits, off: true },
      { id: 'cached', label: 'Cached tokens', right: true, value: (r) => r.cached_tokens, off: true },
      { id: 'unpriced', label: 'No price', right: true, value: (r) => r.unpriced, off: true },
    ],
  });
}
