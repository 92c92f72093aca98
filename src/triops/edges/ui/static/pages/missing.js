/** An address that shows nothing. */

import { empty } from '../parts/empty.js';

/** @type {import('../routes.js').Page} */
export default {
  title: 'No such page',
  question: 'Where did you want to go?',
  timeless: true,
  calls: () => [],
  mount(ctx, root) {
    root.append(empty('There is no page at this address.', { hint: 'Press / to search for a service, an incident or a trace.', link: ['Go to the overview', '/ui'] }));
    return { refresh: async () => {} };
  },
};
