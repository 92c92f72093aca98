/** A run's metrics (latest, least, most, their course) and its parameters, as tables to sort, search and save. */

import { h } from '../dom.js';
import { empty } from './empty.js';
import { metricText, number } from './runwords.js';
import { spark } from './spark.js';
import { table } from './table.js';

/** @param {(key: string) => void} open */
export function metricsTable(open) {
  const t = table({
    name: 'run-metrics', label: 'Metrics', title: 'Metrics', key: (m) => m.key, open: (m) => open(m.key), tall: '56vh', empty: empty('No metric has been logged.'),
    columns: [
      { id: 'key', label: 'Metric', value: (m) => m.key, width: 'minmax(130px, 1.6fr)' },
      { id: 'latest', label: 'Latest', right: true, value: (m) => number(m.value), cell: (m) => (typeof m.value === 'number' ? h('span', { title: String(m.value) }, metricText(m.value)) : h('span', { class: 'warning' }, m.value)) },
      { id: 'least', label: 'Least', right: true, value: (m) => m.least, cell: (m) => metricText(m.least) },
      { id: 'most', label: 'Most', right: true, value: (m) => m.most, cell: (m) => metricText(m.most) },
      { id: 'step', label: 'Step', right: true, value: (m) => m.step, cell: (m) => Number(m.step).toLocaleString('en') },
      { id: 'course', label: 'Course', value: (m) => m.points.length, cell: (m) => spark(m.points, { width: 84, zero: false, label: m.key }), width: '90px' },
    ],
  });
  const el = h('section', { class: 'card flush' }, t.el);
  return {
    el,
    /** @param {any} of @param {import('./curves.js').Curve[]} curves */
    set(of, curves) {
      const known = new Map(curves.map((c) => [c.key, c]));
      t.set(Object.entries(of.metrics).map(([key, m]) => {
        /** @type {[number, number|null][]} */
        const points = (known.get(key)?.points || []).map(([step, at, v], i, all) => [all[0][0] === all[all.length - 1][0] ? i : step, Number.isFinite(number(v)) ? number(v) : null]);
        const values = /** @type {number[]} */ (points.map((p) => p[1]).filter((v) => v !== null));
        return { key, ...m, points, least: values.length ? Math.min(...values) : null, most: values.length ? Math.max(...values) : null };
      }));
    },
  };
}


export function paramsTable() {
  const t = table({
    name: 'run-params', label: 'Parameters', title: 'Parameters', key: (p) => p.key, tall: '46vh', empty: empty('No parameter has been logged.'),
    columns: [
      { id: 'key', label: 'Parameter', value: (p) => p.key, width: 'minmax(130px, 1fr)' },
      { id: 'value', label: 'Value', value: (p) => p.value, cell: (p) => h('span', { class: 'mono small', title: p.value.slice(0, 2000) }, p.value.slice(0, 300)), width: 'minmax(140px, 1.6fr)' },
    ],
  });
  const el = h('section', { class: 'card flush' }, t.el);
  return { el, set: (/** @type {any} */ of) => t.set(Object.entries(of.params).map(([key, value]) => ({ key, value }))) };
}
