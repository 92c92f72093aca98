/** How the versions of a prompt fare beside each other: calls, errors, tokens, cost, latency, scores. */

import { h } from '../dom.js';
import { figure, short } from '../format.js';
import { link } from '../state.js';
import { empty } from './empty.js';
import { dollars, limitBar } from './promptwords.js';

/** @param {string} name @param {{rows: any[]}} usage @param {any} prompt */
export function promptUsage(name, usage, prompt) {
  if (!usage.rows.length) return empty('No call with this prompt in the time chosen.', { hint: 'Ask for it by name; the gateway fills it in and counts:', command: `curl ${location.origin}/v1/chat/completions -H 'content-type: application/json' \\\n  -d '{"model": "ROUTE", "messages": [], "prompt": {"name": ${JSON.stringify(name)}, "version": ${prompt.latest || 1}, "variables": {}}}'` });
  const total = usage.rows.reduce((n, r) => n + r.calls, 0);
  const scores = [...new Set(usage.rows.flatMap((r) => Object.keys(r.scores)))].slice(0, 6);
  const head = ['Version', 'Calls', 'Errors', 'Tokens in', 'Tokens out', 'Out a call', 'Cost', 'Cost a call', 'p50', 'p95', ...scores];
  return h('div', { class: 'table-wrap', tabindex: '0', role: 'region', 'aria-label': 'Usage by version' }, h('table', { class: 'plain-table usage-table' }, h('thead', null, h('tr', null, head.map((t, i) => h('th', { class: i > 0 && 'right', scope: 'col' }, t)))),
    h('tbody', null, usage.rows.map((r) => h('tr', null,
      h('th', { scope: 'row' }, h('a', { href: link('/ui/llm', { prompt: `${name}@${r.version}` }) }, `version ${r.version}`), limitBar(r.calls / total, `${Math.round((100 * r.calls) / total)} % of the calls`, '')),
      h('td', { class: 'right' }, short(r.calls), h('div', { class: 'muted small' }, `${Math.round((100 * r.calls) / total)} %`)),
      h('td', { class: 'right' }, r.errors ? h('span', { class: 'critical' }, short(r.errors)) : '0'),
      h('td', { class: 'right' }, short(r.input_tokens)), h('td', { class: 'right' }, short(r.output_tokens)), h('td', { class: 'right' }, short(r.output_tokens / Math.max(1, r.calls))),
      h('td', { class: 'right' }, dollars(r.cost_usd)), h('td', { class: 'right' }, r.cost_usd === null ? '–' : dollars(Number(r.cost_usd) / Math.max(1, r.calls))),
      h('td', { class: 'right' }, figure(r.p50_ms, 'ms')), h('td', { class: 'right' }, figure(r.p95_ms, 'ms')),
      scores.map((s) => h('td', { class: 'right' }, r.scores[s] ? [short(r.scores[s].mean), h('div', { class: 'muted small' }, `of ${r.scores[s].count}`)] : '–')))))));
}

/** The better of the two newest versions that were used, in words; null where there are no two. @param {any[]} rows */
export function comparison(rows) {
  const [a, b] = [...rows].filter((r) => r.calls >= 20).sort((x, y) => y.version - x.version);
  if (!a || !b) return null;
  const cost = (/** @type {any} */ r) => Number(r.cost_usd || 0) / r.calls;
  const change = (/** @type {number} */ x, /** @type {number} */ y) => (y ? Math.round((100 * (x - y)) / y) : 0);
  const words = [];
  const money = change(cost(a), cost(b));
  if (Math.abs(money) >= 2) words.push(`${Math.abs(money)} % ${money < 0 ? 'cheaper' : 'dearer'} a call`);
  const slow = change(a.p95_ms, b.p95_ms);
  if (Math.abs(slow) >= 10) words.push(`p95 ${Math.abs(slow)} % ${slow < 0 ? 'shorter' : 'longer'}`);
  for (const [name, score] of Object.entries(a.scores).slice(0, 2)) {
    const was = b.scores[name];
    if (was && Math.abs(score.mean - was.mean) > 0.01) words.push(`${name} ${short(score.mean)} after ${short(was.mean)}`);
  }
  return words.length ? `Version ${a.version} against version ${b.version}: ${words.join(', ')}.` : `Version ${a.version} and version ${b.version} cost and last about the same.`;
}
