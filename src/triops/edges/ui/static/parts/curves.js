/** Metric curves of some runs: one chart a metric, one colour a run, smoothed over a faint trace of what was logged. */

import { get } from '../api.js';
import { h } from '../dom.js';
import { clock, count, lasting } from '../format.js';
import { axis, chartCard, colorAt, tooltip } from './chart.js';
import { metricText } from './runwords.js';
import { dotsOf, smoothed } from './smooth.js';

/** @typedef {{run: string, key: string, total: number, points: [number, number, any][]}} Curve */
/** @typedef {{by: 'step'|'time'|'relative', weight: number, logX: boolean, logY: boolean}} Knobs */
/** @typedef {{curves: Curve[], names: Map<string, string>, color: Map<string, number>, knobs: Knobs}} Shown */

const POINTS = 1000;
const RUNS = 100;
const KEYS = 20;

/** Curves of runs and keys, in calls the server takes. @param {string[]} runs @param {string[]} keys @param {AbortSignal} signal @param {number} [points] @returns {Promise<Curve[]>} */
export async function curvesOf(runs, keys, signal, points = POINTS) {
  const calls = [];
  const few = Math.max(1, Math.min(RUNS, Math.floor(200 / Math.max(1, Math.min(keys.length, KEYS)))));
  for (let k = 0; k < keys.length; k += KEYS) for (let r = 0; r < runs.length; r += few) calls.push({ run: runs.slice(r, r + few), key: keys.slice(k, k + KEYS), points });
  const out = [];
  for (let i = 0; i < calls.length; i += 4) for (const { items } of await Promise.all(calls.slice(i, i + 4).map((c) => get('/runs/curves', c, signal)))) out.push(...items);
  return out;
}

/** @param {string} key @param {number} [height] */
export function curveChart(key, height = 240) {
  let shown = '';
  const card = chartCard({
    title: key, height,
    option: (/** @type {Shown} */ data, look) => optionOf(data, look),
    rows: (data) => [['run', 'run_id', 'step', 'time', 'value'], ...data.curves.flatMap((c) => c.points.map(([step, at, value]) => [data.names.get(c.run) || c.run, c.run, step, new Date(at * 1000).toISOString(), value]))],
    says: (data) => data.curves.slice(0, 6).map((c) => `${data.names.get(c.run)}: last ${metricText(c.points.at(-1)?.[2])}`).join('; '),
  });
  return {
    el: card.el,
    leave: card.leave,
    /** @param {Shown} data */
    set(data) {
      const mark = JSON.stringify([data.knobs, [...data.color], data.curves.map((c) => [c.run, c.total, c.points.length, c.points.at(-1)])]);
      if (mark === shown) return;
      shown = mark;
      card.set(data);
      const thinned = data.curves.filter((c) => c.total > c.points.length);
      const strange = data.curves.reduce((n, c) => n + c.points.filter((p) => typeof p[2] !== 'number').length, 0);
      card.note([thinned.length ? `${count(thinned.length, 'curve')} thinned, extremes kept. ` : '', strange ? `${count(strange, 'value')} not finite, left as gaps.` : '']);
    },
  };
}
/** @param {Shown} data @param {import('./chart.js').Look} look */
function optionOf(data, look) {
  const { by, weight, logX, logY } = data.knobs;
  const xType = by === 'time' ? 'time' : logX ? 'log' : 'value';
  const label = by === 'time' ? undefined : by === 'step' ? (/** @type {number} */ v) => metricText(v) : (/** @type {number} */ v) => lasting(v);
  const series = [];
  for (const curve of data.curves) {
    const color = colorAt(look.colors, data.color.get(curve.run) || 0);
    const dots = dotsOf(curve.points, by, { x: logX && by !== 'time', y: logY });
    const name = data.names.get(curve.run) || curve.run;
    const known = dots.filter((d) => d[1] !== null).length;
    if (weight > 0 && known > 2) series.push({ type: 'line', name: `\u0000${name}`, data: dots, showSymbol: false, silent: true, tooltip: { show: false }, lineStyle: { width: 1, color, opacity: 0.25 }, itemStyle: { color }, emphasis: { disabled: true }, z: 1 });
    series.push({ type: 'line', name, id: curve.run, data: weight > 0 && known > 2 ? smoothed(dots, weight) : dots, showSymbol: known <= 2, symbol: 'circle', symbolSize: 5, connectNulls: false, lineStyle: { width: 1.7, color }, itemStyle: { color }, emphasis: { disabled: true }, z: 2 });
  }
  return {
    grid: { left: 6, right: 14, top: 10, bottom: 22, containLabel: true },
    xAxis: axis(look, { type: xType, scale: true, name: by === 'time' ? '' : by === 'step' ? 'step' : 'since its start', splitLine: { show: false }, axisLabel: label ? { formatter: label } : {} }),
    yAxis: axis(look, { type: logY ? 'log' : 'value', scale: true, splitNumber: 4, axisLabel: { formatter: (/** @type {number} */ v) => metricText(v) } }),
    dataZoom: [{ type: 'inside', xAxisIndex: 0, filterMode: 'none', zoomOnMouseWheel: 'ctrl', moveOnMouseWheel: false, moveOnMouseMove: 'shift' }],
    tooltip: tooltip(look, { trigger: 'axis', axisPointer: { type: 'line', snap: true, lineStyle: { color: look.muted, type: 'solid', width: 1 } }, formatter: (/** @type {any[]} */ rows) => tip(rows, data) }),
    series,
  };
}

/** @param {any[]} rows @param {Shown} data */
function tip(rows, data) {
  const known = rows.filter((r) => !r.seriesName.startsWith('\u0000') && typeof r.value?.[1] === 'number').sort((a, b) => b.value[1] - a.value[1]);
  if (!known.length) return '';
  const x = rows[0].axisValue;
  const at = data.knobs.by === 'time' ? clock(x / 1000) : data.knobs.by === 'step' ? `step ${metricText(x)}` : `${lasting(x)} in`;
  return h('div', { class: 'tip' }, h('div', { class: 'muted' }, at), known.slice(0, 14).map((r) => h('div', { class: 'tip-row' }, h('i', { style: { background: r.color } }), h('span', { class: 'tip-name' }, r.seriesName), h('b', null, metricText(r.value[1])))), known.length > 14 && h('div', { class: 'muted' }, `and ${known.length - 14} more`));
}

/** The knobs above curves, kept in the address. @param {import('../visit.js').Visit} ctx @param {any} [extra] */
export function knobs(ctx, extra) {
  const out = h('output');
  const slide = h('input', { type: 'range', min: 0, max: 0.99, step: 0.01, 'aria-label': 'Smoothing', on: { input: () => { out.textContent = slide.value; turned(); }, change: () => ctx.set({ smooth: Number(slide.value) || null }, { replace: true }) } });
  const by = h('select', { 'aria-label': 'Horizontal axis', on: { change: () => ctx.set({ x: by.value === 'step' ? null : by.value }, { replace: true }) } }, [['step', 'step'], ['relative', 'time since start'], ['time', 'clock time']].map(([v, n]) => h('option', { value: v }, n)));
  const box = (/** @type {string} */ name) => h('input', { type: 'checkbox', on: { change: (/** @type {any} */ e) => ctx.set({ [name]: e.target.checked ? 'log' : null }, { replace: true }) } });
  const [logX, logY] = [box('lx'), box('ly')];
  let turned = () => {};
  const el = h('div', { class: 'knobs' }, h('label', null, 'Smoothing', slide, out), h('label', null, 'Across', by), h('label', null, logX, 'log across'), h('label', null, logY, 'log up'), extra || null);
  return {
    el,
    /** @param {() => void} fn */
    onTurn(fn) { turned = fn; },
    sync() {
      if (document.activeElement !== slide) slide.value = ctx.query.get('smooth') || '0';
      out.textContent = slide.value;
      by.value = ctx.query.get('x') || 'step';
      logX.checked = ctx.query.get('lx') === 'log';
      logY.checked = ctx.query.get('ly') === 'log';
      logX.disabled = by.value === 'time';
    },
    /** @returns {Knobs} */
    now: () => ({ by: /** @type {any} */ (by.value), weight: Number(slide.value) || 0, logX: logX.checked, logY: logY.checked }),
  };
}
