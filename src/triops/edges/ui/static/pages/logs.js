/** Logs: search, count over time, patterns, and the live tail. */

import { get, urlOf } from '../api.js';
import { h, slot } from '../dom.js';
import { count, figure, sentence } from '../format.js';
import { empty } from '../parts/empty.js';
import { bands } from '../parts/evidence.js';
import { filters } from '../parts/filters.js';
import { health } from '../parts/health.js';
import { logLine } from '../parts/logline.js';
import { marksIn } from '../parts/marks.js';
import { table } from '../parts/table.js';
import { timeseries } from '../parts/timeseries.js';
import { link, stepFor } from '../state.js';

const PAGE = 200;
const MOST = 2000; // lines kept on the page; older ones are one narrower search away
const TAIL = 500;

/** @param {import('../visit.js').Visit} ctx */
function wanted(ctx) {
  const q = (/** @type {string} */ n) => ctx.query.get(n);
  return { query: q('query'), service: q('service'), severity: q('severity'), template: q('template'), trace_id: q('trace_id') };
}

/** @param {import('../visit.js').Visit} ctx */
function calls(ctx) {
  const { start, end } = ctx.span;
  const { query, service, severity, ...rest } = wanted(ctx);
  return [{ path: '/logs', params: { query, service, severity, ...rest, start, end, limit: PAGE } }, { path: '/logs/histogram', params: { query, service, severity, start, end, step: stepFor(ctx.span, 60) } }, { path: '/logs/templates', params: { service, start, end, limit: 200 } }];
}

/** @type {import('../routes.js').Page} */
export default {
  title: 'Logs',
  question: 'What did the services say?',
  calls,
  mount(ctx, root) {
    const tailButton = h('button', { type: 'button', on: { click: () => ctx.set({ tail: ctx.query.get('tail') ? null : 'on' }) } });
    const bar = filters(ctx, [
      { name: 'query', label: 'Text', placeholder: 'words in the line', wide: true },
      { name: 'service', label: 'Service', placeholder: 'any', suggest: async () => (await get('/entities', { type: 'service', limit: 500 })).items.map((/** @type {any} */ e) => e.name) },
      { name: 'severity', label: 'At least', kind: 'select', options: [['', 'any severity'], ['debug', 'debug'], ['info', 'info'], ['warn', 'warning'], ['error', 'error'], ['fatal', 'fatal']] },
      { name: 'trace_id', label: 'Trace', placeholder: 'any' },
    ], tailButton);
    const answer = slot(h('p', { class: 'answer' }), ({ text }) => text);
    const only = slot(h('div', { class: 'chips', hidden: true }), ({ template }) => [h('span', { class: 'muted small' }, 'Only the pattern'), h('button', { type: 'button', class: 'chip', on: { click: () => ctx.set({ template: null }) } }, template, ' ✕')]);
    const chart = timeseries({ height: 110, kind: 'bars', label: 'Lines over time', zoom: (range) => ctx.set(range) });
    const chartCard = h('section', { class: 'card', hidden: true }, chart.el);
    const tabs = slot(h('nav', { class: 'tabs', 'aria-label': 'Lines or patterns' }), ({ tab }) => [['', 'Lines'], ['patterns', 'Patterns']].map(([id, name]) => h('a', { href: link('/ui/logs', { ...Object.fromEntries(ctx.query), tab: id }), 'aria-current': tab === id && 'true' }, name)));
    const lines = h('div', { class: 'log-list', 'aria-label': 'Log lines' });
    const more = h('div', { class: 'more-rows', hidden: true }, h('button', { type: 'button', on: { click: () => older() } }, 'Older lines'));
    const nothing = h('div', { hidden: true }, empty('No line like this in the range.', { hint: 'Logs come from any OpenTelemetry SDK or collector; for Python:', command: `OTEL_EXPORTER_OTLP_ENDPOINT=${location.origin} opentelemetry-instrument python app.py`, link: ['More ways to send data', link('/ui/start')] }));
    const patterns = table({
      name: 'patterns', label: 'Patterns', sort: '-count', key: (t) => t.template_id, open: (t) => ctx.set({ template: t.template_id, tab: null }),
      columns: [
        { id: 'example', label: 'Pattern, by an example', value: (t) => t.example, cell: (t) => h('span', { class: 'mono small', title: t.example }, t.example), width: 'minmax(200px, 4fr)' },
        { id: 'service', label: 'Service', value: (t) => t.service },
        { id: 'severity', label: 'Severity', value: (t) => t.severity, cell: (t) => health(t.severity === 'warn' ? 'warning' : t.severity, t.severity) },
        { id: 'count', label: 'Lines', right: true, value: (t) => t.count, cell: (t) => figure(t.count) },
      ],
      empty: empty('No pattern in this range.'),
    });
    const card = h('section', { class: 'card flush', hidden: true }, tabs.el, lines, more, nothing, patterns.el);
    root.append(answer.el, bar.el, only.el, chartCard, card);
    /** @type {any[]} */ let records = [];
    /** @type {string|null} */ let next = null;
    /** @type {EventSource|null} */ let tail = null;
    let tailed = '';

    async function older() {
      const [call] = calls(ctx);
      const page = await get(call.path, { ...call.params, cursor: next }, ctx.signal);
      records = [...records, ...page.records].slice(0, MOST);
      next = records.length < MOST ? page.next : null;
      lines.append(...page.records.map((/** @type {any} */ r) => logLine(r, ctx)));
      more.hidden = !next;
    }

    /** Follows new lines at the top while one is there; holds still while one reads further down or selects. */
    function follow() {
      const { query, service, severity } = wanted(ctx);
      const url = urlOf({ path: '/logs/tail', params: { query, service, severity } });
      if (ctx.query.get('tail') !== 'on') return stop();
      if (tail && tailed === url) return;
      stop();
      tailed = url;
      tail = new EventSource(url);
      tail.onmessage = (event) => {
        const record = JSON.parse(event.data);
        nothing.hidden = true;
        const line = logLine(record, ctx);
        const before = lines.getBoundingClientRect().top < 0 ? document.documentElement.scrollHeight : 0;
        lines.prepend(line);
        while (lines.childElementCount > TAIL) lines.lastElementChild?.remove();
        if (before) scrollBy(0, document.documentElement.scrollHeight - before);
      };
    }

    function stop() {
      tail?.close();
      tail = null;
      tailed = '';
    }

    return {
      async refresh(why) {
        bar.sync();
        const tailing = ctx.query.get('tail') === 'on';
        tailButton.textContent = tailing ? 'Stop following' : 'Follow live';
        tailButton.setAttribute('aria-pressed', String(tailing));
        const tab = ctx.query.get('tab') || '';
        tabs.set({ tab });
        only.el.hidden = !ctx.query.get('template');
        only.set({ template: ctx.query.get('template') });
        const [logs, histogram, templates] = calls(ctx);
        const still = tailing || (why === 'poll' && records.length > PAGE) || lines.querySelector('details[open]') || ['incident', 'anomaly', 'action', 'change'].includes(why);
        const [page, counts, found, marks] = await Promise.all([still && why !== 'url' && why !== 'open' ? null : get(logs.path, logs.params, ctx.signal), get(histogram.path, histogram.params, ctx.signal), tab === 'patterns' ? get(templates.path, templates.params, ctx.signal) : null, marksIn(ctx.span, ctx.signal)]);
        card.hidden = chartCard.hidden = false;
        if (page && !(tailing && tail && why === 'poll')) {
          records = page.records;
          next = page.next;
          lines.replaceChildren(...records.map((r) => logLine(r, ctx)));
        }
        lines.hidden = tab !== '';
        nothing.hidden = records.length > 0 || tab !== '' || tailing;
        more.hidden = !next || tab !== '' || tailing;
        patterns.el.hidden = tab !== 'patterns';
        if (found) patterns.set(found.items);
        answer.set({ text: answerOf(counts.items, tailing) });
        await chart.set({ series: bands(counts.items), unit: '', span: ctx.span, marks });
        follow();
      },
      leave() {
        stop();
        chart.leave();
      },
    };
  },
};

/** @param {{band: string, count: number}[]} items @param {boolean} tailing */
function answerOf(items, tailing) {
  const sum = (/** @type {string} */ band) => items.filter((i) => i.band === band).reduce((n, i) => n + i.count, 0);
  const [errors, warnings] = [sum('error'), sum('warning')];
  const total = errors + warnings + sum('info');
  return sentence(`${count(total, 'line')} in this range${total ? `: ${count(errors, 'error')}, ${count(warnings, 'warning')}` : ''}${tailing ? '; following new ones as they come' : ''}.`);
}
