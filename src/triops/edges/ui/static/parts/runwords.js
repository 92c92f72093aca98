/** How runs are told: their values as figures, their state, their place. Pure but for elements. */

import { seg } from '../api.js';
import { h } from '../dom.js';
import { lasting } from '../format.js';
import { link } from '../state.js';
import { health } from './health.js';

/** @type {Record<string, [string, string]>} MLflow's word → shape, ours */
const STATES = { RUNNING: ['running', 'running'], SCHEDULED: ['unset', 'scheduled'], FINISHED: ['ok', 'finished'], FAILED: ['failed', 'failed'], KILLED: ['undone', 'killed'] };

/** A metric's value, which may be a word that JSON has no number for. @param {any} v @returns {number} */
export function number(v) {
  return typeof v === 'number' ? v : v === 'Infinity' ? Infinity : v === '-Infinity' ? -Infinity : NaN;
}

/** Five significant figures: what tells one run from the next. @param {any} v */
export function metricText(v) {
  if (v === null || v === undefined) return '';
  if (typeof v !== 'number') return String(v);
  if (Number.isInteger(v) && Math.abs(v) < 1e7) return v.toLocaleString('en');
  const size = Math.abs(v);
  return size !== 0 && (size < 1e-4 || size >= 1e7) ? v.toExponential(3) : String(Number(v.toPrecision(size < 0.01 ? 4 : 5)));
}

/** @param {string} status */
export function runState(status) {
  const [look, word] = STATES[status] || ['unset', String(status || '').toLowerCase()];
  return health(look, word);
}

/** Seconds a run took, or takes so far. @param {any} run */
export function lasted(run) {
  if (!run.start_at) return null;
  if (!run.end_at && run.status !== 'RUNNING') return null;
  return Math.max(0, (run.end_at || Date.now() / 1000) - run.start_at);
}

/** @param {any} run */
export function lastedText(run) {
  const s = lasted(run);
  return s === null ? '' : lasting(s);
}

/** @param {any} run */
export function userOf(run) {
  return run.user || run.tags['mlflow.user'] || '';
}

/** @param {any} run */
export function nameOfRun(run) {
  return run.name || run.id.slice(0, 8);
}

/** @param {string} id @param {Record<string, any>} [query] */
export function runPath(id, query) {
  return link(`/ui/runs/${seg(id)}`, query);
}

/** @param {string} id */
export function experimentPath(id) {
  return link(`/ui/experiments/${seg(id)}`);
}

/** @param {string} name @param {Record<string, any>} [query] */
export function modelPath(name, query) {
  return link(`/ui/models/${encodeURIComponent(name)}`, query);
}

/** A link with some values given several times: `run=a&run=b`. @param {string} path @param {[string, any][]} pairs */
export function pairs(path, pairs) {
  const [base, tail] = link(path).split('?');
  const query = new URLSearchParams(tail || '');
  for (const [key, value] of pairs) if (value !== null && value !== undefined && value !== '') query.append(key, String(value));
  return `${base}?${query}`;
}

/** One name of an alias. @param {string} alias @param {string|null} [note] */
export function aliasBadge(alias, note) {
  return h('span', { class: 'alias' }, '@', alias, note && h('span', { class: 'muted' }, ' → ', note));
}

/** Where a metric's better end lies, by its name; 0 where the name does not tell. @param {string} key */
export function better(key) {
  if (/loss|error|err\b|rmse|mse|mae|mape|perplexity|latency|wer\b|fid\b|drift/i.test(key)) return -1;
  return /acc|auc|f1|precision|recall|r2|score|bleu|rouge|ndcg|map\b|iou|dice|reward|win_rate/i.test(key) ? 1 : 0;
}

/** Metrics that say most come first: quality by name, validation before training, the machine's own last. @param {string[]} keys */
export function byWeight(keys) {
  const weight = (/** @type {string} */ k) => (/^system\//.test(k) ? 9 : 0) + (better(k) ? 0 : 3) + (/val|test|eval/i.test(k) ? 0 : 1);
  return [...keys].sort((a, b) => weight(a) - weight(b) || a.localeCompare(b, 'en', { numeric: true }));
}
