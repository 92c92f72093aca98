/** One trace: where its time went, span by span. */

import { get, seg } from '../api.js';
import { h, slot } from '../dom.js';
import { clock, count, exact, text } from '../format.js';
import { empty } from '../parts/empty.js';
import { health } from '../parts/health.js';
import { json } from '../parts/json.js';
import { stat } from '../parts/stat.js';
import { waterfall } from '../parts/waterfall.js';
import { link } from '../state.js';

const MOST = 20000; // spans read; a trace beyond it is shown in part and says so

/** @param {import('../visit.js').Visit} ctx */
function calls(ctx) {
  return [{ path: `/traces/${seg(ctx.params.id)}`, params: { limit: 1000 } }];
}

/** @type {import('../routes.js').Page} */
export default {
  title: 'Trace',
  question: 'Where did the time of this request go?',
  timeless: true,
  calls,
  mount(ctx, root) {
    const answer = slot(h('p', { class: 'answer' }), (words) => words);
    const stats = slot(h('div', { class: 'stats' }), (list) => list.map((/** @type {any[]} */ s) => stat(s[0], s[1], s[2])));
    const detail = h('aside', { class: 'span-detail', 'aria-label': 'The chosen span', hidden: true });
    const fall = waterfall({ choose: (node) => { show(node); ctx.query.get('span') !== node.span.span_id && history.replaceState(history.state, '', link(location.pathname, { span: node.span.span_id })); } });
    const card = h('section', { class: 'card flush trace-card', hidden: true }, fall.el, detail);
    const none = h('div');
    root.append(answer.el, stats.el, card, none);
    let size = 0;

    async function refresh() {
      const spans = [];
      let cursor = null;
      do {
        const page = await get(`/traces/${seg(ctx.params.id)}`, { limit: 1000, cursor }, ctx.signal);
        spans.push(...page.spans);
        cursor = page.next;
        if (cursor) answer.set(`Reading spans: ${spans.length.toLocaleString('en')} so far …`);
      } while (cursor && spans.length < MOST);
      if (!spans.length) return none.replaceChildren(empty('No span of this trace is stored.', { hint: 'It may be older than the retention of spans.', link: ['All traces', link('/ui/traces')] }));
      if (spans.length === size) return;
      size = spans.length;
      card.hidden = false;
      fall.set(spans);
      describe(fall.tree(), Boolean(cursor));
      const chosen = ctx.query.get('span');
      if (chosen) fall.show(chosen);
    }

    /** @param {ReturnType<typeof import('../parts/tree.js').treeOf>} tree @param {boolean} more */
    function describe(tree, more) {
      const first = tree.roots[0].span;
      const nodes = flat(tree.roots);
      const errors = nodes.filter((n) => n.span.status === 'error');
      const heavy = heaviest(nodes.filter((n) => n.critical));
      const services = new Set(nodes.map((n) => n.span.service));
      const total = (tree.end - tree.start) * 1000;
      ctx.head({ title: [first.service, ': ', first.name].join('') });
      answer.set(`${text(total, 'ms')} in all; ${heavy ? `${text(heavy.ms, 'ms')} of it (${Math.round((heavy.ms / total) * 100)} %) in ${heavy.n > 1 ? `${heavy.n.toLocaleString('en')} × ` : ''}“${heavy.name}” of ${heavy.service}` : ''}${errors.length ? `; ${count(errors.length, 'span')} failed, first “${errors[0].span.name}” of ${errors[0].span.service}` : '; nothing failed'}${more ? `. Only the first ${MOST.toLocaleString('en')} spans are shown` : ''}.`);
      stats.set([['Started', clock(first.start, { ms: true }), { note: exact(first.start) }], ['Duration', text(total, 'ms')], ['Spans', tree.size.toLocaleString('en'), tree.roots.length > 1 ? { note: `${tree.roots.length} without their parent` } : {}], ['Services', services.size], ['Errors', errors.length, { tone: errors.length ? 'critical' : '' }], ['Logs', 'of this trace', { href: link('/ui/logs', { trace_id: ctx.params.id, from: Math.floor(first.start - 300), to: Math.ceil(tree.end + 300) }) }]]);
    }

    /** @param {import('../parts/tree.js').Node} node */
    function show(node) {
      const s = node.span;
      detail.hidden = false;
      detail.replaceChildren(
        h('div', { class: 'panel-head' }, h('h2', null, s.name), h('button', { class: 'ghost', type: 'button', 'aria-label': 'Close', on: { click: () => { detail.hidden = true; } } }, '✕')),
        h('dl', { class: 'facts' }, fact('Service', h('a', { href: link(`/ui/entities/${encodeURIComponent('service:' + s.service)}`) }, s.service)), fact('Kind', s.kind), fact('Duration', text(s.duration_ms, 'ms')), fact('Own time', text(node.self_ms, 'ms')), fact('Started', `+${text((s.start - fall.tree().start) * 1000, 'ms')}`), fact('Status', health(s.status === 'error' ? 'error' : s.status === 'ok' ? 'ok' : 'unset', s.status)), s.status_message && fact('Says', s.status_message), fact('Span id', h('span', { class: 'mono small' }, s.span_id)), s.scope && fact('Library', typeof s.scope === 'string' ? s.scope : s.scope.name)),
        part('Attributes', s.attributes), ...(s.events || []).map((/** @type {any} */ e) => part(`Event: ${e.name || ''}`, e.attributes || e)), s.links?.length ? part('Links', s.links) : '', part('Resource', s.resource));
    }
    return { refresh };
  },
};

/** @param {string} name @param {any} value */
function fact(name, value) {
  return [h('dt', null, name), h('dd', null, value)];
}

/** @param {string} title @param {any} value */
function part(title, value) {
  if (!value || !Object.keys(value).length) return '';
  const plain = Object.values(value).every((v) => v === null || typeof v !== 'object');
  return h('section', null, h('h3', null, title), plain ? h('dl', { class: 'facts attrs' }, Object.entries(value).map(([k, v]) => fact(k, h('span', { class: 'mono' }, String(v))))) : json(value, { open: 2 }));
}

/** @param {import('../parts/tree.js').Node[]} roots */
function flat(roots) {
  const out = [];
  const todo = [...roots];
  while (todo.length) {
    const node = /** @type {import('../parts/tree.js').Node} */ (todo.pop());
    out.push(node);
    todo.push(...node.children);
  }
  return out.sort((a, b) => a.span.start - b.span.start);
}

/** The operation that holds most of the critical path's own time: many small spans weigh together. @param {import('../parts/tree.js').Node[]} nodes */
function heaviest(nodes) {
  const groups = new Map();
  for (const { span, self_ms } of nodes) {
    const key = `${span.service}\0${span.name}`;
    const group = groups.get(key) || { service: span.service, name: span.name, ms: 0, n: 0 };
    group.ms += self_ms;
    group.n += 1;
    groups.set(key, group);
  }
  return [...groups.values()].sort((a, b) => b.ms - a.ms)[0];
}
