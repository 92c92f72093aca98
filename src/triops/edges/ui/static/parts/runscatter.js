/** Runs as dots: one value across, one up, one as colour; a click opens the run. */

import { h } from '../dom.js';
import { clock, dayOf } from '../format.js';
import { axis, chartCard, tooltip } from './chart.js';
import { scaleOf, shadeScale } from './shade.js';
import { wide } from './runfields.js';
import { palette } from './timeseries.js';
import { metricText, nameOfRun } from './runwords.js';

/** @typedef {import('./runfields.js').Field} Field */
/** @typedef {{runs: any[], x: Field, y: Field, color: Field|null}} Dots */

/** @param {{open: (run: any) => void}} how */
export function runScatter({ open }) {
  /** @type {any[]} */ let runs = [];
  const card = chartCard({
    title: 'Runs as dots', height: 420,
    option: (/** @type {Dots} */ data, look) => optionOf(data, look),
    rows: ({ runs, x, y, color }) => [['run', 'run_id', x.label, y.label, ...(color ? [color.label] : [])], ...runs.map((r) => [nameOfRun(r), r.id, x.of(r), y.of(r), ...(color ? [color.of(r)] : [])])],
    says: ({ runs, x, y }) => `${runs.length} runs, ${x.label} across, ${y.label} up`,
    on: { click: (event) => { const run = runs.find((r) => r.id === event.data?.id); if (run) open(run); } },
  });
  return { el: card.el, leave: card.leave, set(/** @type {Dots} */ data) { runs = data.runs; card.set(data); card.note(scaleNote(data)); } };
}

/** What the colours mean. @param {Dots} data */
function scaleNote({ runs, color }) {
  if (!color) return '';
  const values = runs.map((r) => color.of(r)).filter((v) => v !== null);
  if (color.numeric) return scaleOf(color.label, /** @type {number[]} */ (values), (v) => told(color, v));
  const colors = palette();
  return h('span', { class: 'run-keys' }, h('span', null, color.label), [...new Set(values)].sort().slice(0, 12).map((v, i) => h('span', null, h('i', { style: { background: colors[i % colors.length] } }), String(v))));
}

/** @param {Field} field @param {number|string} v */
function told(field, v) {
  return typeof v !== 'number' ? String(v) : field.id === 'start' ? clock(v, { day: true }) : metricText(v);
}

/** @param {Dots} data @param {import('./chart.js').Look} look */
function optionOf({ runs, x, y, color }, look) {
  const side = (/** @type {Field} */ f) => axis(look, f.numeric ? { type: wide(f, runs) ? 'log' : 'value', scale: true, name: f.label, axisLabel: { formatter: (/** @type {number} */ v) => (f.id === 'start' ? dayOf(v) : metricText(v)) } } : { type: 'category', name: f.label, data: [...new Set(runs.map((r) => f.of(r)).filter((v) => v !== null))].sort() });
  const known = runs.filter((r) => x.of(r) !== null && y.of(r) !== null);
  const by = known.map((r) => color?.of(r));
  const tint = shadeScale(by, look, color ? wide(color, runs) : false);
  const words = [...new Set(by.filter((v) => typeof v === 'string'))].sort();
  return {
    grid: { left: 30, right: 18, top: 14, bottom: 30, containLabel: true },
    xAxis: side(x), yAxis: { ...side(y), nameGap: 46 },
    tooltip: tooltip(look, { trigger: 'item', formatter: (/** @type {any} */ p) => {
      const run = known[p.dataIndex];
      return run ? h('div', { class: 'tip' }, h('div', null, nameOfRun(run)), [x, y, color].map((f) => f && h('div', { class: 'tip-row' }, h('span', { class: 'tip-name muted' }, f.label), h('b', null, told(f, f.of(run) ?? ''))))) : '';
    } }),
    series: [{ type: 'scatter', symbolSize: known.length > 300 ? 6 : 10, emphasis: { scale: 1.4 }, data: known.map((r, i) => ({ id: r.id, value: [x.of(r), y.of(r)], itemStyle: { color: typeof by[i] === 'string' ? look.colors[words.indexOf(by[i]) % look.colors.length] : tint(by[i]), opacity: 0.8 } })) }],
  };
}
