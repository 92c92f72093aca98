/** How the versions of a prompt fare beside each other: calls, errors, refusals, lengths, cost, times, scores. */

import { h } from '../dom.js';
import { figure, percent, short, when } from '../format.js';
import { link } from '../state.js';
import { empty } from './empty.js';
import { dollars, labelBadge, limitBar } from './promptwords.js';

const MANY = 0.05; // of the calls: from here on failures and refusals stand out

/** What is told of each version; the more of them, the more a table scrolls. @type {[string, (r: any) => any, string?][]} */
const COLUMNS = [
  ['Calls', (r) => short(r.calls)],
  ['Errors', (r) => shareOf(r.errors, r.calls)],
  ['Refusals', (r) => shareOf(r.refused, r.answers), 'Answers that begin by refusing, of those whose words are kept'],
  ['Answer', (r) => figure(r.output_chars, 'chars'), 'Characters of an answer, the mean'],
  ['Tokens', (r) => [short(Math.round(r.input_tokens / answered(r))), h('span', { class: 'muted' }, ' → '), short(Math.round(r.output_tokens / answered(r)))], 'In and out, by answered call'],
  ['Cost a call', (r) => (r.cost_usd === null ? '–' : dollars(Number(r.cost_usd) / answered(r))), 'By answered call'],
  ['Cost', (r) => dollars(r.cost_usd)],
  ['First token', (r) => figure(r.first_token_ms, 'ms'), 'p50 of streams'],
  ['p50', (r) => figure(r.p50_ms, 'ms')],
  ['p95', (r) => figure(r.p95_ms, 'ms')],
];

/** @param {string} name @param {{rows: any[]}} usage @param {any} prompt */
export function promptUsage(name, usage, prompt) {
  if (!usage.rows.length) return empty('No call with this prompt in the time chosen.', { hint: 'Ask for it by name; the gateway fills it in and counts:', command: `curl ${location.origin}/v1/chat/completions -H 'content-type: application/json' \\\n  -d '{"model": "ROUTE", "messages": [], "prompt": {"name": ${JSON.stringify(name)}, "version": ${prompt.latest || 1}, "variables": {}}}'` });
  const total = usage.rows.reduce((n, r) => n + r.calls, 0);
  const scores = [...new Set(usage.rows.flatMap((r) => Object.keys(r.scores)))].slice(0, 6);
  const labels = (/** @type {any} */ r) => Object.entries(prompt.labels).filter(([label, v]) => v === r.version || prompt.shares[label]?.[r.version]).map(([label]) => label);
  return h('div', { class: 'table-wrap', tabindex: '0', role: 'region', 'aria-label': 'Usage by version' }, h('table', { class: 'plain-table usage-table' },
    h('thead', null, h('tr', null, h('th', { scope: 'col' }, 'Version'), COLUMNS.map(([title, , note]) => h('th', { class: 'right', scope: 'col', title: note }, title)), scores.map((s) => h('th', { class: 'right', scope: 'col', title: 'The mean of a score' }, s)))),
    h('tbody', null, usage.rows.map((r) => h('tr', null,
      h('th', { scope: 'row' }, h('div', { class: 'version-top' }, h('a', { href: link('/ui/llm', { prompt: `${name}@${r.version}` }) }, `version ${r.version}`), labels(r).map((l) => labelBadge(l))), limitBar(r.calls / total, `${percent(r.calls / total)} of the calls`, ''), h('div', { class: 'muted small' }, `${percent(r.calls / total)} of calls · `, when(r.last_at))),
      COLUMNS.map(([title, cell]) => h('td', { class: 'right', data: { label: title } }, cell(r))),
      scores.map((s) => h('td', { class: 'right', data: { label: s } }, r.scores[s] ? [short(r.scores[s].mean), h('div', { class: 'muted small' }, `of ${short(r.scores[s].count)}`)] : '–')))))));
}

/** @param {any} r */
function answered(r) {
  return Math.max(1, r.calls - r.errors);
}

/** @param {number} some @param {number} of */
function shareOf(some, of) {
  if (!of) return '–';
  return [h('span', { class: some / of >= MANY && 'critical' }, percent(some / of)), some > 0 && h('div', { class: 'muted small' }, `${short(some)} of ${short(of)}`)];
}

/** The better of the two newest versions that were used, in words; null where there are no two. @param {any[]} rows */
export function comparison(rows) {
  const [a, b] = [...rows].filter((r) => r.calls >= 20).sort((x, y) => y.version - x.version);
  if (!a || !b) return null;
  const change = (/** @type {number|null} */ x, /** @type {number|null} */ y) => (x !== null && y ? Math.round((100 * (x - y)) / y) : 0);
  const cost = (/** @type {any} */ r) => Number(r.cost_usd || 0) / answered(r);
  const words = [];
  /** @param {number} by @param {number} least @param {string} less @param {string} more */
  const tell = (by, least, less, more) => Math.abs(by) >= least && words.push(by >= 200 ? `${more.replace('#', `${short(1 + by / 100)} times`)}` : (by < 0 ? less : more).replace('#', `${Math.abs(by)} %`));
  tell(change(cost(a), cost(b)), 2, '# cheaper a call', '# dearer a call');
  tell(change(a.p95_ms, b.p95_ms), 10, 'p95 # shorter', 'p95 # longer');
  tell(change(a.output_chars, b.output_chars), 10, 'answers # shorter', 'answers # longer');
  for (const [what, some, of] of /** @type {[string, string, string][]} */ ([['fail', 'errors', 'calls'], ['refuse', 'refused', 'answers']])) {
    const [now, was] = [a, b].map((r) => (r[of] ? r[some] / r[of] : 0));
    if (Math.abs(now - was) >= 0.02) words.push(`${percent(now)} ${what} after ${percent(was)}`);
  }
  for (const [name, score] of Object.entries(a.scores).slice(0, 2)) {
    const was = b.scores[name];
    if (was && Math.abs(score.mean - was.mean) > 0.01) words.push(`${name} ${short(score.mean)} after ${short(was.mean)}`);
  }
  return words.length ? `Version ${a.version} against version ${b.version}: ${words.join(', ')}.` : `Version ${a.version} and version ${b.version} cost, last and say about the same.`;
}
