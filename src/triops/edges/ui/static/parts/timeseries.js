/**
 * A chart over time: lines or stacked bars, gaps left as gaps, changes as vertical marks, anomalies as shaded spans,
 * incidents as a band along the top. Hover shows all series; dragging over it sets the time range of all pages.
 */

import { h } from '../dom.js';
import { clock, dayOf, nameOf, text, worded } from '../format.js';

/** @typedef {{name: string, points: [number, number|null][], color?: string, dashed?: boolean}} Series */
/** @typedef {{series: Series[], unit?: string, span: import('../state.js').Span, marks?: import('./marks.js').Marks, focus?: string, threshold?: {value: number, name: string}, note?: string, every?: number}} Chart `every`: seconds that each bar stands for, from its point on */

const MOST_SERIES = 40; // drawn; the rest is said in the legend
const MOST_NAMED = 12;
/** @type {Promise<any>|null} */
let library = null;

/** Our palette, by theme, in order of use. */
export function palette() {
  const style = getComputedStyle(document.documentElement);
  return Array.from({ length: 8 }, (_, i) => style.getPropertyValue(`--chart-${i + 1}`).trim());
}

/** @param {string} name a CSS variable */
export function token(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/**
 * @param {{height?: number, kind?: 'line'|'bars', zoom?: (range: import('../state.js').Range) => void, label?: string}} how
 */
export function timeseries({ height = 180, kind = 'line', zoom, label = 'Chart' } = {}) {
  const canvas = h('div', { class: 'canvas', style: { height: `${height}px` } });
  const legend = h('div', { class: 'legend' });
  const nothing = h('div', { class: 'no-data muted', hidden: true }, 'No data in this range');
  const box = h('div', { class: 'plot', role: 'img', 'aria-label': label }, canvas, nothing);
  const el = h('figure', { class: 'timeseries' }, box, legend);
  /** @type {any} */ let chart = null;
  /** @type {Chart|null} */ let shown = null;
  let hidden = new Set();
  let left = false;

  const observer = new ResizeObserver(() => chart?.resize());
  const themed = () => shown && draw(shown);
  addEventListener('triops:theme', themed);
  if (zoom) dragging(box, () => chart, zoom);

  /** @param {Chart} data */
  async function draw(data) {
    shown = data;
    const empty = !data.series.some((s) => s.points.some((p) => p[1] !== null));
    nothing.hidden = !empty;
    nothing.textContent = data.note || 'No data in this range';
    box.setAttribute('aria-label', `${label}. ${summary(data)}`);
    drawLegend(data);
    library ??= import('../vendor/echarts.min.js');
    const echarts = await library;
    if (left || shown !== data) return;
    if (!chart) {
      chart = echarts.init(canvas, null, { renderer: 'canvas' });
      chart.group = 'page';
      echarts.connect('page');
      observer.observe(canvas);
    }
    chart.setOption(option(data, kind, hidden), { notMerge: true, lazyUpdate: false });
  }

  /** @param {Chart} data */
  function drawLegend(data) {
    const colors = palette();
    const named = data.series.slice(0, MOST_NAMED);
    legend.replaceChildren(...(data.series.length < 2 ? [] : named.map((s, i) => h('button', { type: 'button', class: ['key', hidden.has(s.name) && 'off'], title: 'Show or hide', 'aria-pressed': String(!hidden.has(s.name)), on: { click: () => flip(s.name) } }, h('i', { style: { background: s.color || colors[i % colors.length] } }), s.name))),
      ...(data.series.length > MOST_NAMED ? [h('span', { class: 'muted' }, `and ${data.series.length - MOST_NAMED} more${data.series.length > MOST_SERIES ? `, the first ${MOST_SERIES} drawn` : ''}`)] : []));
  }

  /** @param {string} name */
  function flip(name) {
    hidden.has(name) ? hidden.delete(name) : hidden.add(name);
    if (shown) draw({ ...shown });
  }

  return {
    el,
    set: draw,
    leave() {
      left = true;
      removeEventListener('triops:theme', themed);
      observer.disconnect();
      chart?.dispose();
    },
  };
}

/** For those who do not see it. @param {Chart} data */
function summary(data) {
  return data.series.slice(0, 5).map((s) => {
    const values = s.points.map((p) => p[1]).filter((v) => v !== null);
    return values.length ? `${s.name}: last ${text(values[values.length - 1], data.unit)}, highest ${text(Math.max(.../** @type {number[]} */ (values)), data.unit)}` : `${s.name}: no data`;
  }).join('; ');
}

/** @param {Chart} data @param {string} kind @param {Set<string>} hidden */
function option(data, kind, hidden) {
  const colors = palette();
  const [muted, line, surface, ink] = ['muted', 'line', 'surface', 'text'].map(token);
  const { start, end } = data.span;
  const drawn = data.series.slice(0, MOST_SERIES).filter((s) => !hidden.has(s.name));
  const long = end - start > 2 * 86400;
  return {
    animation: false,
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
    grid: { left: 4, right: 10, top: 14, bottom: 2, containLabel: true },
    xAxis: { type: 'time', min: start * 1000, max: end * 1000, axisLine: { lineStyle: { color: line } }, axisTick: { show: false }, splitLine: { show: false }, splitNumber: 6, axisLabel: { color: muted, fontSize: 11, hideOverlap: true, showMinLabel: false, showMaxLabel: false, formatter: (/** @type {number} */ ms) => (long ? new Date(ms).toLocaleDateString('en', { day: 'numeric', month: 'short' }) : new Date(ms).toTimeString().slice(0, end - start < 600 ? 8 : 5)) } },
    yAxis: { type: 'value', splitNumber: 3, min: (/** @type {any} */ v) => (v.min >= 0 ? 0 : null), max: (/** @type {any} */ v) => (v.max === 0 && v.min === 0 ? (data.unit === 'ratio' ? 0.06 : 3) : null), splitLine: { lineStyle: { color: line, opacity: 0.7 } }, axisLabel: { color: muted, fontSize: 11, formatter: (/** @type {number} */ v) => text(v, data.unit) } },
    tooltip: { trigger: 'axis', confine: true, backgroundColor: surface, borderColor: line, borderWidth: 1, padding: 0, transitionDuration: 0, textStyle: { color: ink, fontSize: 12 }, axisPointer: { type: 'line', lineStyle: { color: muted, type: 'solid', width: 1 } }, extraCssText: 'box-shadow:none;z-index:20', formatter: (/** @type {any[]} */ rows) => tip(rows, data) },
    series: [
      ...drawn.map((s) => {
        const color = s.color || colors[data.series.indexOf(s) % colors.length];
        const points = s.points.map(([t, v]) => [(t + (data.every || 0) / 2) * 1000, v]);
        return kind === 'bars'
          ? { type: 'bar', name: s.name, data: points, stack: 'all', itemStyle: { color }, barCategoryGap: '12%', barMaxWidth: 22 }
          : { type: 'line', name: s.name, data: points, connectNulls: false, showSymbol: lonely(s.points), symbolSize: 4, symbol: 'circle', lineStyle: { width: 1.6, color, type: s.dashed ? [4, 4] : 'solid' }, itemStyle: { color }, emphasis: { disabled: true }, sampling: 'lttb' };
      }),
      context(data),
    ],
  };
}

/** Points with a gap on both sides would be invisible without a symbol. @param {[number, number|null][]} points */
function lonely(points) {
  const known = points.filter((p) => p[1] !== null).length;
  return known > 0 && known <= 3;
}

/** Changes, anomalies and incidents as one empty series that carries the marks. @param {Chart} data */
function context({ marks, span, threshold, focus }) {
  const [critical, warning, change, muted] = ['critical', 'warning', 'mark-change', 'muted'].map(token);
  const clip = (/** @type {number} */ t) => Math.min(span.end, Math.max(span.start, t)) * 1000;
  const within = (/** @type {number} */ a, /** @type {number|null} */ b) => (b || span.end) >= span.start && a <= span.end;
  const areas = merged((marks?.anomalies || []).filter((a) => within(a.started_at, a.ended_at)), span.end).map(({ start, end, worst }) => [
    { xAxis: clip(start), itemStyle: { color: worst ? critical : warning, opacity: 0.1 } }, { xAxis: clip(end) }]);
  const bands = (marks?.incidents || []).filter((i) => within(i.onset_at, i.resolved_at)).slice(0, 20).map((i) => [
    { xAxis: clip(i.onset_at), y: 3, itemStyle: { color: critical, opacity: 0.75 } }, { xAxis: clip(i.resolved_at || span.end), y: 7 }]);
  const lines = (marks?.changes || []).filter((c) => c.at >= span.start && c.at <= span.end).slice(0, 60).map((c) => ({ xAxis: c.at * 1000, lineStyle: { color: change, width: c.id === focus ? 2 : 1.2, type: [3, 3] } }));
  const levels = threshold ? [{ yAxis: threshold.value, lineStyle: { color: muted, width: 1, type: [2, 3] }, label: { show: true, position: 'insideStartTop', formatter: threshold.name, color: muted, fontSize: 11 } }] : [];
  return { type: 'line', name: '\u0000marks', data: [], silent: true, tooltip: { show: false }, markArea: { silent: true, data: [...areas, ...bands] }, markLine: { silent: true, symbol: 'none', label: { show: false }, data: [...lines, ...levels] } };
}

/** Overlapping claims shade once, in the worst one's colour. @param {any[]} anomalies @param {number} now */
function merged(anomalies, now) {
  /** @type {{start: number, end: number, worst: boolean}[]} */
  const out = [];
  for (const a of [...anomalies].sort((x, y) => x.started_at - y.started_at)) {
    const [end, worst] = [a.ended_at || now, a.severity === 'critical'];
    const last = out[out.length - 1];
    if (last && a.started_at <= last.end) {
      last.end = Math.max(last.end, end);
      last.worst ||= worst;
    } else out.push({ start: a.started_at, end, worst });
  }
  return out;
}

/** What the pointer is over, as elements: names are hostile. @param {any[]} rows @param {Chart} data */
function tip(rows, data) {
  if (!rows.length) return h('div');
  const at = rows[0].axisValue / 1000;
  const half = (data.every || 0) / 2;
  const near = (data.span.end - data.span.start) / 60;
  const known = rows.filter((r) => r.value?.[1] !== null && r.value?.[1] !== undefined && (!half || r.value[1] > 0)).sort((a, b) => b.value[1] - a.value[1]);
  const changes = (data.marks?.changes || []).filter((c) => Math.abs(c.at - at) < near).slice(0, 3);
  const anomalies = (data.marks?.anomalies || []).filter((a) => a.started_at <= at && (a.ended_at || Infinity) >= at).slice(0, 3);
  return h('div', { class: 'tip' }, h('div', { class: 'muted' }, half ? spelled(at - half, half * 2) : clock(at)),
    known.slice(0, 14).map((r) => h('div', { class: 'tip-row' }, h('i', { style: { background: r.color } }), h('span', { class: 'tip-name' }, r.seriesName), h('b', null, text(r.value[1], data.unit)))),
    known.length > 14 && h('div', { class: 'muted' }, `and ${known.length - 14} more`),
    anomalies.map((a) => h('div', { class: `tip-note ${a.severity}` }, '▒ ', a.title || `${a.kind} of ${a.signal}`)),
    changes.map((c) => h('div', { class: 'tip-note change' }, '┆ ', `${worded(c.kind)} of ${nameOf(c.entity)}: ${c.title}`)));
}

/** What a bar stands for. @param {number} at @param {number} every */
function spelled(at, every) {
  if (every % 86400 === 0) return `${dayOf(at)}${every > 86400 ? ` and ${every / 86400 - 1} days more` : ''}`;
  return `${clock(at).replace(/:\d\d$/, '')} to ${clock(at + every, { day: false }).replace(/:\d\d$/, '')}`;
}

/** A drag over the plot selects a range; a touch scrolls the page as usual. @param {HTMLElement} box @param {() => any} chartOf @param {(range: import('../state.js').Range) => void} zoom */
function dragging(box, chartOf, zoom) {
  const shade = h('div', { class: 'drag', hidden: true });
  box.append(shade);
  /** @type {number|null} */ let from = null;
  const x = (/** @type {PointerEvent} */ e) => e.clientX - box.getBoundingClientRect().left;
  box.addEventListener('pointerdown', (e) => {
    if (e.pointerType === 'mouse' && e.button === 0 && chartOf()) from = x(e);
  });
  const move = (/** @type {PointerEvent} */ e) => {
    if (from === null) return;
    shade.hidden = Math.abs(x(e) - from) < 4;
    shade.style.left = `${Math.min(from, x(e))}px`;
    shade.style.width = `${Math.abs(x(e) - from)}px`;
  };
  box.addEventListener('pointermove', move);
  box.addEventListener('pointerleave', () => cancel());
  box.addEventListener('pointerup', (e) => {
    const to = x(e);
    const chart = chartOf();
    if (from !== null && chart && Math.abs(to - from) > 8) {
      const [a, b] = [from, to].sort((p, q) => p - q).map((px) => chart.convertFromPixel({ xAxisIndex: 0 }, px) / 1000);
      if (b - a > 1) zoom({ from: String(Math.floor(a)), to: String(Math.ceil(b)) });
    }
    cancel();
  });
  function cancel() {
    from = null;
    shade.hidden = true;
  }
}
