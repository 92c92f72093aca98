/** The side panel: an entity beside the page one is reading. */

import { h } from '../dom.js';
import { nameOf, typeOf } from '../format.js';
import { icon } from '../icons.js';
import { link } from '../state.js';
import { Visit } from '../visit.js';
import { failure } from './failure.js';

export class SidePanel {
  /** @param {() => void} close @param {(path: string, how?: {replace?: boolean}) => void} go */
  constructor(close, go) {
    this.go = go;
    this.shown = '';
    this.body = h('div', { class: 'panel-body' });
    this.name = h('h2');
    this.whole = h('a', { class: 'small' }, 'Open as a page');
    this.el = h('aside', { class: 'panel', hidden: true, 'aria-label': 'Entity' },
      h('div', { class: 'panel-head' }, this.name, this.whole, h('button', { class: 'ghost square', type: 'button', 'aria-label': 'Close the panel', title: 'Close (Esc)', on: { click: close } }, icon('close'))), this.body);
  }

  get open() {
    return !this.el.hidden;
  }

  /** @param {string|null} id */
  async show(id) {
    this.el.hidden = !id;
    this.el.parentElement?.classList.toggle('with-panel', Boolean(id));
    const key = `${id}|${location.search}`;
    if (!id) {
      this.visit?.abort.abort();
      this.view?.leave?.();
      this.view = null;
      this.shown = '';
      return;
    }
    this.whole.href = link(`/ui/entities/${encodeURIComponent(id)}`);
    if (key === this.shown) return;
    this.visit?.abort.abort();
    this.view?.leave?.();
    this.shown = key;
    this.name.replaceChildren(nameOf(id), ' ', h('span', { class: 'muted small' }, typeOf(id)));
    const { default: entity } = await import('../pages/entity.js');
    if (key !== this.shown) return;
    this.visit = new Visit({ id, narrow: 'yes' }, this.go);
    const root = h('div', { class: 'page' });
    this.body.replaceChildren(root);
    this.view = entity.mount(this.visit, root);
    await this.refresh();
  }

  async refresh() {
    if (!this.view || !this.visit) return;
    const { view, visit } = this;
    visit.read();
    try {
      await view.refresh('open');
    } catch (error) {
      if (/** @type {any} */ (error).name !== 'AbortError') this.body.replaceChildren(failure(error));
    }
  }
}
