/** The line about the numbers of a claim link. It is loaded with such a link. */
import { NBSP, showToken } from '../format';
import type { RichText } from '../rich-text';

/** Two digits more than on the bars, as many as the link has. */
const percent = (p: number) => `${(100 * p).toFixed(3)}${NBSP}%`;

export const claim = {
  agrees: ['These numbers agree with the link’s.'] as RichText,
  differs: (candidates: [string, string], link: [number, number], here: [number, number]): RichText => [
    { strong: 'These numbers differ from the link’s.' },
    ...candidates.flatMap((token, index): RichText => [' ', { code: showToken(token) }, ` ${percent(link[index as 0 | 1])} in the link, ${percent(here[index as 0 | 1])} here.`]),
    ' The link was changed, or another version of the model made it.',
  ],
};
