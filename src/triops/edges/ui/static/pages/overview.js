/** Overview: is anything wrong, and what changed? */

import { get, inPassing } from '../api.js';
import { h, slot } from '../dom.js';
import { figure, percent } from '../format.js';
import { inbox } from '../parts/approvals.js';
import { changeLine, consequences } from '../parts/changelist.js';
import { empty } from '../parts/empty.js';
import { health, tone } from '../parts/health.js';
import { causeOf, incidentLine } from '../parts/incidentlist.js';
import { lensCard } from '../parts/lenscards.js';
import { spark } from '../parts/spark.js';
import { table } from '../parts/table.js';
import { link } from '../state.js';

/** @param {import('../visit.js').Visit} ctx */
function calls(ctx) {
  return [{ path: '/overview', params: { start: ctx.span.start, end: ctx.span.end } }, { path: '/llm/today' }, { path: '/approvals', params: { state: 'waiting' } }];
}

/** @type {import('../routes.js').Page} */
export default {
  title: 'Overview',
  question: 'Is anything wrong, and what changed?',
  calls,
  mount(ctx, root) {
    const answer = slot(h('p', { class: 'answer', 'aria-live': 'polite' }), ({ text, state }) => [health(state, ''), ' ', text]);
    const lenses = slot(h('div', { class: 'lenses' }), ({ list, now }) => list.map((/** @type {any} */ l) => lensCard(l, now)));
    const waits = inbox(() => inPassing(refresh()));
    const incidents = slot(h('section', { class: 'card', hidden: true }), (/** @type {any[]} */ list) => [
      h('div', { class: 'card-head' }, h('h2', null, 'Active incidents'), h('a', { class: 'small', href: link('/ui/incidents') }, 'all incidents')), h('ul', { class: 'lines' }, list.map(incidentLine))]);
    const changes = slot(h('section', { class: 'card' }), ({ list, came }) => [
      h('div', { class: 'card-head' }, h('h2', null, 'Recent changes'), h('a', { class: 'small', href: link('/ui/changes') }, 'all changes')),
      list.length ? h('ul', { class: 'lines' }, list.map((/** @type {any} */ c) => changeLine(c, came[c.id]))) : empty('No change in this range.', { hint: 'A deploy hook is one call:', command: `curl ${location.origin}/triops/v1/changes -d '{"entity":{"type":"service","name":"checkout"},"kind":"deploy","title":"v2"}'` })]);
    const services = table({
      name: 'services', label: 'Services', title: 'Services', tools: h('a', { class: 'small', href: link('/ui/topology') }, 'as a graph'), sort: 'health', key: (s) => s.id, open: (s) => ctx.panel(s.id),
      columns: [
        { id: 'name', label: 'Service', value: (s) => s.name, cell: (s) => h('a', { href: panelLink(s.id), tabindex: '-1' }, s.name), width: 'minmax(110px, 1.4fr)' },
        { id: 'health', label: 'Health', value: (s) => ['critical', 'warning', 'ok', 'unknown'].indexOf(s.health), cell: (s) => health(s.health), width: 'minmax(84px, 0.8fr)' },
        { id: 'rate', label: 'Rate', right: true, value: (s) => s.rate, cell: (s) => figure(s.rate, '/s') },
        { id: 'errors', label: 'Errors', right: true, value: (s) => s.error_ratio, cell: (s) => h('span', { class: s.error_ratio > 0.05 && 'critical' }, figure(s.error_ratio, 'ratio')) },
        { id: 'p95', label: 'p95', right: true, value: (s) => s.p95_ms, cell: (s) => figure(s.p95_ms, 'ms') },
        { id: 'spark', label: 'p95 over time', value: (s) => s.p95_ms, cell: (s) => spark(s.spark || [], { unit: 'ms', tone: tone(s.health), label: `p95 of ${s.name}` }), width: '124px' },
      ],
      empty: empty('No service yet.', { hint: 'Services appear by themselves from traces. Point one here:', command: `OTEL_EXPORTER_OTLP_ENDPOINT=${location.origin} OTEL_SERVICE_NAME=my-service opentelemetry-instrument python app.py`, link: ['More ways to send data', link('/ui/start')] }),
    });
    const serviceCard = h('section', { class: 'card flush' }, services.el);
    const columns = h('div', { class: 'columns', hidden: true }, h('div', null, incidents.el, serviceCard), h('div', null, changes.el));
    root.append(answer.el, lenses.el, waits.el, columns);

    async function refresh() {
      const [data, now, waiting] = await Promise.all(calls(ctx).map((c) => get(c.path, c.params, ctx.signal)));
      const worst = data.incidents.some((/** @type {any} */ i) => i.severity === 'critical') ? 'critical' : data.incidents.length ? 'warning' : data.services.length ? 'ok' : 'unknown';
      answer.set({ text: inWords(data), state: worst });
      lenses.set({ list: data.lenses, now });
      waits.set(waiting.items);
      incidents.el.hidden = !data.incidents.length;
      incidents.set(data.incidents);
      services.set(data.services);
      changes.set({ list: data.changes.slice(0, 12), came: Object.fromEntries(consequences(data.incidents)) });
      columns.hidden = false;
    }
    return { refresh };
  },
};

/** The server's sentence, and for the gravest incident why and what waits. @param {any} data */
function inWords({ answer, incidents }) {
  const first = [...incidents].sort((a, b) => Number(b.severity === 'critical') - Number(a.severity === 'critical') || a.opened_at - b.opened_at)[0];
  if (!first) return answer;
  const cause = causeOf(first);
  const waits = (first.actions || []).find((/** @type {any} */ a) => a.status === 'waiting');
  return `${answer}${cause ? ` Most likely ${cause.title} (${percent(cause.probability)}).` : ''}${waits ? ` “${waits.title}” waits for an approval.` : ''}`;
}

/** @param {string} id */
function panelLink(id) {
  return link(location.pathname, { panel: id });
}
