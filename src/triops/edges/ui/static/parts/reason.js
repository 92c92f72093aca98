/** Asks for words before an act that cannot be shrugged off: what it reaches, why, then the button. */

import { h } from '../dom.js';
import { failure } from './failure.js';

/**
 * @param {{title: string, says?: any, label?: string, act: string, required?: boolean, tone?: string, value?: string, done: (why: string) => Promise<void>}} how
 */
export function askReason({ title, says, label = 'Why', act, required = true, tone = 'primary', value = '', done }) {
  const input = h('textarea', { rows: 2, maxlength: 2000, 'aria-label': label, placeholder: required ? 'A few words for those who read this later' : 'Optional', value, on: { input: ready } });
  const go = h('button', { class: tone, type: 'submit', disabled: required }, act);
  const wrong = h('div');
  const form = h('form', { method: 'dialog', on: { submit } }, h('h2', null, title), says && h('div', { class: 'says' }, says), h('label', null, label, required ? '' : ' (optional)', input), wrong,
    h('div', { class: 'buttons' }, h('button', { type: 'button', on: { click: () => dialog.close() } }, 'Cancel'), go));
  const dialog = h('dialog', { class: 'dialog', 'aria-label': title, on: { close: () => dialog.remove() } }, form);

  function ready() {
    go.disabled = required && input.value.trim().length < 3;
  }

  /** @param {Event} event */
  async function submit(event) {
    event.preventDefault();
    go.disabled = true;
    try {
      await done(input.value.trim());
      dialog.close();
    } catch (error) {
      wrong.replaceChildren(failure(error));
      ready();
    }
  }

  document.body.append(dialog);
  dialog.showModal();
  input.focus();
}
