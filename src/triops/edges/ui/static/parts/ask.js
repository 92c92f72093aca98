/** A dialog with a few fields and one act; an error of the server stays in it, so that nothing typed is lost. */

import { h } from '../dom.js';
import { failure } from './failure.js';

/**
 * `many` is a choice of several: its value has one a line. `wide` puts short fields side by side.
 * @typedef {{name: string, label: string, value?: string, placeholder?: string, kind?: 'line'|'words'|'choice'|'many'|'number'|'date', options?: [string, string][], optional?: boolean, most?: number, least?: number}} AskField
 * @param {{title: string, says?: any, fields: AskField[], act: string, tone?: string, wide?: boolean, done: (values: Record<string, string>) => Promise<any>}} how
 */
export function ask({ title, says, fields, act, tone = 'primary', wide = false, done }) {
  const inputs = new Map(fields.map((f) => [f.name, inputOf(f)]));
  const go = h('button', { class: tone, type: 'submit' }, act);
  const wrong = h('div');
  const form = h('form', { method: 'dialog', on: { submit, input: ready } }, h('h2', null, title), says && h('div', { class: 'says' }, says),
    h('div', { class: 'fields' }, fields.map((f) => (f.kind === 'many' ? h('fieldset', { class: 'choices' }, h('legend', null, f.label), inputs.get(f.name)) : h('label', { class: f.kind === 'words' && 'whole-line' }, f.label + (f.optional && ['line', 'words', undefined].includes(f.kind) ? ' (optional)' : ''), inputs.get(f.name))))), wrong,
    h('div', { class: 'buttons' }, h('button', { type: 'button', on: { click: () => dialog.close() } }, 'Cancel'), go));
  const dialog = h('dialog', { class: ['dialog', wide && 'wide'], 'aria-label': title, on: { close: () => dialog.remove() } }, form);

  /** @param {AskField} f @returns {string} */
  function valueOf({ name, kind }) {
    const input = inputs.get(name);
    return kind === 'many' ? [...input.querySelectorAll(':checked')].map((box) => box.value).join('\n') : input.value.trim();
  }

  function ready() {
    go.disabled = fields.some((f) => !f.optional && !valueOf(f));
  }

  /** @param {Event} event */
  async function submit(event) {
    event.preventDefault();
    go.disabled = true;
    try {
      await done(Object.fromEntries(fields.map((f) => [f.name, valueOf(f)])));
      dialog.close();
    } catch (error) {
      wrong.replaceChildren(failure(error));
      wrong.scrollIntoView({ block: 'nearest' });
      ready();
    }
  }

  document.body.append(dialog);
  ready();
  dialog.showModal();
  (inputs.get(fields[0]?.name) || go).focus();
}

/** @param {AskField} field */
function inputOf({ kind = 'line', value = '', placeholder = '', options = [], most = 2000, least = 0 }) {
  if (kind === 'choice') return h('select', null, options.map(([id, name]) => h('option', { value: id, selected: id === value }, name)));
  if (kind === 'many') return h('div', { class: 'boxes' }, options.map(([id, name]) => h('label', { class: 'box' }, h('input', { type: 'checkbox', value: id, checked: value.split('\n').includes(id) }), name)));
  if (kind === 'words') return h('textarea', { rows: 3, maxlength: most, placeholder, value});
  if (kind === 'number') return h('input', { type: 'number', min: least, step: 'any', inputmode: 'decimal', placeholder, value });
  return h('input', { type: kind === 'date' ? 'date' : 'text', maxlength: most, placeholder, value, autocomplete: 'off'});
}
