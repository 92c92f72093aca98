/** Changes: who changed what, and what came of it? */

import { get, seg } from '../api.js';
import { h, slot } from '../dom.js';
import { count, dayOf, sentence } from '../format.js';
import { changeDetails, changeLine, consequences } from '../parts/changelist.js';
import { empty } from '../parts/empty.js';
import { filters } from '../parts/filters.js';

/** @param {import('../visit.js').Visit} ctx */
function calls(ctx) {
  const { start, end } = ctx.span;
  const q = (/** @type {string} */ n) => ctx.query.get(n);
  return [{ path: '/changes', params: { q: q('q'), entity: q('entity'), kind: q('kind'), start, end, limit: 500 } }, { path: '/incidents', params: { start, end, limit: 500 } }];
}

/** @type {import('../routes.js').Page} */
export default {
  title: 'Changes',
  question: 'Who changed what, and what came of it?',
  calls,
  mount(ctx, root) {
    const bar = filters(ctx, [
      { name: 'q', label: 'Words', placeholder: 'title, author …', wide: true },
      { name: 'entity', label: 'Entity', placeholder: 'service:pricing' },
      { name: 'kind', label: 'Kind', placeholder: 'deploy, config …' },
    ]);
    const answer = slot(h('p', { class: 'answer' }), ({ text }) => text);
    const list = slot(h('section', { class: 'card', hidden: true }), ({ days, came, chosen }) => (days.length ? days.map((/** @type {any} */ [day, items]) => [h('h2', { class: 'day' }, day), h('ul', { class: 'lines' }, items.map((/** @type {any} */ c) => line(c, came[c.id], chosen)))]) : empty('No change in this range.', { hint: 'A deploy hook is one call. Triops weighs each change when it looks for a cause:', command: `curl ${location.origin}/triops/v1/changes -H 'content-type: application/json' -d '{"entity":{"type":"service","name":"checkout"},"kind":"deploy","title":"checkout v2","author":"me","details":{"from":"v1","to":"v2"}}'` })));
    root.append(answer.el, bar.el, list.el);
    return {
      async refresh(why) {
        bar.sync();
        const [changes, incidents] = await Promise.all(calls(ctx).map((c) => get(c.path, c.params, ctx.signal)));
        const chosen = ctx.query.get('change');
        const items = [...changes.items];
        if (chosen && !items.some((c) => c.id === chosen)) {
          const one = await get(`/changes/${seg(chosen)}`, {}, ctx.signal).catch(() => null);
          if (one) items.push(one);
        }
        items.sort((a, b) => b.at - a.at);
        const came = consequences(incidents.items);
        const days = new Map();
        for (const c of items) days.set(dayOf(c.at), [...(days.get(dayOf(c.at)) || []), c]);
        list.set({ days: [...days], came: Object.fromEntries(came), chosen });
        list.el.hidden = false;
        const blamed = items.filter((c) => came.get(c.id)?.some((/** @type {any} */ x) => x.probability >= 0.5)).length;
        answer.set({ text: sentence(`${count(items.length, 'change')}${changes.next ? ' or more' : ''} in this range${items.length ? `; ${blamed ? `${blamed === 1 ? 'one is' : `${blamed} are`} the likely cause of an incident` : 'none is suspected of an incident'}` : ''}.`) });
        if (chosen && why === 'open') list.el.querySelector('.chosen')?.scrollIntoView({ block: 'center' });
      },
    };
  },
};

/** @param {any} change @param {any[]} came @param {string|null} chosen */
function line(change, came, chosen) {
  const el = changeLine(change, came);
  const details = Object.keys(change.details || {}).length > 0;
  if (change.id === chosen) el.classList.add('chosen');
  if (details) el.querySelector('.line-body').append(h('details', { class: 'change-more', open: change.id === chosen, data: { key: change.id } }, h('summary', { class: 'small' }, 'what changed'), changeDetails(change)));
  return el;
}
