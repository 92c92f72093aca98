/** Metrics: any series over time, beside what changed meanwhile. */

import { all, get } from '../api.js';
import { h, slot } from '../dom.js';
import { count, figure } from '../format.js';
import { icon } from '../icons.js';
import { empty } from '../parts/empty.js';
import { failure } from '../parts/failure.js';
import { labelsOf } from '../parts/evidence.js';
import { marksIn } from '../parts/marks.js';
import { table } from '../parts/table.js';
import { timeseries } from '../parts/timeseries.js';
import { link, stepFor } from '../state.js';

const MOST_PANELS = 8;
const AGGREGATES = [['', 'by type'], ['avg', 'average'], ['max', 'highest'], ['min', 'lowest'], ['sum', 'sum'], ['rate', 'per second'], ['last', 'last']];

/** @param {import('../visit.js').Visit} ctx */
function calls(ctx) {
  const { start, end } = ctx.span;
  const queries = ctx.query.getAll('q').filter(Boolean).slice(0, MOST_PANELS);
  if (!queries.length) return [{ path: '/metrics/labels/__name__/values', params: { start, end, limit: 1000 } }];
  return queries.map((q) => ({ path: '/metrics/series', params: { match: q, start, end, step: stepFor(ctx.span), agg: ctx.query.get('agg'), limit: 100 } }));
}

/** @type {import('../routes.js').Page} */
export default {
  title: 'Metrics',
  question: 'Show me the numbers, beside what changed meanwhile.',
  calls,
  mount(ctx, root) {
    /** @type {string[]} */ let names = [];
    const known = h('datalist', { id: 'metric-names' });
    const answer = slot(h('p', { class: 'answer' }), ({ text }) => text);
    const adder = h('input', { type: 'search', placeholder: 'A metric, or a selector: http.server.request.duration{service_name="front"}', list: 'metric-names', 'aria-label': 'Metric or selector', autocomplete: 'off', spellcheck: 'false', data: { focus: 'adder' } });
    const agg = h('select', { 'aria-label': 'Aggregate', on: { change: (/** @type {any} */ e) => ctx.set({ agg: e.target.value }) } }, AGGREGATES.map(([v, n]) => h('option', { value: v }, n)));
    const form = h('form', { class: 'query-row', on: { submit: (/** @type {Event} */ e) => { e.preventDefault(); add(adder.value.trim()); } } }, adder, agg, h('button', { class: 'primary', type: 'submit' }, icon('plus', 16), 'Add'));
    const panels = h('div', { class: 'page' });
    const list = slot(h('section', { class: 'card', hidden: true }), (/** @type {string[]} */ found) => (found.length ? [h('div', { class: 'card-head' }, h('h2', null, 'What there is')), h('ul', { class: 'names' }, found.map((n) => h('li', null, h('a', { class: 'mono', href: link('/ui/metrics', { q: n }) }, n))))] : empty('No metric was received in this range.', { hint: 'Point a Prometheus at Triops, or any OpenTelemetry SDK:', command: `OTEL_EXPORTER_OTLP_ENDPOINT=${location.origin}`, link: ['More ways to send data', link('/ui/start')] })));
    root.append(answer.el, form, known, panels, list.el);
    /** @type {Map<string, ReturnType<typeof panel>>} */ const shown = new Map();

    /** @param {string} q */
    function add(q) {
      if (!q) return;
      adder.value = '';
      const now = ctx.query.getAll('q').filter(Boolean);
      if (!now.includes(q)) ctx.set({ q: [...now, q].slice(-MOST_PANELS) });
    }

    /** @param {string} q */
    function panel(q) {
      const chart = timeseries({ height: 220, label: q, zoom: (range) => ctx.set(range) });
      const words = h('span', { class: 'muted small' });
      const wrong = h('div');
      const series = table({
        name: 'series', label: `Series of ${q}`, sort: '-last', tall: '40vh',
        columns: [
          { id: 'name', label: 'Series', value: (s) => s.name, width: 'minmax(180px, 3fr)', cell: (s) => h('span', { class: 'mono small', title: s.name }, s.name) },
          ...['last', 'avg', 'min', 'max'].map((id) => ({ id, label: id, right: true, value: (/** @type {any} */ s) => s[id], cell: (/** @type {any} */ s) => figure(s[id], s.unit) })),
        ],
      });
      const more = h('details', { data: { key: `series-${q}` } }, h('summary', { class: 'small' }, 'Series as a table'), series.el);
      const el = h('section', { class: 'card metric-panel' }, h('div', { class: 'card-head' }, h('h2', { class: 'mono' }, q), words, h('button', { class: 'ghost square', type: 'button', 'aria-label': `Remove ${q}`, title: 'Remove', on: { click: () => ctx.set({ q: ctx.query.getAll('q').filter((o) => o !== q) }) } }, icon('close', 14))), wrong, chart.el, more);
      return {
        el,
        leave: chart.leave,
        /** @param {any} call @param {import('../parts/marks.js').Marks} marks */
        async refresh(call, marks) {
          let data;
          try {
            data = await get(call.path, call.params, ctx.signal);
            wrong.replaceChildren();
          } catch (error) {
            if (/** @type {any} */ (error).name === 'AbortError') throw error;
            wrong.replaceChildren(failure(error));
            return;
          }
          const unit = unitOf(data.series[0], call.params.agg);
          words.textContent = data.series.length ? `${data.series.length}${data.next ? ' or more' : ''} series · ${data.series[0].type || ''}${data.series[0].unit && data.series[0].unit !== '1' ? ' · ' + data.series[0].unit : ''} · every ${call.params.step} s` : '';
          const shared = common(data.series);
          const rows = data.series.map((/** @type {any} */ s) => ({ name: labelsOf(Object.fromEntries(Object.entries(s.labels).filter(([k]) => k === '__name__' || !shared.has(k)))), points: s.points, unit, ...summary(s.points) }));
          rows.sort((/** @type {any} */ a, /** @type {any} */ b) => (b.max ?? -Infinity) - (a.max ?? -Infinity));
          series.set(rows);
          more.hidden = !rows.length;
          await chart.set({ series: rows, unit, span: ctx.span, marks, note: data.series.length ? undefined : 'No series matches in this range' });
        },
      };
    }

    return {
      async refresh(why) {
        agg.value = ctx.query.get('agg') || '';
        const wanted = calls(ctx);
        const asks = wanted[0].path === '/metrics/series';
        if (!names.length || (!asks && why !== 'anomaly')) {
          names = (await all('/metrics/labels/__name__/values', { start: ctx.span.start, end: ctx.span.end }, 5000, ctx.signal)).items;
          known.replaceChildren(...names.slice(0, 1000).map((n) => h('option', { value: n })));
        }
        list.el.hidden = asks;
        list.set(asks ? [] : names);
        answer.set({ text: asks ? `${count(wanted.length, 'chart')} of ${count(names.length, 'metric')} there ${names.length === 1 ? 'is' : 'are'}. Drag over a chart to look closer; dashed marks are changes.` : names.length ? `${count(names.length, 'metric')} in this range. Choose one, or write a selector.` : 'No metric in this range.' });
        const queries = asks ? wanted.map((c) => String(c.params.match)) : [];
        for (const [q, part] of shown) {
          if (queries.includes(q)) continue;
          part.leave();
          part.el.remove();
          shown.delete(q);
        }
        if (!asks) return;
        const marks = await marksIn(ctx.span, ctx.signal);
        await Promise.all(queries.map((q, i) => {
          let part = shown.get(q);
          if (!part) {
            part = panel(q);
            shown.set(q, part);
            panels.append(part.el);
          }
          return part.refresh(wanted[i], marks);
        }));
      },
      leave: () => shown.forEach((p) => p.leave()),
    };
  },
};

/** A ratio that OpenTelemetry sends as unit 1 reads better as per cent. @param {any} series @param {any} agg */
function unitOf(series, agg) {
  if (!series) return '';
  const name = series.labels.__name__ || '';
  if (series.unit === '1' && /utilization|ratio/.test(name)) return 'ratio';
  return agg === 'rate' && !series.unit?.endsWith('/s') ? `${series.unit === '1' || series.unit?.startsWith('{') ? '' : series.unit || ''}/s` : series.unit || '';
}

/** Labels that say the same in every series say nothing. @param {any[]} list */
function common(list) {
  const [first, ...rest] = list;
  if (!rest.length) return new Set();
  return new Set(Object.keys(first.labels).filter((k) => k !== '__name__' && rest.every((s) => s.labels[k] === first.labels[k])));
}

/** @param {[number, number|null][]} points */
function summary(points) {
  const values = /** @type {number[]} */ (points.map((p) => p[1]).filter((v) => v !== null));
  if (!values.length) return { last: null, avg: null, min: null, max: null };
  let [sum, min, max] = [0, Infinity, -Infinity];
  for (const v of values) {
    sum += v;
    if (v < min) min = v;
    if (v > max) max = v;
  }
  return { last: values[values.length - 1], avg: sum / values.length, min, max };
}
