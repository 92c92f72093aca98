/** Documents: what people told Triops to do and not to do, as applied. */

import { remove, seg } from '../api.js';
import { h, say, slot } from '../dom.js';
import { count, sentence, when } from '../format.js';
import { code } from '../parts/code.js';
import { empty } from '../parts/empty.js';
import { askReason } from '../parts/reason.js';
import { yaml } from '../parts/yaml.js';

/** @param {() => void} refresh */
export function documentsTab(refresh) {
  const answer = slot(h('p', { class: 'answer' }), ({ text }) => text);
  const list = slot(h('div'), ({ items }) => (items.length ? h('ul', { class: 'lines' }, items.map(line)) : empty('No document yet.', { hint: 'Runbooks, policies, notifiers and maintenance windows are YAML files, applied and versioned:', command: 'triops apply FILE --dry-run' })));

  /** @param {any} d */
  function line(d) {
    return h('li', { class: 'line' }, h('span', { class: 'tag' }, d.kind), h('div', { class: 'line-body' }, h('strong', null, d.name), d.spec?.title && h('span', { class: 'muted' }, ` ${d.spec.title}`), h('div', { class: 'muted small' }, `revision ${d.revision} · `, when(d.updated_at), d.updated_by && ` by ${d.updated_by}`),
      h('details', { data: { key: `${d.kind}/${d.name}` } }, h('summary', { class: 'small' }, 'as YAML'), code(yaml({ kind: d.kind, name: d.name, spec: d.spec })))),
    h('button', { type: 'button', class: 'danger', 'aria-label': `Delete ${d.kind} ${d.name}`, on: { click: () => erase(d) } }, 'Delete …'));
  }

  /** @param {any} d */
  function erase(d) {
    askReason({ title: `Delete ${d.kind} “${d.name}”`, says: 'Triops stops following it at once. The audit keeps that it was there.', act: 'Delete', done: async (why) => { await remove(`/documents/${seg(d.kind)}/${seg(d.name)}`, { why }); say('Deleted'); refresh(); } });
  }

  return {
    el: h('section', { class: 'card' }, answer.el, list.el),
    /** @param {any[]} answers */
    set([documents]) {
      const kinds = new Map();
      for (const d of documents.items) kinds.set(d.kind, (kinds.get(d.kind) || 0) + 1);
      answer.set({ text: documents.items.length ? sentence([...kinds].map(([k, n]) => count(n, k.toLowerCase(), k === 'Policy' ? 'policies' : k === 'Maintenance' ? 'maintenance windows' : undefined)).join(', ') + '.') : 'Triops suggests and does nothing by itself.' });
      list.set({ items: documents.items });
    },
  };
}
