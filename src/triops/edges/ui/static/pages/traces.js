/** Traces: requests, slow and failed ones first at hand. */

import { get } from '../api.js';
import { h, slot } from '../dom.js';
import { clock, count, exact, figure, sentence, text } from '../format.js';
import { empty } from '../parts/empty.js';
import { filters } from '../parts/filters.js';
import { health } from '../parts/health.js';
import { scatter } from '../parts/scatter.js';
import { table } from '../parts/table.js';
import { link } from '../state.js';

const MOST = 1000;

/** @param {import('../visit.js').Visit} ctx */
function calls(ctx) {
  const q = (/** @type {string} */ n) => ctx.query.get(n);
  return [{ path: '/traces', params: { service: q('service'), name: q('name'), min_duration_ms: q('min'), status: q('status'), start: ctx.span.start, end: ctx.span.end, limit: MOST } }];
}

/** @type {import('../routes.js').Page} */
export default {
  title: 'Traces',
  question: 'Which requests were slow or failed, and where did their time go?',
  calls,
  mount(ctx, root) {
    const bar = filters(ctx, [
      { name: 'service', label: 'Service', placeholder: 'any', suggest: async () => (await get('/entities', { type: 'service', limit: 500 })).items.map((/** @type {any} */ e) => e.name) },
      { name: 'name', label: 'Operation', placeholder: 'GET /checkout', wide: true },
      { name: 'min', label: 'Slower than, ms', kind: 'number', placeholder: '0' },
      { name: 'status', label: 'Status', kind: 'select', options: [['', 'any'], ['error', 'error'], ['ok', 'ok']] },
    ]);
    const answer = slot(h('p', { class: 'answer' }), (words) => words);
    const to = (/** @type {any} */ t) => link(`/ui/traces/${encodeURIComponent(t.trace_id)}`);
    const plot = scatter({ open: (t) => ctx.go(to(t)), zoom: (range) => ctx.set(range) });
    const plotCard = h('section', { class: 'card', hidden: true }, plot.el);
    const list = table({
      name: 'traces', label: 'Traces', key: (t) => t.trace_id, href: to, sort: '-start',
      mark: (t) => t.status === 'error' && 'bad',
      columns: [
        { id: 'root', label: 'Request', value: (t) => t.root_name, width: 'minmax(160px, 2fr)' },
        { id: 'service', label: 'Service', value: (t) => t.service },
        { id: 'start', label: 'Started', value: (t) => t.start, cell: (t) => h('span', { title: exact(t.start) }, clock(t.start)), width: 'minmax(110px, 0.8fr)' },
        { id: 'duration', label: 'Duration', right: true, value: (t) => t.duration_ms, cell: (t) => figure(t.duration_ms, 'ms') },
        { id: 'spans', label: 'Spans', right: true, value: (t) => t.span_count },
        { id: 'errors', label: 'Errors', right: true, value: (t) => t.error_count, cell: (t) => (t.error_count ? h('span', { class: 'critical' }, t.error_count) : h('span', { class: 'muted' }, '0')) },
        { id: 'status', label: 'Status', value: (t) => t.status, cell: (t) => health(t.status === 'error' ? 'error' : 'ok', t.status === 'error' ? 'error' : 'ok'), width: 'minmax(70px, 0.5fr)' },
        { id: 'id', label: 'Trace id', value: (t) => t.trace_id, cell: (t) => h('span', { class: 'mono small' }, t.trace_id), off: true, width: '260px' },
      ],
      empty: empty('No trace like this in the range.', { hint: 'Traces come from any OpenTelemetry SDK by one variable:', command: `OTEL_EXPORTER_OTLP_ENDPOINT=${location.origin}`, link: ['More ways to send data', link('/ui/start')] }),
    });
    const card = h('section', { class: 'card flush', hidden: true }, list.el);
    root.append(answer.el, bar.el, plotCard, card);
    return {
      async refresh(why) {
        bar.sync();
        const [call] = calls(ctx);
        const { items, next } = await get(call.path, call.params, ctx.signal);
        answer.set(answerOf(items, Boolean(next)));
        list.set(items);
        card.hidden = false;
        plotCard.hidden = !items.length;
        plot.set(items, ctx.span);
      },
    };
  },
};

/** @param {any[]} items @param {boolean} more */
function answerOf(items, more) {
  if (!items.length) return 'No trace matches.';
  const times = items.map((t) => t.duration_ms).sort((a, b) => a - b);
  const at = (/** @type {number} */ p) => times[Math.min(times.length - 1, Math.floor(p * times.length))];
  const errors = items.filter((t) => t.status === 'error').length;
  return sentence(`${more ? `the latest ${items.length.toLocaleString('en')} traces` : count(items.length, 'trace')}: half took less than ${text(at(0.5), 'ms')}, the slowest twentieth more than ${text(at(0.95), 'ms')}; ${errors ? `${errors.toLocaleString('en')} failed` : 'none failed'}.`);
}
