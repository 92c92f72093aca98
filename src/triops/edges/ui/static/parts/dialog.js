/** A box over the page. Closing takes it out of the page in the same moment, not only out of sight: it may have held a secret. */

import { append, h, twin } from '../dom.js';

/**
 * Shows `content(close)` in a box until `close` is called, Escape is pressed, or the page is left; then the focus is back where it was.
 * @param {{title: string, wide?: boolean, firm?: boolean, closed?: () => void}} how `firm`: neither Escape nor leaving the page closes it
 * @param {(close: () => void) => import('../dom.js').Child} content
 * @returns {() => void} closes it
 */
export function dialog({ title, wide = false, firm = false, closed }, content) {
  const before = twin(document.activeElement);
  const open = new AbortController();
  const el = h('dialog', { class: ['dialog', wide && 'wide'], 'aria-label': title, on: { close, cancel, submit } });

  function close() {
    if (open.signal.aborted) return;
    open.abort();
    el.close();
    el.remove();
    if (document.activeElement === document.body) before()?.focus(); // the page was drawn anew meanwhile
    closed?.();
  }

  /** @param {Event} event */
  function cancel(event) {
    event.preventDefault();
    if (!firm) close();
  }

  /** A form that does nothing of its own closes it. @param {Event} event */
  function submit(event) {
    if (event.defaultPrevented) return;
    event.preventDefault();
    close();
  }

  append(el, [h('h2', null, title), content(close)]);
  document.body.append(el);
  el.showModal();
  if (!firm) for (const left of ['popstate', 'triops:login']) addEventListener(left, close, { signal: open.signal });
  return close;
}

/**
 * Something to take note of, and one button.
 * @param {{title: string, act?: string, wide?: boolean, firm?: boolean, closed?: () => void}} how @param {...import('../dom.js').Child} says
 */
export function notice({ act = 'Understood', ...how }, ...says) {
  dialog(how, () => h('form', null, says, h('div', { class: 'buttons' }, h('button', { type: 'submit', class: 'primary' }, act))));
}
