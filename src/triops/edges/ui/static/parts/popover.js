/** A box that opens under its button; Escape and a click elsewhere close it. */

import { h } from '../dom.js';

/** @param {any} button @param {any} content @param {() => void} [opening] */
export function popover(button, content, opening) {
  const box = h('div', { class: 'popover', hidden: true }, content);
  const el = h('div', { class: 'popover-anchor' }, button, box);
  button.setAttribute('aria-expanded', 'false');
  button.setAttribute('aria-haspopup', 'true');
  button.addEventListener('click', () => (box.hidden ? open() : close()));
  el.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== 'Escape' || box.hidden) return;
    event.preventDefault();
    close();
    button.focus();
  });
  const outside = (/** @type {Event} */ event) => !el.contains(event.target) && close();

  function open() {
    opening?.();
    box.hidden = false;
    button.setAttribute('aria-expanded', 'true');
    document.addEventListener('pointerdown', outside);
  }
  function close() {
    box.hidden = true;
    button.setAttribute('aria-expanded', 'false');
    document.removeEventListener('pointerdown', outside);
  }
  return { el, close };
}
