/** Topology: what depends on what, and where does it hurt? */

import { get } from '../api.js';
import { h, slot } from '../dom.js';
import { count, figure, sentence, text } from '../format.js';
import { empty } from '../parts/empty.js';
import { filters } from '../parts/filters.js';
import { graph } from '../parts/graph.js';
import { health } from '../parts/health.js';
import { table } from '../parts/table.js';
import { link } from '../state.js';

const MOST_DRAWN = 150; // nodes; beyond it the graph shows the busiest and the unwell, the table all

/** @param {import('../visit.js').Visit} ctx */
function calls(ctx) {
  return [{ path: '/topology', params: { start: ctx.span.start, end: ctx.span.end } }];
}

/** @type {import('../routes.js').Page} */
export default {
  title: 'Topology',
  question: 'What depends on what, and where does it hurt?',
  calls,
  mount(ctx, root) {
    const bar = filters(ctx, [
      { name: 'hosts', label: 'Hosts', kind: 'select', options: [['', 'hide'], ['show', 'show']] },
      { name: 'near', label: 'Only around', placeholder: 'a service', suggest: async () => (await get('/entities', { type: 'service', limit: 500 })).items.map((/** @type {any} */ e) => e.name) },
    ]);
    const answer = slot(h('p', { class: 'answer' }), ({ text }) => text);
    const picture = graph({ open: (id) => ctx.panel(id) });
    const card = h('section', { class: 'card flush', hidden: true }, picture.el);
    const list = table({
      name: 'topology', label: 'Everything in the graph', title: 'As a table', sort: 'health', key: (n) => n.id, open: (n) => ctx.panel(n.id),
      columns: [
        { id: 'name', label: 'Name', value: (n) => n.name, cell: (n) => h('a', { href: link(location.pathname, { panel: n.id }), tabindex: '-1' }, n.name), width: 'minmax(140px, 1.6fr)' },
        { id: 'type', label: 'Type', value: (n) => n.type },
        { id: 'health', label: 'Health', value: (n) => ['critical', 'warning', 'ok', 'unknown'].indexOf(n.health), cell: (n) => health(n.health) },
        { id: 'rate', label: 'Rate', right: true, value: (n) => n.rate, cell: (n) => figure(n.rate, '/s') },
        { id: 'errors', label: 'Errors', right: true, value: (n) => n.error_ratio, cell: (n) => figure(n.error_ratio, 'ratio') },
        { id: 'p95', label: 'p95', right: true, value: (n) => n.p95_ms, cell: (n) => figure(n.p95_ms, 'ms') },
      ],
      empty: empty('Nothing is known yet.', { hint: 'The graph draws itself from traces: which service calls which, and what it uses.', link: ['Send traces', link('/ui/start')] }),
    });
    const listCard = h('section', { class: 'card flush', hidden: true }, list.el);
    root.append(answer.el, bar.el, card, listCard);
    return {
      async refresh() {
        bar.sync();
        const [call] = calls(ctx);
        const { nodes, edges } = await get(call.path, call.params, ctx.signal);
        answer.set({ text: answerOf(nodes, edges) });
        const near = ctx.query.get('near');
        let shown = ctx.query.get('hosts') === 'show' ? nodes : nodes.filter((/** @type {any} */ n) => n.type !== 'host');
        if (near) {
          const centre = nodes.find((/** @type {any} */ n) => n.name === near)?.id;
          const beside = new Set([centre, ...edges.filter((/** @type {any} */ e) => e.source === centre || e.target === centre).flatMap((/** @type {any} */ e) => [e.source, e.target])]);
          shown = shown.filter((/** @type {any} */ n) => beside.has(n.id));
        }
        if (shown.length > MOST_DRAWN) shown = [...shown].sort((a, b) => weight(b) - weight(a)).slice(0, MOST_DRAWN);
        card.hidden = !shown.length;
        listCard.hidden = false;
        picture.set(shown, edges, ctx.query.get('panel'));
        list.set(nodes);
      },
    };
  },
};

/** @param {any} n */
function weight(n) {
  return (n.health === 'critical' ? 1e9 : n.health === 'warning' ? 1e8 : 0) + (n.rate || 0);
}

/** @param {any[]} nodes @param {any[]} edges */
function answerOf(nodes, edges) {
  const services = nodes.filter((n) => n.type === 'service').length;
  const hurt = nodes.filter((n) => n.health === 'critical' || n.health === 'warning').sort((a, b) => weight(b) - weight(a));
  // Of those that hurt, the one whose own dependencies are well is where it most likely begins.
  const bad = new Set(hurt.map((n) => n.id));
  const deepest = hurt.find((n) => n.type === 'service' && !edges.some((e) => e.source === n.id && e.kind === 'calls' && bad.has(e.target)));
  const others = nodes.length - services;
  const base = `${count(services, 'service')}${others ? ` and ${count(others, 'other thing')} they use` : ''}`;
  if (!nodes.length) return 'Nothing to draw in this range.';
  if (!hurt.length) return sentence(`${base}; all well.`);
  return sentence(`${base}; it hurts in ${hurt.slice(0, 3).map((n) => n.name).join(', ')}${hurt.length > 3 ? ` and ${hurt.length - 3} more` : ''}${deepest ? `, deepest in ${deepest.name}${deepest.p95_ms ? ` (p95 ${text(deepest.p95_ms, 'ms')})` : ''}` : ''}.`);
}
