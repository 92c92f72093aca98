/** A row of filters bound to the address: what one types is in the link one shares. */

import { h, quiet } from '../dom.js';

/**
 * @typedef {{name: string, label: string, kind?: 'text'|'select'|'number', options?: [string, string][], suggest?: () => Promise<string[]>, wide?: boolean, placeholder?: string}} Field
 * @param {import('../visit.js').Visit} ctx @param {Field[]} fields @param {...any} extra
 */
export function filters(ctx, fields, ...extra) {
  const inputs = new Map();
  const cells = fields.map((field) => {
    const change = (/** @type {any} */ e) => ctx.set({ [field.name]: e.target.value.trim() }, { replace: true });
    let input;
    if (field.kind === 'select') {
      input = h('select', { on: { change } }, (field.options || []).map(([value, name]) => h('option', { value }, name)));
    } else {
      const list = field.suggest ? h('datalist', { id: `suggest-${field.name}` }) : null;
      input = h('input', { type: field.kind === 'number' ? 'number' : 'search', min: field.kind === 'number' ? 0 : null, placeholder: field.placeholder || '', autocomplete: 'off', spellcheck: 'false', list: list && list.id, on: { input: quiet(change, 350) } });
      if (list && field.suggest) {
        const ask = field.suggest;
        input.addEventListener('focus', async () => {
          const names = await ask().catch(() => []);
          list.replaceChildren(...names.slice(0, 500).map((n) => h('option', { value: n })));
        }, { once: true });
      }
      inputs.set(field.name, input);
      return h('label', { class: ['filter', field.wide && 'wide'] }, h('span', null, field.label), input, list);
    }
    inputs.set(field.name, input);
    return h('label', { class: ['filter', field.wide && 'wide'] }, h('span', null, field.label), input);
  });
  return {
    el: h('form', { class: 'filters', role: 'search', 'aria-label': 'Filters', on: { submit: (/** @type {Event} */ e) => e.preventDefault() } }, cells, extra),
    /** Shows what the address says, unless one is typing there. */
    sync() {
      for (const [name, input] of inputs) if (document.activeElement !== input || input.tagName === 'SELECT') input.value = ctx.query.get(name) || '';
    },
  };
}
