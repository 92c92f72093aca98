/** Params and metrics of runs as the axes of a chart: which there are, which differ, numbers or words. Pure. */

import { byWeight, lasted, number } from './runwords.js';

/** @typedef {{id: string, label: string, numeric: boolean, kind: 'param'|'metric'|'run', of: (run: any) => number|string|null}} Field */

/** Fields that differ between the runs, parameters first. @param {any[]} runs @returns {Field[]} */
export function fieldsOf(runs) {
  const params = keysOf(runs, 'params').map((k) => paramField(k, runs));
  const metrics = byWeight(keysOf(runs, 'metrics')).map((k) => /** @type {Field} */ ({ id: `metrics.${k}`, label: k, numeric: true, kind: 'metric', of: (r) => finite(r.metrics[k] ? number(r.metrics[k].value) : NaN) }));
  /** @type {Field[]} */
  const own = [{ id: 'duration', label: 'duration, s', numeric: true, kind: 'run', of: (r) => finite(lasted(r) ?? NaN) }, { id: 'start', label: 'start', numeric: true, kind: 'run', of: (r) => r.start_at || null }];
  return [...params, ...metrics].filter((f) => differs(f, runs)).concat(own);
}

/** @param {string} key @param {any[]} runs @returns {Field} */
function paramField(key, runs) {
  const values = runs.map((r) => r.params[key]).filter((v) => v !== undefined);
  const numeric = values.length > 0 && values.every((v) => v.trim() !== '' && Number.isFinite(Number(v)));
  return { id: `params.${key}`, label: key, numeric, kind: 'param', of: (r) => (r.params[key] === undefined ? null : numeric ? Number(r.params[key]) : r.params[key]) };
}

/** @param {Field} field @param {any[]} runs */
function differs(field, runs) {
  const first = field.of(runs[0]);
  return runs.some((r) => field.of(r) !== first) || (runs.length === 1 && first !== null);
}

/** @param {number} v */
function finite(v) {
  return Number.isFinite(v) ? v : null;
}

/** @param {any[]} runs @param {'params'|'metrics'|'tags'} what */
export function keysOf(runs, what) {
  return [...new Set(runs.flatMap((r) => Object.keys(r[what])))].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
}

/** What one would look at first: parameters that differ, then the weightiest metrics. @param {Field[]} fields @param {number} most */
export function firstFields(fields, most) {
  const metrics = fields.filter((f) => f.kind === 'metric').slice(0, 3);
  const few = (/** @type {Field} */ f) => f.kind === 'param';
  return [...fields.filter(few).slice(0, most - metrics.length), ...metrics];
}

/** Spans several decades and stays above zero: a logarithm tells more. @param {Field} field @param {any[]} runs */
export function wide(field, runs) {
  if (!field.numeric || field.id === 'start') return false;
  let [low, high] = [Infinity, -Infinity];
  for (const run of runs) {
    const v = field.of(run);
    if (typeof v !== 'number') continue;
    low = Math.min(low, v);
    high = Math.max(high, v);
  }
  return low > 0 && high / low >= 50;
}
