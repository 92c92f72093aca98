/** Runs as lines across their parameters and metrics; drag along an axis to keep those within. */

import { h } from '../dom.js';
import { dayOf } from '../format.js';
import { chartCard } from './chart.js';
import { scaleOf, shadeScale } from './shade.js';
import { wide } from './runfields.js';
import { metricText, nameOfRun, runPath } from './runwords.js';

/** @typedef {{runs: any[], fields: import('./runfields.js').Field[], color: import('./runfields.js').Field|null}} Lines */

const NAMED = 24;

/** @param {{kept: (runs: any[]|null) => void}} how told which runs the brushes leave; null means all */
export function parallelChart({ kept }) {
  /** @type {Lines} */ let shown = { runs: [], fields: [], color: null };
  let drawn = '';
  const inside = h('div', { class: 'chips' });
  const card = chartCard({
    title: 'Runs across parameters and metrics', height: 380,
    option: (/** @type {Lines} */ data, look) => optionOf(data, look),
    rows: ({ runs, fields }) => [['run', 'run_id', ...fields.map((f) => f.label)], ...runs.map((r) => [nameOfRun(r), r.id, ...fields.map((f) => f.of(r))])],
    says: ({ runs, fields }) => `${runs.length} runs across ${fields.map((f) => f.label).join(', ')}`,
    on: { axisareaselected: (_, chart) => brushed(chart) },
  });
  const el = h('div', null, card.el, inside);

  /** @param {any} chart */
  function brushed(chart) {
    const indices = chart.getModel().getSeriesByIndex(0).getRawIndicesByActiveState('active');
    const within = indices.length && indices.length < shown.runs.length ? indices.map((/** @type {number} */ i) => shown.runs[i]) : null;
    list(within);
    kept(within);
  }

  /** @param {any[]|null} runs */
  function list(runs) {
    inside.replaceChildren(...(runs ? [h('span', { class: 'muted small' }, `${runs.length} of ${shown.runs.length} runs within: `), ...runs.slice(0, NAMED).map((r) => h('a', { class: 'small', href: runPath(r.id) }, nameOfRun(r))), runs.length > NAMED ? h('span', { class: 'muted small' }, `and ${runs.length - NAMED} more`) : ''] : [h('span', { class: 'muted small' }, 'Drag along an axis to keep the runs within; click it to let go.')]));
  }

  return {
    el,
    leave: card.leave,
    /** @param {Lines} data */
    set(data) {
      const same = JSON.stringify([data.runs.map((r) => [r.id, r.status, r.metrics]), data.fields.map((f) => f.id), data.color?.id]);
      if (same === drawn) return; // a brush stays while nothing changed
      drawn = same;
      shown = data;
      card.set(data);
      card.note(data.color ? scaleOf(data.color.label, /** @type {number[]} */ (data.runs.map((r) => data.color?.of(r)).filter((v) => typeof v === 'number')), (v) => (data.color?.id === 'start' ? dayOf(v) : metricText(v))) : '');
      list(null);
    },
  };
}

/** @param {Lines} data @param {import('./chart.js').Look} look */
function optionOf({ runs, fields, color }, look) {
  const axes = fields.map((f, dim) => {
    const base = { dim, name: f.label.length > 22 ? f.label.slice(0, 20) + '…' : f.label, nameLocation: 'end', nameTextStyle: { color: look.text, fontSize: 12 }, axisLine: { lineStyle: { color: look.muted } }, axisTick: { show: false }, axisLabel: { color: look.text, fontSize: 11, textBorderColor: look.surface, textBorderWidth: 3 }, z: 5 };
    if (!f.numeric) return { ...base, type: 'category', data: [...new Set(runs.map((r) => f.of(r)).filter((v) => v !== null))].sort().slice(0, 60), axisLabel: { ...base.axisLabel, width: 90, overflow: 'truncate' } };
    return { ...base, type: wide(f, runs) ? 'log' : 'value', scale: true, axisLabel: { ...base.axisLabel, formatter: (/** @type {number} */ v) => (f.id === 'start' ? dayOf(v) : metricText(v)) } };
  });
  const by = color ? runs.map((r) => color.of(r)) : [];
  const tint = shadeScale(by, look, color ? wide(color, runs) : false);
  const many = runs.length > 200;
  return {
    parallel: { left: 50, right: 70, top: 34, bottom: 18, axisExpandable: false },
    parallelAxis: axes,
    series: [{ type: 'parallel', smooth: 0.15, lineStyle: { width: many ? 0.8 : 1.5, opacity: many ? 0.35 : 0.75 }, inactiveOpacity: 0.03, activeOpacity: many ? 0.7 : 0.95, progressive: 400,
      data: runs.map((r, i) => ({ value: fields.map((f) => f.of(r) ?? '-'), name: nameOfRun(r), lineStyle: { color: tint(by[i]) } })) }],
  };
}
