/** The server's "something changed" stream, as one event source for the whole page. */

import { BASE } from './api.js';
import { parsed } from './parsing.js';

const KINDS = ['incident', 'change', 'anomaly', 'action'];

/**
 * Calls `heard(kind, data)` for each notice while on, `state(connected)` when the stream comes and goes. The browser
 * reconnects by itself; what was missed meanwhile is made good by one `heard('all')` on return.
 */
export class Live {
  /** @param {(kind: string, data: any) => void} heard @param {(connected: boolean) => void} state */
  constructor(heard, state) {
    this.heard = heard;
    this.state = state;
    /** @type {EventSource|null} */
    this.source = null;
    this.dropped = false;
  }

  start() {
    if (this.source) return;
    const source = new EventSource(BASE + '/live');
    this.source = source;
    source.onopen = () => {
      this.state(true);
      if (this.dropped) this.heard('all', {});
      this.dropped = false;
    };
    source.onerror = () => {
      this.dropped = true;
      this.state(false);
    };
    for (const kind of KINDS) {
      source.addEventListener(kind, (event) => this.heard(kind, parsed(/** @type {MessageEvent} */ (event).data, {})));
    }
  }

  stop() {
    this.source?.close();
    this.source = null;
    this.state(false);
  }
}

