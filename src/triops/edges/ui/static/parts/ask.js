/** A dialog with a few fields and one act; an error of the server stays in it, so that nothing typed is lost. */

import { h } from '../dom.js';
import { dialog } from './dialog.js';
import { failure } from './failure.js';

/**
 * `many` is a choice of several: its value has one a line. `least` is a number's least, and how long a text must be. `wide` puts short fields side by side.
 * A function that `done` answers is called once the dialog is closed.
 * @typedef {{name: string, label: string, value?: string, placeholder?: string, kind?: 'line'|'words'|'secret'|'choice'|'many'|'number'|'date', options?: [string, string][], optional?: boolean, most?: number, least?: number}} AskField
 * @param {{title: string, says?: any, fields: AskField[], act: string, tone?: string, wide?: boolean, done: (values: Record<string, string>) => Promise<any>}} how
 */
export function ask({ title, says, fields, act, tone = 'primary', wide = false, done }) {
  const inputs = new Map(fields.map((f) => [f.name, inputOf(f)]));
  const go = h('button', { class: tone, type: 'submit' }, act);
  const wrong = h('div');
  const labelled = (/** @type {AskField} */ f) => (f.kind === 'many' ? h('fieldset', { class: 'choices' }, h('legend', null, f.label), inputs.get(f.name)) : h('label', { class: f.kind === 'words' && 'whole-line' }, f.label + (f.optional && ['line', 'words', undefined].includes(f.kind) ? ' (optional)' : ''), inputs.get(f.name)));
  const close = dialog({ title, wide }, (close) => h('form', { on: { submit, input: ready } }, says && h('div', { class: 'says' }, says), h('div', { class: 'fields' }, fields.map(labelled)), wrong,
    h('div', { class: 'buttons' }, h('button', { type: 'button', on: { click: close } }, 'Cancel'), go)));

  /** @param {AskField} f @returns {string} */
  function valueOf({ name, kind }) {
    const input = inputs.get(name);
    return kind === 'many' ? [...input.querySelectorAll(':checked')].map((box) => box.value).join('\n') : input.value.trim();
  }

  function ready() {
    go.disabled = fields.some((f) => !f.optional && valueOf(f).length < (f.kind === 'number' ? 1 : f.least || 1));
  }

  /** @param {Event} event */
  async function submit(event) {
    event.preventDefault();
    go.disabled = true;
    try {
      const then = await done(Object.fromEntries(fields.map((f) => [f.name, valueOf(f)])));
      close();
      if (typeof then === 'function') then();
    } catch (error) {
      wrong.replaceChildren(failure(error));
      wrong.scrollIntoView({ block: 'nearest' });
      ready();
    }
  }

  ready();
  (inputs.get(fields[0]?.name) || go).focus();
}

/** @param {AskField} field */
function inputOf({ kind = 'line', value = '', placeholder = '', options = [], most = 2000, least = 0 }) {
  if (kind === 'choice') return h('select', null, options.map(([id, name]) => h('option', { value: id, selected: id === value }, name)));
  if (kind === 'many') return h('div', { class: 'boxes' }, options.map(([id, name]) => h('label', { class: 'box' }, h('input', { type: 'checkbox', value: id, checked: value.split('\n').includes(id) }), name)));
  if (kind === 'words') return h('textarea', { rows: 3, maxlength: most, placeholder, value});
  if (kind === 'number') return h('input', { type: 'number', min: least, step: 'any', inputmode: 'decimal', placeholder, value });
  return h('input', { type: kind === 'secret' ? 'password' : kind === 'date' ? 'date' : 'text', spellcheck: kind === 'secret' ? 'false' : null, maxlength: most, placeholder, value, autocomplete: 'off'});
}
