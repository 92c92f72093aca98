/** A dialog with a few fields and one act; an error of the server stays in it, so that nothing typed is lost. */

import { h } from '../dom.js';
import { failure } from './failure.js';

/**
 * @typedef {{name: string, label: string, value?: string, placeholder?: string, kind?: 'line'|'words'|'choice', options?: [string, string][], optional?: boolean, most?: number}} AskField
 * @param {{title: string, says?: any, fields: AskField[], act: string, tone?: string, done: (values: Record<string, string>) => Promise<any>}} how
 */
export function ask({ title, says, fields, act, tone = 'primary', done }) {
  const inputs = new Map(fields.map((f) => [f.name, inputOf(f)]));
  const go = h('button', { class: tone, type: 'submit' }, act);
  const wrong = h('div');
  const form = h('form', { method: 'dialog', on: { submit, input: ready } }, h('h2', null, title), says && h('div', { class: 'says' }, says),
    fields.map((f) => h('label', null, f.label + (f.optional ? ' (optional)' : ''), inputs.get(f.name))), wrong,
    h('div', { class: 'buttons' }, h('button', { type: 'button', on: { click: () => dialog.close() } }, 'Cancel'), go));
  const dialog = h('dialog', { class: 'dialog', 'aria-label': title, on: { close: () => dialog.remove() } }, form);

  function ready() {
    go.disabled = fields.some((f) => !f.optional && !inputs.get(f.name).value.trim());
  }

  /** @param {Event} event */
  async function submit(event) {
    event.preventDefault();
    go.disabled = true;
    try {
      await done(Object.fromEntries(fields.map((f) => [f.name, inputs.get(f.name).value.trim()])));
      dialog.close();
    } catch (error) {
      wrong.replaceChildren(failure(error));
      ready();
    }
  }

  document.body.append(dialog);
  ready();
  dialog.showModal();
  (inputs.get(fields[0]?.name) || go).focus();
}

/** @param {AskField} field */
function inputOf({ kind = 'line', value = '', placeholder = '', options = [], most = 2000 }) {
  if (kind === 'choice') return h('select', null, options.map(([id, name]) => h('option', { value: id, selected: id === value }, name)));
  if (kind === 'words') return h('textarea', { rows: 3, maxlength: most, placeholder, value});
  return h('input', { type: 'text', maxlength: most, placeholder, value, autocomplete: 'off'});
}
