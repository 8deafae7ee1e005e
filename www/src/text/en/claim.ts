/** The line about the numbers of a claim link. It is loaded with such a link. */
import { NBSP, sayToken } from '../format';

/** Two digits more than on the bars, as many as the link has. */
const percent = (p: number) => `${(100 * p).toFixed(3)}${NBSP}%`;

export const claim = {
  agrees: 'These numbers agree with the link’s.',
  differs: (candidates: [string, string], link: [number, number], here: [number, number]) => {
    const each = candidates.map((token, index) => `${sayToken(token)} ${percent(link[index as 0 | 1])} in the link, ${percent(here[index as 0 | 1])} here`);
    return `These numbers differ from the link’s: ${each.join('; ')}. The link was changed, or it was made with another version of the model.`;
  },
};
