/** Incidents: what is wrong now, what was, and how it ended. */

import { get } from '../api.js';
import { h, slot } from '../dom.js';
import { count, lasting, sentence } from '../format.js';
import { empty } from '../parts/empty.js';
import { filters } from '../parts/filters.js';
import { incidentLine } from '../parts/incidentlist.js';

/** @param {import('../visit.js').Visit} ctx */
function calls(ctx) {
  const status = ctx.query.get('status') ?? 'active';
  // What is active matters whenever it began; what is over, only within the range.
  const span = status === 'active' ? {} : { start: ctx.span.start, end: ctx.span.end };
  return [{ path: '/incidents', params: { status: status === 'all' ? '' : status, q: ctx.query.get('q'), entity: ctx.query.get('entity'), limit: 200, ...span } }];
}

/** @type {import('../routes.js').Page} */
export default {
  title: 'Incidents',
  question: 'What happened, why, what do we do, did it help?',
  calls,
  mount(ctx, root) {
    const bar = filters(ctx, [
      { name: 'status', label: 'Show', kind: 'select', options: [['', 'active'], ['resolved', 'resolved in this range'], ['all', 'all in this range']] },
      { name: 'q', label: 'Words', placeholder: 'title, cause …', wide: true },
      { name: 'entity', label: 'Entity', placeholder: 'service:pricing' },
    ]);
    const answer = slot(h('p', { class: 'answer' }), ({ text }) => text);
    const list = slot(h('section', { class: 'card', hidden: true }), ({ items, status }) => (items.length ? h('ul', { class: 'lines' }, items.map(incidentLine)) : empty(status === 'active' ? 'Nothing is wrong that Triops knows of.' : 'No incident like this in the range.', { hint: 'When signals misbehave together, they become one incident here, with its likely cause. To watch it happen on a real fault:', command: 'triops demo' })));
    root.append(answer.el, bar.el, list.el);
    return {
      async refresh() {
        bar.sync();
        const [call] = calls(ctx);
        const { items, next } = await get(call.path, call.params, ctx.signal);
        const status = ctx.query.get('status') || 'active';
        list.set({ items, status });
        list.el.hidden = false;
        answer.set({ text: answerOf(items, status, Boolean(next)) });
      },
    };
  },
};

/** @param {any[]} items @param {string} status @param {boolean} more */
function answerOf(items, status, more) {
  const active = items.filter((i) => i.status !== 'resolved');
  const over = items.filter((i) => i.resolved_at);
  const critical = active.filter((i) => i.severity === 'critical').length;
  const waits = active.filter((i) => (i.actions || []).some((/** @type {any} */ a) => a.status === 'waiting')).length;
  const parts = [];
  if (status !== 'resolved') parts.push(`${count(active.length, 'active incident')}${critical ? `, ${critical} critical` : ''}${waits ? `; ${waits === 1 ? 'one waits' : `${waits} wait`} for an approval` : ''}`);
  if (status !== 'active' && over.length) {
    const took = over.map((i) => i.resolved_at - i.opened_at).sort((a, b) => a - b);
    parts.push(`${count(over.length, 'incident')} resolved, half of them within ${lasting(took[Math.floor(took.length / 2)])}`);
  } else if (status === 'resolved') parts.push('no incident was resolved in this range');
  return sentence(parts.join('; ')) + (more ? ', and more than are shown.' : '.');
}
