/** A block of text to copy. */

import { h, say } from '../dom.js';
import { icon } from '../icons.js';

/** @param {string} text @param {string} [label] */
export function code(text, label) {
  return h('div', { class: 'code' }, label && h('div', { class: 'code-label' }, label), h('pre', { tabindex: '0', 'aria-label': label || 'Command' }, text), copyButton(text));
}

/** @param {string} text */
export function copyButton(text) {
  const button = h('button', { class: 'ghost square copy', type: 'button', title: 'Copy', 'aria-label': 'Copy', on: { click: copy } }, icon('copy', 16));
  async function copy() {
    const done = await put(text);
    button.replaceChildren(icon(done ? 'tick' : 'close', 16));
    say(done ? 'Copied' : 'Could not copy');
    setTimeout(() => button.replaceChildren(icon('copy', 16)), 1500);
  }
  return button;
}

/** The clipboard needs a secure context; plain HTTP on a LAN falls back to the old command. @param {string} text */
async function put(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = h('textarea', { class: 'unseen', 'aria-hidden': 'true' });
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    return done;
  }
}
