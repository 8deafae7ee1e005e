/**
 * Every text of the page in English, one file for each feature: labels, sentences and texts for screen readers. Components have
 * no texts of their own. The texts in `en/lesson.ts` are loaded with the tour and are not in this list. An entry is a constant or a
 * function. A sentence with bold or code parts is `RichText`.
 */
export * from './en/engine';
export * from './en/graph';
export * from './en/page';
export * from './en/panel';
export * from './en/prediction';
export * from './en/prompts';
export * from './en/twin';
