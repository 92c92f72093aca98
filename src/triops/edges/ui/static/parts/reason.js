/** Asks for words before an act that cannot be shrugged off: what it reaches, why, then the button. */

import { ask } from './ask.js';

/**
 * @param {{title: string, says?: any, label?: string, act: string, required?: boolean, tone?: string, value?: string, done: (why: string) => Promise<any>}} how
 */
export function askReason({ title, says, label = 'Why', act, required = true, tone, value = '', done }) {
  const placeholder = required ? 'A few words for those who read this later' : '';
  ask({ title, says, act, tone, fields: [{ name: 'why', label, kind: 'words', value, placeholder, optional: !required, least: 3 }], done: ({ why }) => done(why) });
}
